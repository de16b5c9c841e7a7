"""What a film tells outside the lungs: no lungs are looked for, two ellipses stand where an average film has them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, find_objects, label

from multimodal.case import Image
from multimodal.evaluate.audit.question import Question
from multimodal.evaluate.stress.film import shown

BoolArray = npt.NDArray[np.bool_]

LUNGS = ((0.29, 0.46), (0.71, 0.46))
"""Middle of each lung on an average film: share of its width and of its height."""
LUNG_AXES = (0.20, 0.36)
"""Half axes of the ellipses, in the same shares: on the average of 240 public films they cover the lungs."""
RING = 0.12
"""Width of the ring, share of each side."""
MARKER_SIDE, MARKER_LEVEL = 0.15, 0.9
"""A marker is an island of nearly white pixels outside the lungs, no longer than this share of the short side."""


def lungs(shape: tuple[int, ...]) -> BoolArray:
    """(H, W) true where lungs lie on an average film."""
    y, x = ((np.arange(side) + 0.5) / side for side in shape)
    wide, high = LUNG_AXES
    left, right = (((x[None] - across) / wide) ** 2 + ((y[:, None] - down) / high) ** 2 <= 1 for across, down in LUNGS)
    return np.asarray(left | right)


def ring(shape: tuple[int, ...]) -> BoolArray:
    """(H, W) true at the rim."""
    inside = np.zeros(shape, dtype=bool)
    top, left = (int(RING * side) for side in shape)
    inside[top : shape[0] - top, left : shape[1] - left] = True
    return ~inside


def markers(film: Image) -> BoolArray:
    """(H, W) true at letters and other small bright islands outside the lungs, and just round them."""
    pixels = shown(film)
    islands, _ = label(pixels >= MARKER_LEVEL * pixels.max())
    longest = MARKER_SIDE * min(pixels.shape)
    found, inside = np.zeros(pixels.shape, dtype=bool), lungs(pixels.shape)
    for number, place in enumerate(find_objects(islands), 1):
        if max(side.stop - side.start for side in place) <= longest:
            found[place] |= (islands[place] == number) & ~inside[place]
    return np.asarray(binary_dilation(found, iterations=max(1, min(pixels.shape) // 100)))


def _covered(film: Image, mask: BoolArray) -> Image:
    """The film with part of it in the middle grey of the rest."""
    pixels = shown(film)
    grey = np.median(pixels[~mask]) if not mask.all() else 0.5
    return replace(film, pixels=np.where(mask, grey, pixels).astype(np.float32), window=None)


QUESTIONS = (
    Question(
        "ring only", "all but the outer 12 % of each side covered", lambda f, _: _covered(f, ~ring(f.pixels.shape))
    ),
    Question("ring covered", "the outer 12 % of each side covered", lambda f, _: _covered(f, ring(f.pixels.shape))),
    Question(
        "lungs covered",
        "two ellipses where lungs lie on an average film",
        lambda f, _: _covered(f, lungs(f.pixels.shape)),
    ),
    Question("lungs only", "all but these ellipses covered", lambda f, _: _covered(f, ~lungs(f.pixels.shape))),
    Question(
        "markers covered",
        "letters and other small white islands outside the lungs",
        lambda f, _: _covered(f, markers(f)),
    ),
)
