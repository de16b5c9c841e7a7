"""Wear of films: export, screens, handling."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
from scipy.ndimage import gaussian_filter

from multimodal.case import FloatArray, Image
from multimodal.evaluate.stress.wear import Wear


def shown(film: Image) -> FloatArray:
    """(H, W) in 0..1 within the film's display window."""
    if film.window is None:
        return film.pixels
    low, high = film.window
    seen: FloatArray = ((film.pixels.clip(low, high) - low) / max(high - low, 1e-6)).astype(np.float32)
    return seen


def _as(film: Image, pixels: npt.NDArray[np.floating[Any]]) -> Image:
    return replace(film, pixels=pixels.astype(np.float32), window=None)


def _jpeg(film: Image, quality: float, draw: np.random.Generator) -> Image:  # noqa: ARG001
    buffer = io.BytesIO()
    PIL.Image.fromarray((shown(film).clip(0, 1) * 255).round().astype(np.uint8)).save(
        buffer, "JPEG", quality=int(quality)
    )
    with PIL.Image.open(buffer) as picture:
        return _as(film, np.asarray(picture, dtype=np.float32) / 255)


def _blur(film: Image, per_cent: float, draw: np.random.Generator) -> Image:  # noqa: ARG001
    return _as(film, gaussian_filter(shown(film), per_cent / 100 * min(film.pixels.shape)))


def _noise(film: Image, deviation: float, draw: np.random.Generator) -> Image:
    return _as(film, (shown(film) + deviation * draw.standard_normal(film.pixels.shape)).clip(0, 1))


def _contrast(film: Image, factor: float, draw: np.random.Generator) -> Image:  # noqa: ARG001
    return _as(film, (0.5 + factor * (shown(film) - 0.5)).clip(0, 1))


def _gamma(film: Image, gamma: float, draw: np.random.Generator) -> Image:  # noqa: ARG001
    return _as(film, shown(film).clip(0, 1) ** gamma)


def _crop(film: Image, per_cent: float, draw: np.random.Generator) -> Image:  # noqa: ARG001
    height, width = film.pixels.shape
    top, left = int(per_cent / 100 * height), int(per_cent / 100 * width)
    return _as(film, shown(film)[top : height - top, left : width - left])


def _reshape(film: Image, per_cent: float, draw: np.random.Generator) -> Image:
    """Cut off one axis, so that the square that a network sees shows a wider or a longer chest."""
    axis = int(draw.integers(2))
    cut = int(per_cent / 200 * film.pixels.shape[axis])
    return _as(film, np.moveaxis(np.moveaxis(shown(film), axis, 0)[cut : film.pixels.shape[axis] - cut], 0, axis))


def _rotate(film: Image, degrees: float, draw: np.random.Generator) -> Image:
    turned = PIL.Image.fromarray(shown(film)).rotate(
        degrees * draw.choice((-1, 1)), PIL.Image.Resampling.BILINEAR, fillcolor=0
    )
    return _as(film, np.asarray(turned))


WEAR = (
    Wear("JPEG", "quality of 100", (50, 20, 5), _jpeg),
    Wear("blur", "standard deviation, per cent of the short side", (0.5, 1, 2), _blur),
    Wear("noise", "standard deviation, of the grey range", (0.05, 0.1, 0.2), _noise),
    Wear("contrast", "factor, then clipped", (1.5, 2, 3), _contrast),
    Wear("gamma", "exponent", (1.5, 2.5, 4), _gamma),
    Wear("crop", "per cent cut off each side", (5, 10, 20), _crop),
    Wear("shape", "per cent cut off the width or the height, by chance", (10, 20, 30), _reshape),
    Wear("rotation", "degrees", (5, 10, 20), _rotate),
)
