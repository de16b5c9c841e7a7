"""Tiny random bundles, and items to feed them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from multimodal import zoo
from multimodal.branches import create
from multimodal.calibrate import Conformal, LabelCalibration
from multimodal.case import Audio, Case, Image, Patient, Text
from multimodal.fusion import create as create_head
from multimodal.labels import LABELS, Modality, Site, labels_of
from multimodal.prepare import AudioPreparation, ImagePreparation, TextPreparation
from multimodal.prepare.text import train_tokenizer

NOTES = (
    "Cough and fever for three days. The heart is normal in size and the lungs are clear.",
    "Shortness of breath on exertion, systolic murmur over the aortic area, no fever.",
    "History of asthma. Wheezes over both lungs; no effusion seen.",
)
PREPARATION = {
    "image": ImagePreparation(size=32),
    "audio": AudioPreparation(n_mels=16, window_s=2.0, hop_s=1.0),
    "text": TextPreparation(max_tokens=32, overlap=4),
}
ARCH = {
    "image": ("small_cnn", {}),
    "audio": ("lstm", {"hidden": 8}),
    "text": ("small_transformer", {"vocab_size": 120, "hidden": 16, "layers": 1, "heads": 2}),
}


def calibration(prevalence: float, threshold: float = 0.1, *, covered: bool = True) -> dict[str, object]:
    conformal = Conformal(0.1, least_present=-0.3, most_absent=0.4, positives=40, negatives=60) if covered else None
    return LabelCalibration(4.0, 0.2, prevalence, threshold, conformal).to_dict()


def save_branch(root: Path, kind: str, name: str, seed: int = 0, calibrated: Sequence[str] | None = None) -> zoo.Bundle:
    torch.manual_seed(seed)
    arch, options = ARCH[kind]
    network = create(kind, arch, labels=labels_of(Modality(kind)), preparation=PREPARATION[kind], options=options)
    torch.nn.init.normal_(network.head[-1].weight, std=0.3)
    network.eval()
    readings = {
        label: calibration(0.2 + 0.04 * i, covered=i % 2 == 0) for i, label in enumerate(calibrated or network.labels)
    }
    tokenizer = train_tokenizer(NOTES, vocab_size=120) if kind == "text" else None
    return zoo.save(root / kind / name, network, network.describe(name, calibration=readings), tokenizer)


def save_head(root: Path, name: str, arch: str, branches: dict[str, zoo.Bundle], **entries: object) -> zoo.Bundle:
    torch.manual_seed(5)
    configs = {m: bundle.config for m, bundle in branches.items()}
    dims = {Modality(m): config.embedding_dim for m, config in configs.items()}
    head = create_head(arch, labels=tuple(LABELS), embedding_dims=dims)
    if hasattr(head, "readout"):
        torch.nn.init.normal_(head.readout, std=0.3)
    trained_on = {m: {"name": c.name, "sha256": c.sha256, "embedding_dim": c.embedding_dim} for m, c in configs.items()}
    config = zoo.BundleConfig(kind="fusion", name=name, arch=arch, labels=tuple(LABELS), branches=trained_on, **entries)
    return zoo.save(root / "fusion" / name, head, config)


def film(seed: int = 0, size: int = 140) -> Image:
    y, x = np.mgrid[0:size, 0:size] / size
    lungs = sum(np.exp(-(((x - c) / 0.12) ** 2 + ((y - 0.5) / 0.3) ** 2)) for c in (0.27, 0.73))
    grain = np.random.default_rng(seed).normal(0, 0.08, (size, size))
    return Image(f"film{seed}.png", f"{seed:064d}", np.clip(0.7 - 0.5 * lungs + grain, 0, 1).astype(np.float32))


def sound(seed: int = 0, site: Site | None = Site.HEART, seconds: float = 4.5) -> Audio:
    t = np.arange(int(seconds * 2000)) / 2000
    beat = np.exp(-(((t % 0.8 - 0.1) / 0.02) ** 2)) * np.sin(2 * np.pi * (60 + 10 * seed) * t)
    noise = np.random.default_rng(seed).normal(0, 0.01, len(t))
    return Audio(f"sound{seed}.wav", f"{seed:064d}", (beat + noise).astype(np.float32), 2000, site)


def note(seed: int = 0) -> Text:
    return Text(f"note{seed}.txt", f"{seed:064d}", NOTES[seed % len(NOTES)])


def full_case(seed: int = 0) -> Case:
    sounds = (sound(seed), sound(seed + 1, Site.LUNG))
    return Case(f"case{seed}", (film(seed),), sounds, (note(seed),), Patient(age=60, sex="F"))
