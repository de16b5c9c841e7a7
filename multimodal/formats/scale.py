"""Stored values to 0..1, one way for every film."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multimodal.case import FloatArray

WIDEST = 1e6
"""A display window whose edges lie further out, in units of the pixels, is none: single precision ends somewhere."""


def to_unit(
    stored: npt.NDArray[np.integer],
    values: npt.NDArray[np.float64],
    first: int,
    *,
    padding: tuple[int, int] | None = None,
    inverted: bool = False,
) -> tuple[FloatArray, tuple[float, float]]:
    """Scale a film so that its least value is 0 and its greatest 1, bright = dense.

    The range is that of the film itself, not of its bit depth: twelve bits in a sixteen-bit
    file, and either polarity, give the same result.

    Args:
        stored: (H, W) stored values.
        values: (K,) output of the modality LUT for the stored values ``first`` ... ``first + K - 1``.
        first: Stored value of ``values[0]``.
        padding: Lowest and highest stored value that mark what is no film; they become 0.
        inverted: Whether low values are dense (MONOCHROME1).

    Returns:
        (H, W) float32 pixels, and the (low, high) of ``values`` that became 0 and 1 before inversion.
    """
    low, high = float(values.min()), float(values.max())
    table = ((values - low) / ((high - low) or 1.0)).astype(np.float32)
    if inverted:
        table = np.float32(1) - table
    pixels = np.empty(stored.shape, np.float32)
    for top in range(0, len(stored), 256):  # in bands, since an index takes 8 bytes a pixel
        band = stored[top : top + 256].astype(np.intp)
        pixels[top : top + 256] = table[np.clip(band - first, 0, len(table) - 1)]
        if padding is not None:
            pixels[top : top + 256][(band >= padding[0]) & (band <= padding[1])] = 0
    return pixels, (low, high)
