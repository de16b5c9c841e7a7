"""What a record may claim and hold: every limit of the readers, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from multimodal.errors import UsageError

MEBIBYTE = 1 << 20
PREFIX = "MULTIMODAL_LIMIT_"
LARGE = 16_000_000
"""Pixels of a full-size detector, about."""


@dataclass(frozen=True)
class Limits:
    """Upper bounds that are checked before anything is decoded or unpacked.

    Each can be set by the environment: ``MULTIMODAL_LIMIT_PIXELS=100000000``.

    Attributes:
        file_bytes: Size of one file, packed or unpacked.
        pixels: Rows times columns of a film; a full-size detector has about 15 million.
        side: Rows or columns of a film; DICOM can state no more.
        colour_pixels: Rows times columns of a picture in colour, which takes four times the memory.
        pixels_per_byte: Pixels that one byte of compressed film may stand for.
        pixels_per_byte_large: The same for a film of more than 16 million pixels, where a blank one is a bomb.
        deflate_ratio: Bytes that one byte of a deflated DICOM file or of a zip may stand for, beyond the first 32 MiB.
        dicom_elements: Data elements of a DICOM file, nested ones included.
        dicom_depth: Nesting of DICOM sequences and items of undefined length.
        dicom_value_bytes: Size of one DICOM value that is read (look-up tables excepted).
        segments: Parts of a PNG, JPEG, WAV or MP3 file, by its own structure.
        jpeg_scans: Times that a JPEG picture goes over its pixels; a progressive one does so about ten times.
        audio_seconds: Duration of a recording.
        audio_samples: Samples of a recording, all channels together.
        audio_channels: Channels of a recording.
        audio_rate: Samples per second, Hz.
        audio_rate_min: Least samples per second, Hz, in which a heart sound still fits.
        text_characters: Characters of a note; the rest is cut off with a notice.
        pdf_pages: Pages of a PDF that are read; the rest is cut off with a notice.
        pdf_seconds: Computing time spent on a PDF before the rest is cut off with a notice.
        case_files: Files of one record.
        case_seconds: Time to read one record; the files after it are left out with a notice.
        archive_bytes: Size of a zip archive's members, unpacked.
        archive_directory_bytes: Size of a zip archive's table of contents.
        manifest_rows: Rows of a manifest.
        decode_seconds: Time that the decoding of a file may take.
        decode_bytes: Memory that it may take, the file included (on Linux).
        decode_files: Files after which a decoding process is replaced.
        decode_processes: Decoding processes at the same time; taken at the first file.
    """

    file_bytes: int = 160 * MEBIBYTE
    pixels: int = 64_000_000
    side: int = 65_535
    colour_pixels: int = 32_000_000
    pixels_per_byte: int = 10_000
    pixels_per_byte_large: int = 200
    deflate_ratio: int = 100
    dicom_elements: int = 100_000
    dicom_depth: int = 32
    dicom_value_bytes: int = 4096
    segments: int = 100_000
    jpeg_scans: int = 100
    audio_seconds: int = 600
    audio_samples: int = 30_000_000
    audio_channels: int = 16
    audio_rate: int = 384_000
    audio_rate_min: int = 500
    text_characters: int = 200_000
    pdf_pages: int = 50
    pdf_seconds: float = 2.0
    case_files: int = 1000
    case_seconds: float = 120.0
    archive_bytes: int = 512 * MEBIBYTE
    archive_directory_bytes: int = MEBIBYTE
    manifest_rows: int = 1_000_000
    decode_seconds: float = 30.0
    decode_bytes: int = 2048 * MEBIBYTE
    decode_files: int = 500
    decode_processes: int = 4

    def unpacked(self, packed: int, most: int) -> int:
        """Bytes that so many deflated ones may become: far below what a bomb reaches, and ``most`` at most."""
        return min(most, max(32 * MEBIBYTE, self.deflate_ratio * packed))

    def is_hollow(self, pixels: int, present: int) -> bool:
        """Whether so many bytes of a compressed film are too few for its pixels."""
        return pixels > present * (self.pixels_per_byte if pixels <= LARGE else self.pixels_per_byte_large)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Limits:
        """The defaults, with those that the environment sets.

        Raises:
            UsageError: If a value is not a positive number.
        """
        given = os.environ if environment is None else environment
        values: dict[str, float] = {}
        for limit in fields(cls):
            name = PREFIX + limit.name.upper()
            if name not in given:
                continue
            try:
                values[limit.name] = int(given[name]) if isinstance(limit.default, int) else float(given[name])
            except ValueError:
                raise UsageError(f"Expected {name} to be a number, but got {given[name]!r}.") from None
            if not values[limit.name] > 0:
                raise UsageError(f"Expected {name} to be positive, but got {given[name]!r}.")
        return cls(**values)  # type: ignore[arg-type]  # each value has the type of its default


LIMITS = Limits()
