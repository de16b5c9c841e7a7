"""What is particular to sound networks."""

from __future__ import annotations

import pytest
import torch

from multimodal.branches.audio import AttentionPool, BiLSTMAttention, ConvBiLSTM
from tests.branches.builders import build, windows


def test_attention_weights_add_up_to_one_in_float32() -> None:
    pool = AttentionPool(8)
    states = torch.randn(2, 400, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        weights = pool.weights(states.bfloat16())
        pooled = pool(states.bfloat16())
    assert weights.dtype == pooled.dtype == torch.float32
    torch.testing.assert_close(weights.sum(1), torch.ones(2))


def test_attention_is_a_weighted_mean() -> None:
    pool = AttentionPool(8)
    states = torch.randn(2, 30, 8)
    expected = (pool.weights(states)[..., None] * states).sum(1)
    torch.testing.assert_close(pool(states), expected)
    torch.testing.assert_close(pool(states.roll(7, 1)), expected)


@pytest.mark.parametrize(("arch", "steps"), [("lstm", 51), ("bilstm_attention", 51), ("conv_bilstm", 13)])
def test_features_are_states_in_time(arch: str, steps: int) -> None:
    branch = build("audio", arch).eval()
    assert branch.features(windows("audio")).shape == (3, steps, branch.embedding_dim)


@pytest.mark.parametrize("arch", ["lstm", "bilstm_attention", "conv_bilstm"])
def test_a_recurrent_network_keeps_its_states_in_float32(arch: str) -> None:
    branch, x = build("audio", arch).eval(), windows("audio")
    expected = branch.features(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(branch.features(x), expected)


@pytest.mark.parametrize("arch", ["lstm", "bilstm_attention", "conv_bilstm"])
def test_the_order_of_a_sound_matters(arch: str) -> None:
    branch = build("audio", arch).eval()
    x = windows("audio")
    assert not torch.allclose(branch(x)[1], branch(x.flip(-1))[1], atol=1e-5)


@pytest.mark.parametrize("arch", ["bilstm_attention", "conv_bilstm"])
def test_attention_can_be_read(arch: str) -> None:
    branch = build("audio", arch).eval()
    assert isinstance(branch, BiLSTMAttention | ConvBiLSTM)
    features = branch.features(windows("audio"))
    assert branch.attention.weights(features).shape == features.shape[:2]
