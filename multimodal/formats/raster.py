"""Films as PNG (ISO/IEC 15948) or JPEG (ISO/IEC 10918-1): grey, whatever they were."""

from __future__ import annotations

import hashlib
import zlib
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps

from multimodal.case import Image, Notice
from multimodal.errors import CorruptFileError, LimitError, UnsupportedError
from multimodal.formats.codestream import jpeg_segments
from multimodal.formats.guard import guarded
from multimodal.formats.limits import Limits
from multimodal.formats.scale import to_unit

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SCAN = b"\xff\xda"
_KEPT_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND"})
_COLOUR_DIFFERENCE = 16  # of 255: scanner and JPEG noise on a grey film stay below


def read_raster(data: bytes, name: str, limits: Limits) -> Image:
    """Read a PNG or JPEG film.

    Sixteen bits are kept; a palette, CMYK and colour become luminance (ITU-R BT.601);
    transparent parts become black; the EXIF orientation is applied.

    Args:
        data: The file.
        name: Its name as the user gave it.
        limits: What it may claim and hold.

    Raises:
        CorruptFileError: If it is damaged or cut short.
        UnsupportedError: If it is an animation.
        LimitError: If it claims more pixels, or is made of more parts, than the limits allow.
    """
    if data.startswith(_PNG_SIGNATURE):
        source = _essential_chunks(data, name, limits)
    else:
        source = data
        for _ in jpeg_segments(data, name, limits):  # of which Pillow makes a list
            pass
        if data.count(_SCAN) > limits.jpeg_scans:  # each may go over all pixels, and say nothing of them
            raise LimitError("The JPEG picture is made of too many scans.", file=name)
    with guarded(name, "picture"):
        picture = Pillow.open(BytesIO(source), formats=("PNG", "JPEG"))
        _check_size(picture.width, picture.height, len(source), name, limits)
        if picture.width * picture.height > limits.colour_pixels and not _is_grey(picture):
            raise LimitError(
                f"The picture claims {picture.width} x {picture.height} pixels in colour; "
                f"the limit is {limits.colour_pixels:,}.",
                file=name,
            )
        picture.load()
        grey, coloured = _grey(ImageOps.exif_transpose(picture))
    low = int(grey.min())
    pixels, _ = to_unit(grey, np.arange(low, int(grey.max()) + 1, dtype=np.float64), low)
    notices: tuple[Notice, ...] = ()
    if coloured:
        notices = (Notice("colour", "This picture is in colour and was turned to grey; is it a film?", name),)
    return Image(name=name, sha256=hashlib.sha256(data).hexdigest(), pixels=pixels, notices=notices)


def _is_grey(picture: Pillow.Image) -> bool:
    return picture.mode in ("1", "L") or picture.mode.startswith("I")


def _grey(picture: Pillow.Image) -> tuple[npt.NDArray[np.integer], bool]:
    """(H, W) grey values, and whether there was colour."""
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L")), False
    if picture.mode.startswith("I"):
        return np.asarray(picture).astype(np.int32), False
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        black = Pillow.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Pillow.alpha_composite(black, picture)
    picture = picture.convert("RGB")
    colour = np.asarray(picture)[::4, ::4].astype(np.int16)  # a sample will do
    difference = int(np.abs(colour[..., :2] - colour[..., 1:]).max())
    return np.asarray(picture.convert("L")), difference > _COLOUR_DIFFERENCE


def _essential_chunks(data: bytes, name: str, limits: Limits) -> bytes:
    """A PNG reduced to what its pixels need: no text, no profile, nothing after its end.

    Raises:
        CorruptFileError: If a chunk is cut short or its checksum is wrong.
        UnsupportedError: If it is an animation.
        LimitError: If its header claims more pixels, or it has more chunks, than the limits allow.
    """
    parts, position = [_PNG_SIGNATURE], len(_PNG_SIGNATURE)
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[12:16] == b"IHDR":
        _check_size(width, height, len(data), name, limits)
    for _ in range(limits.segments):
        kind = data[position + 4 : position + 8]
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if len(kind) < 4 or end > len(data):
            raise CorruptFileError("The picture is cut short.", file=name)
        if kind == b"acTL":
            raise UnsupportedError("The picture is an animation; give one film a file.", file=name)
        if kind in _KEPT_CHUNKS:
            if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
                raise CorruptFileError("The picture is damaged: a checksum is wrong.", file=name)
            parts.append(data[position:end])
        if kind == b"IEND":
            return b"".join(parts)
        position = end
    raise LimitError("The picture is made of too many parts.", file=name)


def _check_size(width: int, height: int, present: int, name: str, limits: Limits) -> None:
    """Check what a header claims against the limits, and against the bytes that are there."""
    if width * height > limits.pixels:
        raise LimitError(f"The picture claims {width} x {height} pixels; the limit is {limits.pixels:,}.", file=name)
    if max(width, height) > limits.side:
        raise LimitError(f"The picture claims {width} x {height} pixels; a side may have {limits.side:,}.", file=name)
    if limits.is_hollow(width * height, present):
        raise CorruptFileError("The picture is far too short for its size.", file=name)
