"""Is an item foreign to what a branch learned from: a photograph among films, music among sounds, a recipe among notes.

A network answers whatever it is given, and is as sure of a photograph as of a film. So a bundle may carry a detector:
what the items of its training patients are like, and how far from them an item may be.

Measured against each other (see the cards): the distance in the statistics of a network's first stages tells foreign
films and sounds best, far better than its last features, its logits or its energy; foreign notes are told by the
share of their longer words that no training note holds, where a transformer's features tell next to nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file
from torch import Tensor

from multimodal.branches import Branch
from multimodal.branches.bundle import checked_shapes, write_tensors
from multimodal.bundle import CONFIG, DETECTOR, BundleConfig, write_config
from multimodal.case import Item, Text
from multimodal.errors import BundleInvalidError
from multimodal.prepare import prepare

FloatArray = npt.NDArray[np.float32]

AXES = 64
"""Principal axes along which training items vary freely; beyond them one variance serves for all."""
MOST_WINDOWS = 6
"""Windows of a long recording that are looked at, spread evenly."""
LETTERS = 5
"""Shorter words are the same in every sort of text."""
MIN_NOTES = 3
"""A word is known if so many training notes hold it."""
DOUBT_WORDS, DOUBT_SHARE = 3.0, 0.2
"""A note is judged as if it held three words more, a fifth of them unknown: one odd word among two proves nothing."""


@dataclass(frozen=True, eq=False)
class FeatureDetector:
    """Films and sounds: how far the statistics of the first stages' maps are from those of training items.

    The distance is Mahalanobis' under probabilistic principal components (Tipping and Bishop, JRSS B 1999), which
    joins the distance within the principal axes with the reconstruction error beyond them (cf. Lee et al., "A simple
    unified framework for detecting out-of-distribution samples", NeurIPS 2018), over the root of the number of
    statistics: about 1 for an item like those of training.

    Attributes:
        limit: An item farther away is foreign.
        mean: (F,) of the statistics over training items.
        scale: (F,) standard deviation.
        axes: (F, K) principal axes of the standardised statistics.
        variances: (K + 1,) along them, and last beyond them.
    """

    method: ClassVar[str] = "distance in the first stages' statistics"

    limit: float
    mean: FloatArray
    scale: FloatArray
    axes: FloatArray
    variances: FloatArray

    @classmethod
    def fit(cls, statistics: FloatArray) -> FeatureDetector:
        """From the (N, F) statistics of training items; the limit is still to be set."""
        mean, scale = statistics.mean(0), statistics.std(0) + 1e-6
        standard = (statistics - mean) / scale
        _, singular, axes = np.linalg.svd(standard, full_matrices=False)
        kept = min(AXES, max(1, len(statistics) // 4), statistics.shape[1] - 1)
        variances = singular**2 / len(statistics)
        beyond = max(float(variances[kept:].sum()) / (statistics.shape[1] - kept), 1e-3)
        along = np.maximum(variances[:kept], beyond)
        return cls(math.inf, *map(_single, (mean, scale, axes[:kept].T, np.r_[along, beyond])))

    def distance(self, branch: Branch, item: Item) -> float:
        """How far an item is from training items.

        Raises:
            MultimodalError: If it cannot be prepared.
        """
        return float(self.distances(statistics(branch, item)[None])[0])

    def distances(self, found: FloatArray) -> FloatArray:
        """(N, F) statistics to (N,) distances."""
        standard = (found - self.mean) / self.scale
        along = (standard @ self.axes) ** 2
        beyond = ((standard**2).sum(1) - along.sum(1)).clip(0)
        squared = (along / self.variances[:-1]).sum(1) + beyond / self.variances[-1]
        return _single(np.sqrt(squared / standard.shape[1]))

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """What is stored."""
        return {"mean": self.mean, "scale": self.scale, "axes": self.axes, "variances": self.variances}

    @classmethod
    def from_tensors(cls, limit: float, tensors: dict[str, npt.NDArray[Any]]) -> FeatureDetector:
        """The inverse of :meth:`tensors`.

        Raises:
            BundleInvalidError: If anything is missing, of the wrong shape or out of range.
        """
        if set(tensors) != {"mean", "scale", "axes", "variances"}:
            raise BundleInvalidError("Expected mean, scale, axes and variances in the detector.", file=DETECTOR)
        found = {name: _single(tensor) for name, tensor in tensors.items()}
        axes = found["axes"]
        fits = axes.ndim == 2 and found["mean"].shape == found["scale"].shape == axes.shape[:1]
        if not fits or found["variances"].shape != (axes.shape[1] + 1,):
            raise BundleInvalidError("The shapes of the detector do not fit together.", file=DETECTOR)
        if not (
            all(np.isfinite(t).all() for t in found.values()) and found["scale"].min() > 0 < found["variances"].min()
        ):
            raise BundleInvalidError("The detector holds values that are out of range.", file=DETECTOR)
        return cls(limit, **found)


@dataclass(frozen=True)
class WordDetector:
    """Notes: the share of their longer words that hardly any training note holds.

    Attributes:
        limit: A note with a greater share is foreign.
        words: The known words of :data:`LETTERS` letters and more, in lower case.
    """

    method: ClassVar[str] = "share of longer words that no training note holds"

    limit: float
    words: frozenset[str]

    @classmethod
    def fit(cls, notes: Iterable[str]) -> WordDetector:
        """From training notes; the limit is still to be set."""
        counts: dict[str, int] = {}
        for note in notes:
            for word in set(_long_words(note)):
                counts[word] = counts.get(word, 0) + 1
        return cls(math.inf, frozenset(word for word, count in counts.items() if count >= MIN_NOTES))

    def distance(self, branch: Branch, item: Item) -> float:  # noqa: ARG002
        """How unlike training notes a note is, 0 to 1."""
        words = _long_words(item.text) if isinstance(item, Text) else []
        unknown = sum(word not in self.words for word in words)
        return (unknown + DOUBT_SHARE * DOUBT_WORDS) / (len(words) + DOUBT_WORDS)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """What is stored: the words as UTF-8, one a line."""
        return {"words": np.frombuffer("\n".join(sorted(self.words)).encode(), np.uint8)}

    @classmethod
    def from_tensors(cls, limit: float, tensors: dict[str, npt.NDArray[Any]]) -> WordDetector:
        """The inverse of :meth:`tensors`.

        Raises:
            BundleInvalidError: If it is no list of words.
        """
        if set(tensors) != {"words"} or tensors["words"].dtype != np.uint8:
            raise BundleInvalidError("Expected a list of words in the detector.", file=DETECTOR)
        try:
            text = tensors["words"].tobytes().decode()
        except UnicodeDecodeError as error:
            raise BundleInvalidError("The detector's words are not UTF-8.", file=DETECTOR) from error
        return cls(limit, frozenset(text.split("\n")))


Detector = FeatureDetector | WordDetector


@torch.inference_mode()
def statistics(branch: Branch, item: Item) -> FloatArray:
    """(F,) mean and standard deviation of every channel of the first stages' maps, averaged over windows.

    Raises:
        MultimodalError: If the item cannot be prepared.
    """
    windows = prepare(item, branch.preparation, branch.tokenizer)
    watch = Watch()
    branch.watched(windows[looked_at(len(windows))].to(next(branch.parameters()).device), watch)
    return _single(watch.statistics.mean(0).cpu().numpy())


def looked_at(windows: int) -> npt.NDArray[np.intp]:
    """Which of an item's windows are looked at."""
    return np.linspace(0, windows - 1, min(windows, MOST_WINDOWS)).round().astype(int)


class Watch:
    """Takes the statistics of the maps that it is shown, for :meth:`multimodal.branches.Branch.watched`."""

    def __init__(self) -> None:
        self._found: list[Tensor] = []

    def __call__(self, maps: Tensor) -> None:
        """Look at (B, C, ...) maps of one stage."""
        maps = maps.float() if maps.ndim > 2 else maps.float().unsqueeze(1)
        field = tuple(range(2, maps.ndim))
        means = maps.mean(field, keepdim=True)
        most = max(1, maps[0, 0].numel() - 1)
        variances = (maps - means).square().sum(field) / most  # ten times as fast as Tensor.std
        self._found += [means.flatten(1), variances.sqrt()]

    @property
    def statistics(self) -> Tensor:
        """(B, F) of every window."""
        return torch.cat(self._found, dim=1)


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
    return replace(detector, limit=limit)


def _long_words(text: str) -> Sequence[str]:
    return [word for word in re.findall(r"[^\W\d_]+", text.lower()) if len(word) >= LETTERS]


def _single(values: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(values, np.float32)
