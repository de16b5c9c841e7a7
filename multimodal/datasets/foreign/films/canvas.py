"""What all foreign films are drawn on and finished with."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image as Raster
from PIL import ImageDraw

Picture = npt.NDArray[np.float32]
SIDE = 320
"""Height and width of what is drawn, in pixels."""


@lru_cache(maxsize=1)
def grid() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Row and column of each pixel, both (SIDE, SIDE)."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    return y, x


def blank(tone: int) -> tuple[Raster.Image, ImageDraw.ImageDraw]:
    """An empty sheet of one tone, 0 to 255, and what draws on it."""
    picture = Raster.new("L", (SIDE, SIDE), tone)
    return picture, ImageDraw.Draw(picture)


def grey(picture: Raster.Image) -> Picture:
    """A sheet of 0 to 255 as (SIDE, SIDE) of 0 to 1."""
    return cast("Picture", np.asarray(picture, np.float32) / 255)


def shaded(rng: np.random.Generator, picture: npt.NDArray[Any]) -> Picture:
    """A picture of any scale under uneven light."""
    light = Raster.fromarray(rng.normal(1, 0.15, (5, 5)).astype(np.float32))
    return grained(rng, picture * np.asarray(light.resize((SIDE, SIDE), Raster.Resampling.BICUBIC)), 0.01)


def grained(rng: np.random.Generator, picture: npt.NDArray[Any], grain: float) -> Picture:
    """A picture with white noise of this standard deviation added, then stretched."""
    return stretched(picture + rng.normal(0, grain, picture.shape))


def stretched(picture: npt.NDArray[Any]) -> Picture:
    """A picture of any scale over 0 to 1, its darkest and brightest pixels clipped."""
    low, high = np.percentile(picture, [0.2, 99.8])
    scaled: Picture = ((picture - low) / max(1e-6, high - low)).clip(0, 1).astype(np.float32)
    return scaled


def cut(rng: np.random.Generator, whole: Picture, least: float = 0.35) -> Picture:
    """A random part, mirrored or not, of a picture; its contrast changed."""
    height, width = whole.shape
    side = int(rng.uniform(least, 1) * min(height, width))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    part = whole[top : top + side, left : left + side]
    part = part[:, ::-1] if rng.random() < 0.5 else part
    return (part ** rng.uniform(0.6, 1.6)).astype(np.float32)
