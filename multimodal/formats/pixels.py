"""A film's pixel data (PS3.5, chapter 8): checked against what the header and the codestream claim, then decoded."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.pixels.decoders.base import get_decoder

from multimodal.errors import CorruptFileError
from multimodal.formats.codestream import DECODERS, JPEG_2000, NATIVE, check_codestream, fragments
from multimodal.formats.elements import UNDEFINED, DicomFile
from multimodal.formats.guard import guarded
from multimodal.formats.jpeg2000 import decode_reduced, spare_levels
from multimodal.formats.limits import Limits

Stored = npt.NDArray[np.integer]


@dataclass(frozen=True)
class PixelHeader:
    """The image pixel module (PS3.3, C.7.6.3) of a film that can be read.

    Attributes:
        rows: H.
        columns: W.
        allocated: Bits of a stored value's cell, 8 or 16.
        stored: Bits of it that are used.
        signed: Whether stored values are two's complement.
        photometric: MONOCHROME1, where the least value is white, or MONOCHROME2.
    """

    rows: int
    columns: int
    allocated: int
    stored: int
    signed: bool
    photometric: str


def decode(file: DicomFile, header: PixelHeader, name: str, limits: Limits) -> Stored:
    """Check the pixel data against what the header claims, and decode it.

    Args:
        file: The film.
        header: What it claims of its pixels.
        name: Its name as the user gave it.
        limits: What its codestream may claim.

    Returns:
        (H, W) stored values; of a large JPEG 2000 film at a half, a quarter, ... of its size.

    Raises:
        CorruptFileError: If it is cut short, damaged or contradicts the header.
        UnsupportedError: If its compression is of a kind that no decoder reads.
        LimitError: If its codestream claims more than the limits allow.
    """
    element = file.elements["PixelData"]
    count = header.rows * header.columns
    precision, plugin, syntax = header.stored, "", file.syntax
    if file.syntax in NATIVE:
        present, expected = element.end - element.start, count * header.allocated // 8
        if element.length == UNDEFINED:
            raise CorruptFileError("The film isn't compressed and yet of undefined length.", file=name)
        if present < expected:
            raise CorruptFileError(f"The film is cut short: {present} of {expected} bytes are there.", file=name)
        source = file.body[element.start : element.start + expected + expected % 2]
    else:
        if element.length != UNDEFINED:
            raise CorruptFileError("The film's pixel data isn't in the fragments that compression asks for.", file=name)
        stream = b"".join(fragments(file.body, element.start, element.end, name))
        if limits.is_hollow(count, len(stream)):
            raise CorruptFileError("The compressed film is far too short for its size.", file=name)
        precision = check_codestream(stream, file.syntax, header.rows, header.columns, header.allocated, name, limits)
        source = file.body[element.start : element.end]
        if (reduced := _decode_reduced(file, header, stream, precision, name)) is not None:
            return reduced
        plugin = DECODERS[uid.UID(file.syntax)]
        if file.syntax == uid.JPEGExtended12Bit and precision > 8:
            # Pillow stops at 8 bits. GDCM goes by the codestream, but pydicom offers it this
            # precision under the lossless name only.
            syntax, plugin = uid.JPEGLosslessSV1, "gdcm"
    options: dict[str, Any] = {
        "rows": header.rows,
        "columns": header.columns,
        "samples_per_pixel": 1,
        "number_of_frames": 1,
        "photometric_interpretation": header.photometric,
        "pixel_representation": int(header.signed),
        "bits_allocated": header.allocated,
        "bits_stored": header.stored,
        "pixel_keyword": "PixelData",
        "pixel_vr": element.vr or "OW",
    }
    with guarded(name, "film"):
        pixels, _ = get_decoder(syntax).as_array(
            source,
            index=0,
            raw=True,
            decoding_plugin=plugin,
            **options,
        )
        if pixels.shape != (header.rows, header.columns):
            raise CorruptFileError("The film isn't of the size that its header says.", file=name)
    return pixels


def _decode_reduced(file: DicomFile, header: PixelHeader, stream: bytes, precision: int, name: str) -> Stored | None:
    """A large JPEG 2000 film at a fraction of its size; None where it must be decoded whole.

    Averages of padding or of values before a look-up table mean nothing.
    """
    exact = {"PixelPaddingValue", "ModalityLUTSequence"} & set(file.elements)
    if file.syntax not in JPEG_2000 or exact or header.signed or precision != header.stored:
        return None
    with guarded(name, "film"), suppress(OSError):
        if levels := spare_levels(stream):
            return decode_reduced(stream, levels, precision)
    return None
