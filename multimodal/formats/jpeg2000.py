"""JPEG 2000 films at a fraction of their size, which their codestream holds ready (ISO/IEC 15444-1, annex B).

Each resolution level left unread halves the film and saves three quarters of the work. The wavelet's low band is an
average of the pixels, as a network's own preparation makes one: what it sees stays the same but for rounding.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

KEPT_SIDE = 600
"""Pixels that the shorter side of a reduced film keeps at least: more than networks and the viewer need."""

_CODING_STYLE, _START_OF_TILE = b"\xff\x52", b"\xff\x90"


def spare_levels(stream: bytes) -> int:
    """How many resolution levels can stay unread; 0 for a small film and for one of signed values.

    Args:
        stream: Codestream of one component whose size is checked.
    """
    width, height, left, top = (int.from_bytes(stream[at : at + 4], "big") for at in (8, 12, 16, 20))
    if left or top or stream[42] & 0x80:
        return 0
    available, position = 0, 4 + int.from_bytes(stream[4:6], "big")
    while position + 10 <= len(stream) and (marker := stream[position : position + 2]) != _START_OF_TILE:
        if marker == _CODING_STYLE:
            available = stream[position + 9]
        position += 2 + int.from_bytes(stream[position + 2 : position + 4], "big")
    wanted = (min(width, height) // KEPT_SIDE).bit_length() - 1
    return max(0, min(wanted, available))


def decode_reduced(stream: bytes, levels: int, bits: int) -> npt.NDArray[np.uint16]:
    """A film with each side divided by 2 to the power of ``levels``, rounded up (15444-1, equation B-15).

    Args:
        stream: Codestream of one unsigned component.
        levels: Resolution levels left unread.
        bits: Its precision, 1 to 16.

    Raises:
        OSError: If it is damaged, or a tile has fewer levels than its main header says.
    """
    picture = Jpeg2KImageFile(BytesIO(stream))
    width, height = (-(-side >> levels) for side in picture.size)
    # Pillow's own `reduce` rounds to the nearest size, at which its decoder stops.
    picture._size = (width, height)
    tile = picture.tile[0]
    codec, _, *rest = cast("tuple[Any, ...]", tile.args)
    picture.tile = [tile._replace(extents=(0, 0, width, height), args=(codec, levels, *rest))]
    picture.load()
    spread = (8 if bits <= 8 else 16) - bits  # Pillow fills up the bits
    stored: npt.NDArray[np.uint16] = np.right_shift(np.asarray(picture), spread, dtype=np.uint16)
    return stored
