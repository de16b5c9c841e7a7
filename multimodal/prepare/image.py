"""A film becomes a tensor, here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from multimodal.case import FloatArray, Image
from multimodal.errors import BundleInvalidError

_PERCENTILE_SAMPLES = 65_536


@dataclass(frozen=True)
class ImagePreparation:
    """How films are prepared for one image branch.

    Attributes:
        size: Side of the square that the network sees, in pixels.
        border: Share of the field cut off on each side: burnt-in letters, collimator edges and scan borders
            tell where a film comes from, not what is in it.
        low_percentile: Grey values below this percentile become black.
        high_percentile: Grey values above this percentile become white.
        equalize: Whether the histogram is equalised, so that the contrast a machine or an export chose is undone.
        mean: Subtracted from the film in 0..1; the default is the mean of an equalised film.
        std: Divides it; the default is the standard deviation of an equalised film, 1/sqrt(12).
    """

    size: int = 160
    border: float = 0.04
    low_percentile: float = 0.5
    high_percentile: float = 99.5
    equalize: bool = True
    mean: float = 0.5
    std: float = 0.289

    def __post_init__(self) -> None:
        if not (
            16 <= self.size <= 2048
            and 0 <= self.border < 0.4
            and 0 <= self.low_percentile < self.high_percentile <= 100
            and abs(self.mean) <= 100
            and 0.001 <= self.std <= 1000
        ):
            raise BundleInvalidError(f"Expected usable image preparation settings, but got {self}.")


def prepare_image(image: Image, settings: ImagePreparation) -> Tensor:
    """Film to network input.

    The whole field is resized to a square: chest films are nearly square, a squash of some percent is what most
    film networks are trained with, and a centre crop would lose the costophrenic angles of a wide film.

    Args:
        image: The film, bright = dense.
        settings: The branch's own.

    Returns:
        (1, 1, size, size) float32; the first axis counts views of the item, of which a film has one.
    """
    film = torch.tensor(_crop(image.pixels, settings.border))  # a copy, which may be worked on in place
    if image.window is not None:
        film.clamp_(*image.window)
    film = _rescale(film, settings.low_percentile, settings.high_percentile)
    film = interpolate(
        film[None, None], size=(settings.size, settings.size), mode="bilinear", antialias=True, align_corners=False
    ).clamp(0, 1)
    if settings.equalize:
        film = equalize(film)
    return (film - settings.mean) / settings.std


def equalize(film: Tensor, bins: int = 256) -> Tensor:
    """Global histogram equalisation.

    Each pixel becomes the share of the film that is darker, pixels of its own bin counted half; the result has mean
    0.5, and equal films stay equal whatever their bit depth.

    Args:
        film: (...) in 0..1; one film.
        bins: Grey levels that are told apart.

    Returns:
        (...) in 0..1.
    """
    levels = (film * (bins - 1)).round().long()
    counts = torch.bincount(levels.flatten(), minlength=bins).float()
    darker: Tensor = (counts.cumsum(0) - counts / 2) / film.numel()
    return darker[levels]


def percentiles(values: Tensor, shares: Sequence[float]) -> Tensor:
    """``torch.quantile`` of percentages without sorting everything, the same to the last bit.

    Args:
        values: (N,) float32 on the CPU, all finite.
        shares: Per cent.

    Returns:
        (len(shares),)

    >>> percentiles(torch.tensor([3.0, 1.0, 2.0]), (0, 50, 75))
    tensor([1.0000, 2.0000, 2.5000])
    """
    ranks = torch.tensor(shares) / 100 * (len(values) - 1)
    below, above = ranks.floor().long(), ranks.ceil().long()
    ordered = torch.from_numpy(np.partition(values.numpy(), [*below.tolist(), *above.tolist()]))
    return torch.lerp(ordered[below], ordered[above], ranks - below)


def _crop(film: FloatArray, border: float) -> FloatArray:
    height, width = film.shape
    top, left = int(height * border), int(width * border)
    return film[top : height - top, left : width - left]


def _rescale(film: Tensor, low_percentile: float, high_percentile: float) -> Tensor:
    """Clip to the percentiles and stretch to 0..1, in place; a flat film becomes black."""
    step = max(1, int((film.numel() / _PERCENTILE_SAMPLES) ** 0.5))
    sample = film[::step, ::step].flatten()
    low, high = percentiles(sample, (low_percentile, high_percentile))
    if high <= low:
        low, high = film.min(), film.max()
    return film.sub_(low).div_((high - low).clamp_min(torch.finfo(film.dtype).tiny)).clamp_(0, 1)
