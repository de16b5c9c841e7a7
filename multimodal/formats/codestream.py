"""Compressed pixel data: which decoder reads it, and what its own header claims.

Decoders are chosen here and nowhere else, by transfer syntax (PS3.5, chapter 10): Pillow,
GDCM, pyjpegls, pylibjpeg-openjpeg and pylibjpeg-rle, all under permissive licences.
Before one runs, the codestream must agree with the DICOM header about its size, so that
no decoder is asked for more memory than the limits allow.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pydicom import uid

from multimodal.errors import CorruptFileError, LimitError, UnsupportedError
from multimodal.formats.limits import Limits

NATIVE = frozenset(
    {
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
    }
)

# Transfer syntax -> pydicom's name of the decoder.
DECODERS = {
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
    uid.RLELossless: "pylibjpeg",
}

JPEG_2000 = frozenset({uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K})
_FILL = re.compile(rb"\xff*")
_SCAN = 0xDA
_ITEM = b"\xfe\xff\x00\xe0"
# SOF marker -> transfer syntaxes that may hold it (ISO/IEC 10918-1, table B.1; 14495-1, C.1.1).
_FRAMES = {
    0xC0: {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit},
    0xC1: {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit},
    0xC3: {uid.JPEGLossless, uid.JPEGLosslessSV1},
    0xF7: {uid.JPEGLSLossless, uid.JPEGLSNearLossless},
}
_OTHER_FRAMES = frozenset({0xC2, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})


@dataclass(frozen=True)
class Claim:
    """What a codestream says of itself."""

    rows: int
    columns: int
    components: int
    bits: int


def fragments(body: bytes, start: int, end: int, name: str) -> list[bytes]:
    """The fragments of encapsulated pixel data, the offset table left out (PS3.5, A.4).

    Args:
        body: The whole data set.
        start: Of the first item, which is the offset table, in bytes.
        end: Of the last one.
        name: Of the file, for errors.

    Raises:
        CorruptFileError: If items and lengths don't fit, or there is no fragment.
    """
    parts: list[bytes] = []
    while start < end:
        length = int.from_bytes(body[start + 4 : start + 8], "little")
        if body[start : start + 4] != _ITEM or start + 8 + length > end:
            raise CorruptFileError("The fragments of the compressed film don't fit together.", file=name)
        parts.append(body[start + 8 : start + 8 + length])
        start += 8 + length
    if len(parts) < 2:
        raise CorruptFileError("The DICOM file holds no compressed film.", file=name)
    return parts[1:]


def check_codestream(
    stream: bytes, syntax: str, rows: int, columns: int, bits_allocated: int, name: str, limits: Limits
) -> int:
    """Check a codestream against the DICOM header and return its precision in bits.

    Args:
        stream: The whole compressed frame.
        syntax: Transfer syntax UID.
        rows: Rows by the DICOM header.
        columns: Columns by the DICOM header.
        bits_allocated: 8 or 16, by the DICOM header.
        name: Of the file, for errors.
        limits: What it may hold.

    Raises:
        CorruptFileError: If it is cut short or contradicts the header.
        UnsupportedError: If it holds colour or a process that the syntax doesn't name.
    """
    if syntax == uid.RLELossless:
        _check_rle(stream, rows * columns, bits_allocated // 8, name)
        return bits_allocated
    claim = _jpeg_2000(stream, name) if syntax in JPEG_2000 else _jpeg(stream, syntax, name, limits)
    if not stream.rstrip(b"\0\xff").endswith(b"\xff\xd9"):
        raise CorruptFileError("The compressed film is cut short.", file=name)
    if claim.components != 1:
        raise UnsupportedError("The compressed film is in colour; a chest film has one grey channel.", file=name)
    if (claim.rows, claim.columns) != (rows, columns) or claim.bits > bits_allocated:
        raise CorruptFileError(
            f"The DICOM header says {columns} x {rows} at {bits_allocated} bits, "
            f"but its compressed film says {claim.columns} x {claim.rows} at {claim.bits}.",
            file=name,
        )
    return claim.bits


def jpeg_segments(stream: bytes, name: str, limits: Limits) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment of a JPEG stream, up to its first scan (ISO/IEC 10918-1, B.1.1).

    Args:
        stream: From its start-of-image marker.
        name: Of the file, for errors.
        limits: How many segments it may have.

    Raises:
        LimitError: If there are more, or more fill bytes in a row, than the limits allow.
    """
    position = 2
    for _ in range(limits.segments):
        filled = _FILL.match(stream, position)
        marker_at = filled.end() if filled else position
        if marker_at - position > limits.segments:
            break
        if marker_at == position or marker_at >= len(stream) or stream[marker_at] in (0x00, _SCAN):
            return
        yield stream[marker_at], marker_at - 1
        position = marker_at + 1 + int.from_bytes(stream[marker_at + 1 : marker_at + 3], "big")
    raise LimitError("The JPEG picture is made of too many parts.", file=name)


def _jpeg(stream: bytes, syntax: str, name: str, limits: Limits) -> Claim:
    """Read the frame header of a JPEG or JPEG-LS stream (ISO/IEC 10918-1, B.2.2)."""
    for marker, position in jpeg_segments(stream, name, limits) if stream.startswith(b"\xff\xd8") else ():
        if position + 10 > len(stream):
            break
        if marker in _FRAMES and syntax in _FRAMES[marker]:
            bits, rows, columns, components = struct.unpack_from(">BHHB", stream, position + 4)
            return Claim(rows, columns, components, bits)
        if marker in _FRAMES or marker in _OTHER_FRAMES:
            raise UnsupportedError("The compressed film uses a JPEG process other than the header names.", file=name)
    raise CorruptFileError("The compressed film has no JPEG frame header.", file=name)


def _jpeg_2000(stream: bytes, name: str) -> Claim:
    """Read the SIZ segment of a JPEG 2000 codestream (ISO/IEC 15444-1, A.5.1)."""
    if not stream.startswith(b"\xff\x4f\xff\x51") or len(stream) < 43:
        raise CorruptFileError("The compressed film has no JPEG 2000 header.", file=name)
    width, height, left, top = struct.unpack_from(">4I", stream, 8)
    components, precision = struct.unpack_from(">HB", stream, 40)
    return Claim(height - top, width - left, components, (precision & 0x7F) + 1)


def _check_rle(stream: bytes, pixels: int, segments: int, name: str) -> None:
    """Check the segment table of an RLE frame (PS3.5, G.5) and that its bytes can hold the pixels."""
    if len(stream) < 64:
        raise CorruptFileError("The compressed film is cut short.", file=name)
    count, *offsets = struct.unpack("<16I", stream[:64])
    used = [*offsets[:segments], len(stream)]
    # Two bytes of a run stand for at most 128 (PS3.5, G.3.1).
    fits = all(low < high and (high - low) * 64 >= pixels for low, high in pairwise(used))
    if count != segments or used[0] != 64 or not fits:
        raise CorruptFileError("The compressed film holds less than its header says.", file=name)
