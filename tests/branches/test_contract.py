"""What every registered architecture keeps; a new one is tested by being registered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import binary_cross_entropy_with_logits

from multimodal.branches import Branch
from multimodal.branches.audio import AudioBranch
from multimodal.bundle import BundleConfig
from tests.branches.builders import LABELS, build, windows


def test_shapes(branch: Branch) -> None:
    x = windows(branch.kind)
    features = branch.features(x)
    embedding, logits = branch(x)
    assert features.shape[0] == 3
    assert features.ndim == {"image": 4, "audio": 3, "text": 3}[branch.kind]
    assert embedding.shape == (3, branch.embedding_dim)
    assert logits.shape == (3, len(LABELS))
    assert logits.dtype == embedding.dtype == torch.float32
    assert branch.labels == LABELS


def test_forward_is_features_pool_head(branch: Branch) -> None:
    x = windows(branch.kind)
    embedding, logits = branch(x)
    again = branch.pool(branch.features(x), branch.mask(x))
    assert torch.equal(again, embedding)
    assert torch.equal(branch.head(again), logits)


def test_first_stages_are_watched_on_the_way_to_the_same_features(branch: Branch) -> None:
    x = windows(branch.kind)
    maps: list[torch.Tensor] = []
    assert torch.equal(branch.watched(x, maps.append), branch.features(x))
    assert maps
    assert all(len(stage) == 3 for stage in maps)
    if branch.arch in ("small_cnn", "conv_bilstm"):
        assert [stage.shape[1] for stage in maps] == sorted(stage.shape[1] for stage in maps)


def test_evaluation_is_deterministic(branch: Branch) -> None:
    x = windows(branch.kind)
    assert torch.equal(branch(x)[1], branch(x)[1])


def test_answers_do_not_depend_on_the_batch(branch: Branch) -> None:
    x = windows(branch.kind)
    together = branch(x)[1]
    alone = torch.cat([branch(row[None])[1] for row in x])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_gradients_reach_the_features(branch: Branch) -> None:
    x = windows(branch.kind)
    features = branch.features(x).detach().requires_grad_()
    branch.head(branch.pool(features, branch.mask(x))).sum().backward()
    assert features.grad is not None
    assert features.grad.abs().sum() > 0
    branch.zero_grad()


def test_a_bundle_gives_the_same_branch(branch: Branch, folder: Path) -> None:
    branch.save_pretrained(folder)
    loaded = type(branch).from_pretrained(folder)
    x = windows(branch.kind)
    assert not loaded.training
    assert loaded.spec == branch.spec
    assert torch.equal(loaded(x)[1], branch(x)[1])
    config = BundleConfig.from_json((folder / "config.json").read_text())
    assert loaded.config == config
    assert json.loads(config.to_json()) == json.loads((folder / "config.json").read_text())
    assert set(load_file(folder / "model.safetensors")) == set(branch.state_dict())


def test_every_parameter_is_trained(branch: Branch) -> None:
    branch = build(branch.kind, branch.arch).train()
    embedding, logits = branch(windows(branch.kind))
    loss = binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    if isinstance(branch, AudioBranch):
        loss = loss + branch.site_logit(embedding).sum()
    loss.backward()
    assert not [name for name, parameter in branch.named_parameters() if parameter.grad is None]


def test_autocast_keeps_answers_finite(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    # oneDNN's bfloat16 LSTM dies of an illegal instruction on virtual machines that announce AMX and withhold it.
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embedding, logits = branch(windows(branch.kind))
    assert embedding.isfinite().all()
    assert logits.isfinite().all()


def test_under_autocast_what_is_looked_at_stays_in_full_precision(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    x = windows(branch.kind)
    if branch.kind == "text":
        pytest.skip("notes are not looked at")
    whole: list[torch.Tensor] = []
    half: list[torch.Tensor] = []
    with torch.inference_mode():
        branch.watched(x, lambda maps: whole.append(maps.clone()))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            branch.watched(x, lambda maps: half.append(maps.clone()))
    assert whole
    for one, other in zip(whole, half, strict=True):
        assert torch.equal(one, other)


def test_only_sounds_have_a_site(branch: Branch) -> None:
    if branch.kind != "audio":
        assert not hasattr(branch, "site_logit")
        return
    assert isinstance(branch, AudioBranch)
    assert branch.site_logit(branch(windows("audio"))[0]).shape == (3,)
