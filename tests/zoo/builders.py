"""Small bundles, and what an attacker could make of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import torch

from multimodal.branches import Branch, create
from multimodal.fusion import create as create_head
from multimodal.prepare import AudioPreparation
from multimodal.zoo import Bundle, BundleConfig

LABELS = ("murmur", "crackles")
AUDIO = AudioPreparation(window_s=1.0, hop_s=0.5, n_mels=16)


def sound_branch() -> Branch:
    torch.manual_seed(0)
    return create("audio", "lstm", labels=LABELS, preparation=AUDIO, options={"hidden": 4}).eval()


def head(arch: str) -> tuple[torch.nn.Module, BundleConfig]:
    dims = {"audio": 4, "text": 6} if arch != "late" else {}
    branches = {kind: {"name": "tiny", "sha256": "0" * 64, "embedding_dim": dim} for kind, dim in dims.items()}
    network = create_head(arch, labels=LABELS, embedding_dims=dims)  # type: ignore[arg-type]
    return network, BundleConfig("fusion", "head", arch, LABELS, branches=branches)


def rewrite(bundle: Bundle, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the config of a bundle on disk."""
    path = bundle.folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def replace_weights(bundle: Bundle, content: bytes) -> None:
    """Change the weights of a bundle and name their hash in the config, as its author could."""
    (bundle.folder / "model.safetensors").write_bytes(content)
    rewrite(bundle, lambda config: config.update(sha256=hashlib.sha256(content).hexdigest()))
