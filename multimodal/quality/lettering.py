"""Letters that were burned into a film."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from multimodal.case import FloatArray

LOOK_PX = 768
"""A film is searched at up to so many pixels a side."""
STROKE_CONTRAST, STROKE_LEVEL = 0.3, 0.7
"""Of the film's grey range: how much brighter than its surroundings a stroke is, and how bright at least."""
LETTER_PX = 4
"""Least height of a letter."""
LETTER_SHARE = 0.09
"""Greatest height of a letter, as a share of the film."""


def longest_line(pixels: FloatArray) -> int:
    """Letters in the longest line of bright text.

    Bright strokes are kept by a white top-hat, their connected components sifted by size and joined where they stand
    in a row at like heights and small gaps; after Chen et al. 2011, "Robust text detection in natural images with
    edge-enhanced maximally stable extremal regions", ICIP, 2609-2612.

    Args:
        pixels: (H, W), bright = dense.
    """
    step = max(1, -(-max(pixels.shape) // LOOK_PX))
    film = np.ascontiguousarray(pixels[::step, ::step])
    low, high = np.percentile(film, [1, 99])
    size = max(5, round(max(film.shape) / 40))
    hat = film - opened(film, size)
    strokes = (hat > STROKE_CONTRAST * (high - low)) & (film > low + STROKE_LEVEL * (high - low))
    labelled, _ = ndimage.label(strokes, np.ones((3, 3)))
    letters = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labelled), 1):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        area = int((labelled[rows, columns] == number).sum())
        if LETTER_PX <= height <= LETTER_SHARE * len(film) and width <= 2 * height and area >= 0.15 * height * width:
            letters.append((columns.start, columns.stop, rows.stop, height))
    letters.sort()
    length = [1] * len(letters)
    for later, (start, _, foot, height) in enumerate(letters):
        for earlier in range(later):
            _, stop, other_foot, other_height = letters[earlier]
            tall = max(height, other_height)
            level = abs(foot - other_foot) <= max(1, tall / 4) and min(height, other_height) >= 0.6 * tall
            if level and -0.2 * tall <= start - stop <= 1.5 * tall:
                length[later] = max(length[later], length[earlier] + 1)
    return max(length, default=0)


def opened(film: FloatArray, size: int) -> FloatArray:
    """Grey opening by a square: ``scipy.ndimage.grey_opening`` to the last bit, in a third of its time.

    The least and then the greatest value of every window are had by doubling: those of windows of two pixels make
    those of four, and so on, each in one pass over the film.

    Args:
        film: (H, W).
        size: Side of the square in pixels.
    """
    return _picked(np.maximum, _picked(np.minimum, film, size, size // 2), size, (size - 1) // 2)


def _picked(pick: np.ufunc, film: FloatArray, size: int, before: int) -> FloatArray:
    """The least or greatest value of every window, which begins ``before`` pixels up and left; the film is mirrored."""
    for _ in film.shape:
        window = np.pad(film.T, ((before, size - 1 - before), (0, 0)), mode="symmetric")
        side = 1
        while side < size:
            step = min(side, size - side)
            window = pick(window[:-step], window[step:])
            side += step
        film = window
    return film
