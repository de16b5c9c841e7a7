"""Films and sounds: by what a network's first stages make of them, and films by their layout."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from multimodal.branches import Branch
from multimodal.bundle import DETECTOR
from multimodal.case import Image, Item
from multimodal.errors import BundleInvalidError
from multimodal.prepare import prepare
from multimodal.quality.layout import SIDE, cells_of

FloatArray = npt.NDArray[np.float32]

AXES = 64
"""Principal axes along which training items vary freely; beyond them one variance serves for all."""
MOST_WINDOWS = 6
"""Windows of a long recording that are looked at, spread evenly."""
_LAYOUT = "layout_"


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
        layout: The same of films' coarse layouts (:func:`~multimodal.quality.layout.cells`), with a limit of its own; a
            film is foreign beyond either. None for sounds.
    """

    limit: float
    mean: FloatArray
    scale: FloatArray
    axes: FloatArray
    variances: FloatArray
    layout: FeatureDetector | None = None

    @property
    def method(self) -> str:
        """In words."""
        return "distance in the first stages' statistics" + (" or in their layout" if self.layout else "")

    @classmethod
    def fit(cls, statistics: FloatArray, layouts: FloatArray | None = None) -> FeatureDetector:
        """From training items; the limits are still to be set.

        Args:
            statistics: (N, F).
            layouts: (N, C) cells of films.
        """
        mean, scale = statistics.mean(0), statistics.std(0) + 1e-6
        standard = (statistics - mean) / scale
        _, singular, axes = np.linalg.svd(standard, full_matrices=False)
        kept = min(AXES, max(1, len(statistics) // 4), statistics.shape[1] - 1)
        variances = singular**2 / len(statistics)
        beyond = max(float(variances[kept:].sum()) / (statistics.shape[1] - kept), 1e-3)
        along = np.maximum(variances[:kept], beyond)
        return cls(
            limit=math.inf,
            mean=_single(mean),
            scale=_single(scale),
            axes=_single(axes[:kept].T),
            variances=_single(np.r_[along, beyond]),
            layout=None if layouts is None else cls.fit(layouts),
        )

    def distance(self, branch: Branch, item: Item) -> float:
        """How far an item is from training items; a film's layout counts in units of the limits.

        Raises:
            MultimodalError: If it cannot be prepared.
        """
        return self.joined(*self.apart(item, statistics(branch, item)))

    def apart(self, item: Item, found: FloatArray) -> tuple[float, float]:
        """How far an item is in its (F,) statistics, and in its layout: 0 where that does not count."""
        maps = float(self.distances(found[None])[0])
        if self.layout is None or not isinstance(item, Image):
            return maps, 0.0
        return maps, float(self.layout.distances(cells_of(item).reshape(1, -1))[0])

    def joined(self, maps: float, layout: float) -> float:
        """One distance of two, foreign beyond ``limit``."""
        return maps if self.layout is None else max(maps, layout * self.limit / self.layout.limit)

    def within(self, limit: float, layout_limit: float | None = None) -> FeatureDetector:
        """With its limit set; that of the layout is set too, or keeps its ratio."""
        if self.layout is None:
            return replace(self, limit=limit)
        kept = self.layout.limit * limit / self.limit if layout_limit is None else layout_limit
        return replace(self, limit=limit, layout=replace(self.layout, limit=kept))

    def distances(self, found: FloatArray) -> FloatArray:
        """(N, F) statistics to (N,) distances."""
        standard = (found - self.mean) / self.scale
        along = (standard @ self.axes) ** 2
        beyond = ((standard**2).sum(1) - along.sum(1)).clip(0)
        squared = (along / self.variances[:-1]).sum(1) + beyond / self.variances[-1]
        return _single(np.sqrt(squared / standard.shape[1]))

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """What is stored."""
        own = {"mean": self.mean, "scale": self.scale, "axes": self.axes, "variances": self.variances}
        if self.layout is None:
            return own
        of_layout = self.layout.tensors() | {"limit": _single(np.array([self.layout.limit]))}
        return own | {_LAYOUT + name: tensor for name, tensor in of_layout.items()}

    @classmethod
    def from_tensors(cls, limit: float, tensors: dict[str, npt.NDArray[Any]]) -> FeatureDetector:
        """The inverse of :meth:`tensors`.

        Raises:
            BundleInvalidError: If anything is missing, of the wrong shape or out of range.
        """
        of_layout = {name.removeprefix(_LAYOUT): t for name, t in tensors.items() if name.startswith(_LAYOUT)}
        own = {name: tensor for name, tensor in tensors.items() if not name.startswith(_LAYOUT)}
        layout = cls._layout(of_layout) if of_layout else None
        if set(own) != {"mean", "scale", "axes", "variances"}:
            raise BundleInvalidError("Expected mean, scale, axes and variances in the detector.", file=DETECTOR)
        found = {name: _single(tensor) for name, tensor in own.items()}
        axes = found["axes"]
        fits = axes.ndim == 2 and found["mean"].shape == found["scale"].shape == axes.shape[:1]
        if not fits or found["variances"].shape != (axes.shape[1] + 1,):
            raise BundleInvalidError("The shapes of the detector do not fit together.", file=DETECTOR)
        if not (
            all(np.isfinite(t).all() for t in found.values()) and found["scale"].min() > 0 < found["variances"].min()
        ):
            raise BundleInvalidError("The detector holds values that are out of range.", file=DETECTOR)
        return cls(limit, **found, layout=layout)

    @classmethod
    def _layout(cls, tensors: dict[str, npt.NDArray[Any]]) -> FeatureDetector:
        limit = tensors.pop("limit", np.zeros(0))
        if limit.shape != (1,) or not 0 < limit[0] < math.inf or tensors.get("mean", limit).shape != (SIDE**2,):
            raise BundleInvalidError("The layout of the detector does not fit.", file=DETECTOR)
        return cls.from_tensors(float(limit[0]), tensors)


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
        variances = (maps - means).square_().sum(field) / most  # ten times as fast as Tensor.std
        self._found += [means.flatten(1), variances.sqrt()]

    @property
    def statistics(self) -> Tensor:
        """(B, F) of every window."""
        return torch.cat(self._found, dim=1)


def _single(values: npt.NDArray[Any]) -> FloatArray:
    return np.asarray(values, np.float32)
