"""What is particular to note networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from multimodal.branches import Branch, create
from multimodal.branches.text import ENCODER_TYPES, TextBranch
from multimodal.errors import ArchitectureError, BundleInvalidError
from multimodal.prepare import TextPreparation
from tests.branches.builders import LABELS, PREPARATIONS, TINY_ENCODER, build, tokenizer, windows


def auto(encoder: dict[str, Any]) -> Branch:
    return create("text", "auto", labels=LABELS, preparation=PREPARATIONS["text"], options={"encoder": encoder})


@pytest.fixture(params=ENCODER_TYPES)
def hub_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A tiny encoder of each family, as its authors would publish it."""
    sizes = {key: value for key, value in TINY_ENCODER.items() if key != "model_type"}
    ids = {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    torch.manual_seed(0)
    encoder = AutoModel.from_config(CONFIG_MAPPING[request.param](**sizes, **ids))
    encoder.save_pretrained(tmp_path / "encoder")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer(), pad_token="[PAD]", model_max_length=4).save_pretrained(
        tmp_path / "encoder"
    )
    return tmp_path / "encoder"


def test_any_family_is_taken_from_a_folder_and_rebuilt_without_it(hub_folder: Path, tmp_path: Path) -> None:
    preparation = TextPreparation(max_tokens=24, overlap=4)
    branch = create("text", "auto", labels=LABELS, preparation=preparation, pretrained=str(hub_folder)).eval()
    branch.save_pretrained(tmp_path / "bundle")
    for file in hub_folder.iterdir():
        file.unlink()
    loaded = TextBranch.from_pretrained(tmp_path / "bundle")
    x = windows("text")
    assert torch.equal(loaded(x)[1], branch(x)[1])
    assert loaded.tokenizer is not None
    assert len(loaded.tokenizer.encode("the lungs are clear and the heart is normal").ids) == 11


@pytest.mark.parametrize("arch", ["small_transformer", "auto"])
def test_padding_counts_for_nothing(arch: str) -> None:
    branch = build("text", arch).eval()
    x = windows("text")[-1:]
    torch.testing.assert_close(branch(x)[1], branch(x[:, :10])[1], atol=1e-5, rtol=1e-5)
    states = branch.features(x)
    assert branch.pool(torch.where(branch.mask(x)[..., None], states, torch.nan), branch.mask(x)).isfinite().all()


@pytest.mark.parametrize(
    "change",
    [
        {"auto_map": {"AutoModel": "evil.Model"}},
        {"_attn_implementation": "someone/kernel"},
        {"attn_implementation": "someone/kernel"},
        {"quantization_config": {}},
        {"return_dict": False},
        {"model_type": "gpt2"},
        {"model_type": None},
        {"trust_remote_code": True},
        {"num_hidden_layers": 10**9},
        {"hidden_size": "16"},
        {"hidden_size": 15},
        {"pad_token_id": None},
    ],
    ids=str,
)
def test_an_encoder_config_that_is_not_plainly_a_network_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ArchitectureError):
        auto({**TINY_ENCODER, **change})


def test_auto_needs_an_encoder() -> None:
    with pytest.raises(ArchitectureError, match="Expected `pretrained`"):
        create("text", "auto", labels=LABELS, preparation=PREPARATIONS["text"])


def test_a_folder_without_an_encoder_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match="cannot be loaded"):
        create("text", "auto", labels=LABELS, preparation=PREPARATIONS["text"], pretrained=str(tmp_path))


@pytest.mark.parametrize("arch", ["small_transformer", "auto"])
def test_windows_longer_than_the_encoder_are_refused(arch: str) -> None:
    options = {"encoder": TINY_ENCODER} if arch == "auto" else {"layers": 0}
    with pytest.raises(ArchitectureError, match=r"at most 32 tokens|1 to 48 layers"):
        create("text", arch, labels=LABELS, preparation=TextPreparation(max_tokens=64), options=options)


def test_a_text_branch_is_not_saved_without_its_tokenizer(tmp_path: Path) -> None:
    branch = build("text", "small_transformer")
    branch.tokenizer = None
    with pytest.raises(BundleInvalidError, match="Expected a tokenizer"):
        branch.save_pretrained(tmp_path)


def test_a_tokenizer_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    branch = create(
        "text", "small_transformer", labels=LABELS, preparation=PREPARATIONS["text"], options={"vocab_size": 20}
    )
    branch.tokenizer = tokenizer()
    with pytest.raises(BundleInvalidError, match="token ids differ"):
        branch.save_pretrained(tmp_path)
