"""What a record may claim and hold: every limit of the readers, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from multimodal.errors import UsageError

MEBIBYTE = 1 << 20
PREFIX = "MULTIMODAL_LIMIT_"


@dataclass(frozen=True)
class Limits:
    """Upper bounds that are checked before anything is decoded or unpacked.

    Each can be set by the environment: ``MULTIMODAL_LIMIT_PIXELS=100000000``.

    Attributes:
        file_bytes: Size of one file, packed or unpacked.
        pixels: Rows times columns of a film; a full-size detector has about 15 million.
        pixels_per_byte: Pixels that one byte of compressed film may stand for.
        deflate_ratio: Bytes that one byte of a deflated DICOM file may stand for, beyond the first 32 MiB.
        dicom_elements: Data elements of a DICOM file, nested ones included.
        dicom_depth: Nesting of DICOM sequences and items of undefined length.
        dicom_value_bytes: Size of one DICOM value that is read (look-up tables excepted).
        segments: Parts of a PNG, JPEG, WAV or MP3 file, by its own structure.
        audio_seconds: Duration of a recording.
        audio_samples: Samples of a recording, all channels together.
        audio_channels: Channels of a recording.
        audio_rate: Samples per second, Hz.
        audio_rate_min: Least samples per second, Hz, in which a heart sound still fits.
        text_characters: Characters of a note; the rest is cut off with a notice.
        pdf_pages: Pages of a PDF that are read; the rest is cut off with a notice.
        pdf_seconds: Time spent on a PDF before the rest is cut off with a notice.
        case_files: Files of one record.
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
    pixels_per_byte: int = 10_000
    deflate_ratio: int = 100
    dicom_elements: int = 100_000
    dicom_depth: int = 32
    dicom_value_bytes: int = 4096
    segments: int = 100_000
    audio_seconds: int = 600
    audio_samples: int = 30_000_000
    audio_channels: int = 16
    audio_rate: int = 384_000
    audio_rate_min: int = 500
    text_characters: int = 200_000
    pdf_pages: int = 50
    pdf_seconds: float = 5.0
    case_files: int = 1000
    archive_bytes: int = 512 * MEBIBYTE
    archive_directory_bytes: int = MEBIBYTE
    manifest_rows: int = 1_000_000
    decode_seconds: float = 30.0
    decode_bytes: int = 2048 * MEBIBYTE
    decode_files: int = 500
    decode_processes: int = 4

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
