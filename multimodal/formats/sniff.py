"""What a file is, by its content and never by its name."""

from __future__ import annotations

import re
from enum import StrEnum

from multimodal.errors import CorruptFileError, UnknownFormatError, UnsupportedError


class Format(StrEnum):
    """The formats that are read here."""

    DICOM = "DICOM"
    PNG = "PNG"
    JPEG = "JPEG"
    WAV = "WAV"
    FLAC = "FLAC"
    OGG = "OGG"
    MP3 = "MP3"
    PDF = "PDF"
    ZIP = "ZIP"
    TEXT = "text"


_SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"\xff\xd8\xff", Format.JPEG),
    (b"fLaC", Format.FLAC),
    (b"OggS", Format.OGG),
    (b"ID3\x02", Format.MP3),
    (b"ID3\x03", Format.MP3),
    (b"ID3\x04", Format.MP3),
    (b"%PDF-", Format.PDF),
    (b"PK\x03\x04", Format.ZIP),
    (b"PK\x05\x06", Format.ZIP),
)

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture outside DICOM"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture outside DICOM"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1aE\xdf\xa3", "a Matroska video"),
    (b"RIFX", "a big-endian WAV file"),
    (b"RF64", "a 64-bit WAV file"),
    (b"FORM", "an AIFF sound"),
)

_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype|html|svg)\b", re.IGNORECASE)
_ADVICE = "Films can be DICOM, PNG or JPEG, sounds WAV, FLAC, MP3 or OGG, notes TXT or PDF, a record a zip of these."


def sniff(data: bytes, name: str) -> Format:
    """Tell the format from the first bytes.

    Anything without a signature is taken for text, which its reader checks.

    Raises:
        CorruptFileError: If the file is empty.
        UnknownFormatError: If it is a DICOM file without its prefix.
        UnsupportedError: If it has the signature of something that is not read here.
    """
    if not data:
        raise CorruptFileError("The file is empty.", file=name)
    dicom = data[128:132] == b"DICM"
    if dicom and not data.startswith((b"MZ", b"\x7fELF")):
        return Format.DICOM
    for signature, known in _SIGNATURES:
        if data.startswith(signature):
            return known
    if data.startswith(b"RIFF"):
        if data[8:12] == b"WAVE":
            return Format.WAV
        raise UnsupportedError("This is a RIFF file other than WAV. " + _ADVICE, file=name)
    if data[4:8] == b"ftyp":
        raise UnsupportedError("This is an MP4 or HEIC file. " + _ADVICE, file=name)
    if _is_mpeg_frame(data):
        return Format.MP3
    for signature, what in _FOREIGN:
        # A note may well begin with "BMI" or "FORM": letters alone count only in a binary file.
        if data.startswith(signature) and (len(signature) > 4 or not signature.isalnum() or b"\0" in data[:256]):
            raise UnsupportedError(f"This is {what}{' that poses as DICOM' if dicom else ''}. " + _ADVICE, file=name)
    if _MARKUP.match(data[:256]):
        raise UnsupportedError("This is an HTML, SVG or XML document. " + _ADVICE, file=name)
    if data[:4] in (b"\x08\x00\x05\x00", b"\x08\x00\x00\x00", b"\x02\x00\x00\x00"):
        raise UnknownFormatError("This looks like DICOM without its 128-byte preamble and DICM prefix.", file=name)
    return Format.TEXT


def _is_mpeg_frame(data: bytes) -> bool:
    """Whether an MPEG audio layer III frame header begins the file (ISO/IEC 11172-3, 2.4.1.3)."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return False
    return data[1] & 0x18 != 0x08 and data[2] >> 4 != 0xF and data[2] & 0x0C != 0x0C
