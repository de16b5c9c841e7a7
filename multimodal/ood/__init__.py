"""Is an item foreign to what a branch learned from: a photograph among films, music among sounds, a recipe among notes.

A network answers whatever it is given, and is as sure of a photograph as of a film. So a bundle may carry a detector:
what the items of its training patients are like, and how far from them an item may be.

Measured against each other (see the cards): the distance in the statistics of a network's first stages tells foreign
films and sounds best, far better than its last features, its logits or its energy. They leave out where in a film
things lie, so that clouds pass and some slices; the same distance in a film's coarse layout tells those, and knees and
ramps of light worse. Foreign notes are told by the share of their longer words that no training note holds, where a
transformer's features tell next to nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import load_file

from multimodal.branches import Branch
from multimodal.branches.bundle import checked_shapes, write_tensors
from multimodal.bundle import CONFIG, DETECTOR, BundleConfig, write_config
from multimodal.case import Item
from multimodal.errors import BundleInvalidError
from multimodal.ood.features import FeatureDetector, Watch, looked_at, statistics
from multimodal.ood.words import WordDetector

__all__ = [
    "Detector",
    "FeatureDetector",
    "Watch",
    "WordDetector",
    "is_foreign",
    "limited",
    "looked_at",
    "read_detector",
    "statistics",
    "write_detector",
]

Detector = FeatureDetector | WordDetector


def is_foreign(detector: Detector, branch: Branch, item: Item) -> bool:
    """Whether an item is farther from training items than the detector's limit.

    Args:
        detector: The branch's own.
        branch: On any device, in evaluation mode.
        item: Of its modality.

    Raises:
        MultimodalError: If the item cannot be prepared.
    """
    return detector.distance(branch, item) > detector.limit


def read_detector(folder: Path, config: BundleConfig) -> Detector | None:
    """The detector of a bundle, or None where its config names none.

    Raises:
        BundleInvalidError: If it is missing, malformed or not the one that the config names.
    """
    if not config.detector:
        return None
    limit, path = config.detector.get("limit"), folder / DETECTOR
    if type(limit) is not float or not math.isfinite(limit):
        raise BundleInvalidError("Expected the `limit` of the detector to be a number.", file=CONFIG)
    checked_shapes(path, config.detector.get("sha256"), config)
    of_kind = WordDetector if config.kind == "text" else FeatureDetector
    return of_kind.from_tensors(limit, load_file(path))


def write_detector(folder: Path, config: BundleConfig, detector: Detector, figures: dict[str, Any]) -> BundleConfig:
    """Write a bundle's detector and name it in its config; the weights stay as they are.

    Args:
        folder: Of the bundle.
        config: Its config.
        detector: With its limit.
        figures: What it reached, for the card.

    Returns:
        The config as written.
    """
    tensors = {name: torch.tensor(tensor) for name, tensor in detector.tensors().items()}
    sha256 = write_tensors(folder / DETECTOR, tensors)
    entry = {"sha256": sha256, "limit": float(detector.limit), "method": detector.method, **figures}
    config = replace(config, detector=entry)
    write_config(folder, config)
    return config


def limited(detector: Detector, limit: float) -> Detector:
    """The detector with its limit set."""
    return detector.within(limit) if isinstance(detector, FeatureDetector) else replace(detector, limit=limit)
