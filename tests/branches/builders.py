"""Small branches of every architecture, and windows to feed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from multimodal.branches import Branch, architectures, create
from multimodal.labels import Modality
from multimodal.prepare import AudioPreparation, ImagePreparation, Preparation, TextPreparation
from multimodal.prepare.text import train_tokenizer

LABELS = ("no_finding", "pneumonia", "pleural_effusion")
PREPARATIONS: Mapping[str, Preparation] = {
    "image": ImagePreparation(size=64),
    "audio": AudioPreparation(window_s=1.0, hop_s=0.5, n_mels=32),
    "text": TextPreparation(max_tokens=24, overlap=4),
}
TINY_ENCODER = {
    "model_type": "bert",
    "vocab_size": 64,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "small_cnn": {"width": 4},
    "small_transformer": {"vocab_size": 64, "hidden": 16, "layers": 1},
    "auto": {"encoder": TINY_ENCODER},
}
EVERY = [(kind.value, arch) for kind in Modality for arch in architectures(kind)]


def tokenizer() -> Tokenizer:
    return train_tokenizer(["the lungs are clear and the heart is normal"] * 2, 64)


def windows(kind: str, count: int = 3, seed: int = 0) -> Tensor:
    """(count, ...) input of a branch of this kind."""
    generator = torch.Generator().manual_seed(seed)
    if kind == "image":
        return torch.randn(count, 1, 64, 64, generator=generator)
    if kind == "audio":
        return torch.randn(count, 32, 51, generator=generator)
    ids = torch.randint(5, 40, (count, 24), generator=generator)
    ids[-1, 10:] = 0
    return ids


def build(kind: str, arch: str) -> Branch:
    torch.manual_seed(0)
    branch = create(kind, arch, labels=LABELS, preparation=PREPARATIONS[kind], options=OPTIONS.get(arch))
    if kind == "text":
        branch.tokenizer = tokenizer()
    return branch
