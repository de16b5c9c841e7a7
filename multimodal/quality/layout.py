"""How a film lies in its frame: upright, turned, inverted, or cut off at a side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from safetensors.numpy import load_file
from scipy.stats import rankdata

from multimodal.case import FloatArray, Image

WEIGHTS = Path(__file__).with_name("layout.safetensors")
SIDE = 16
"""A film is looked at as so many cells a side: where lungs, heart and belly lie can be told, who it is cannot."""


_made: WeakKeyDictionary[Image, npt.NDArray[np.float32]] = WeakKeyDictionary()


class Layout(StrEnum):
    """How a film lies, in the order of the weights."""

    UPRIGHT = "upright"
    LEFT = "turned to the left"
    UPSIDE_DOWN = "upside down"
    RIGHT = "turned to the right"
    INVERTED = "inverted"
    NO_TOP = "cut off at the top"
    NO_BOTTOM = "cut off at the bottom"
    NO_LEFT = "cut off at its left edge"
    NO_RIGHT = "cut off at its right edge"


TURNED = (Layout.LEFT, Layout.UPSIDE_DOWN, Layout.RIGHT)
CUT_OFF = (Layout.NO_TOP, Layout.NO_BOTTOM, Layout.NO_LEFT, Layout.NO_RIGHT)


@dataclass(frozen=True)
class Reading:
    """How a film seems to lie.

    Attributes:
        layout: The likeliest.
        margin: Its log-odds against lying upright; 0 for an upright film.
    """

    layout: Layout
    margin: float


def read_layout(film: Image) -> Reading:
    """How a frontal film lies, by multinomial logistic regression on its :func:`cells`.

    ``benchmarks/film_layout.py`` learns the weights from public training films, which it turns, inverts and crops.
    """
    weight, bias = _weights()
    scores = weight @ cells_of(film).ravel() + bias
    likeliest = int(scores.argmax())
    return Reading(list(Layout)[likeliest], float(scores[likeliest] - scores[0]))


def righted(film: Image) -> Image:
    """A film turned back upright, its greys turned back, by what :func:`read_layout` says of it."""
    layout = read_layout(film).layout
    if layout is Layout.INVERTED:
        window = None if film.window is None else (1 - film.window[1], 1 - film.window[0])
        return replace(film, pixels=1 - film.pixels, window=window)
    quarters = 4 - (1 + TURNED.index(layout)) if layout in TURNED else 0
    return replace(film, pixels=np.ascontiguousarray(np.rot90(film.pixels, quarters)))


def cells_of(film: Image) -> npt.NDArray[np.float32]:
    """The :func:`cells` of a film; more than one check looks at them, and they are made once while the film lives."""
    if film not in _made:
        _made[film] = cells(film.pixels)
    return _made[film]


def cells(pixels: FloatArray) -> npt.NDArray[np.float32]:
    """A film as coarse ranks, which no window and no display curve changes.

    Args:
        pixels: (H, W).

    Returns:
        (SIDE, SIDE) ranks of the cells' means, from -1 for the darkest to 1.
    """
    film = Pillow.fromarray(pixels.astype(np.float32, copy=False))
    means = np.asarray(film.resize((SIDE, SIDE), Pillow.Resampling.BOX))
    ranks = rankdata(means).reshape(SIDE, SIDE)
    return np.asarray(2 * (ranks - 0.5) / SIDE**2 - 1, np.float32)


@lru_cache(maxsize=1)
def _weights() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    stored = load_file(WEIGHTS)
    return stored["weight"].astype(np.float32), stored["bias"].astype(np.float32)
