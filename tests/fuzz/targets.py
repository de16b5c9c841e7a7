"""What is fuzzed: each takes any bytes and either reads them or raises an error of the tree; all else is a defect."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from multimodal.case import Audio, Image, Text
from multimodal.errors import InputError, ManifestError, ModelError, MultimodalError
from multimodal.formats import Limits, open_archive, read_manifest
from multimodal.formats.audio import read_audio
from multimodal.formats.dicom import read_dicom
from multimodal.formats.pdf import read_pdf
from multimodal.formats.raster import read_raster
from multimodal.formats.sniff import Format
from multimodal.formats.text import read_text
from tests.fuzz import seeds

# Far below the project's own, so that a run tries many small files and not few large ones.
SMALL = Limits(pixels=1 << 20, audio_seconds=20, audio_samples=1 << 20, text_characters=20_000, case_files=50)
NAME = "a.bin"


def dicom(data: bytes) -> None:
    try:
        _check(read_dicom(data, NAME, SMALL).image)
    except InputError as error:
        _check_error(error)


def raster(data: bytes) -> None:
    try:
        _check(read_raster(data, NAME, SMALL))
    except InputError as error:
        _check_error(error)


def audio(data: bytes) -> None:
    kind = {b"RIFF": Format.WAV, b"fLaC": Format.FLAC, b"OggS": Format.OGG}.get(data[:4], Format.MP3)
    try:
        _check(read_audio(data, NAME, kind, SMALL))
    except InputError as error:
        _check_error(error)


def text(data: bytes) -> None:
    try:
        _check((read_pdf if data.startswith(b"%PDF") else read_text)(data, NAME, SMALL))
    except InputError as error:
        _check_error(error)


def archive(data: bytes) -> None:
    try:
        opened, members = open_archive(data, NAME, SMALL)
    except InputError as error:
        _check_error(error)
        return
    with opened:
        assert len(members) <= SMALL.case_files
        assert all(".." not in member.filename.split("/") for member in members)


def bundle_config(data: bytes) -> None:
    from multimodal.bundle import BundleConfig

    try:
        BundleConfig.from_json(data.decode("utf-8", "surrogateescape"))
    except ModelError as error:
        _check_error(error, "config.json")


def manifest(data: bytes) -> None:
    path = _FOLDER / "manifest.csv"
    path.write_bytes(data)
    try:
        for case in read_manifest(path, SMALL):
            assert all(_FOLDER.resolve() in Path(source.split(":", 1)[-1]).parents for source in case.sources)
            assert case.patient.age is None or 0 <= case.patient.age <= 120
    except ManifestError as error:
        _check_error(error, "manifest.csv")


def _check(item: Image | Audio | Text) -> None:
    if isinstance(item, Image):
        assert item.pixels.dtype == np.float32
        assert item.pixels.size <= SMALL.pixels
        assert np.isfinite(item.pixels).all()
        assert 0 <= item.pixels.min() <= item.pixels.max() <= 1
        assert item.window is None or (np.isfinite(item.window).all() and item.window[0] < item.window[1])
    elif isinstance(item, Audio):
        assert 0 < item.samples.size <= SMALL.audio_samples
        assert np.isfinite(item.samples).all()
        assert np.abs(item.samples).max() <= 1
    else:
        assert item.text.strip()
        assert len(item.text) <= SMALL.text_characters
        assert all(0 <= one.start < one.end <= len(item.text) for one in item.sections)


def _check_error(error: MultimodalError, file: str | None = NAME) -> None:
    assert error.file == file
    assert error.code not in ("error", "input", "model")
    assert error.message.endswith(".")
    assert "SECRET" not in str(error)


_TEMPORARY = tempfile.TemporaryDirectory(prefix="fuzz-")
_FOLDER = Path(_TEMPORARY.name)
for _name in ("a.wav", "b.txt"):
    (_FOLDER / _name).touch()


@dataclass(frozen=True)
class Target:
    """Something to fuzz.

    Attributes:
        run: Takes any bytes.
        seeds: Files to start from, by name.
        words: What its format is made of, for the mutator.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], dict[str, bytes]]
    words: tuple[bytes, ...]


TARGETS = {
    "dicom": Target(
        dicom,
        seeds.films,
        (b"DICM", b"1.2.840.10008.1.2.4.90\0", b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0", b"SQ\0\0\xff\xff\xff\xff",
         b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff", b"MONOCHROME1 ", b"\xff\xd8\xff\xc3", b"\xff\x4f\xff\x51"),
    ),
    "raster": Target(
        raster,
        seeds.pictures,
        (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"acTL", b"IEND", b"\xff\xc0\0\x0b", b"\xff\xda", b"Exif\0\0"),
    ),
    "audio": Target(
        audio,
        seeds.sounds,
        (b"RIFF", b"WAVE", b"fmt \x10\0\0\0", b"data", b"LIST", b"fLaC", b"OggS", b"ID3\x04\0\0", b"\xff\xfb\x90\0"),
    ),
    "text": Target(
        text,
        seeds.notes,
        (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"FINDINGS:", b"%PDF-", b" 0 obj\n", b"stream\n", b"/FlateDecode"),
    ),
    "zip": Target(
        archive,
        seeds.archives,
        (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"../", b"\xff\xff\xff\xff"),
    ),
    "bundle": Target(
        bundle_config,
        seeds.configs,
        (b'"labels"', b'"sha256"', b'"calibration"', b'"trust_remote_code": true', b"NaN", b"1e999", b"null", b"[[[["),
    ),
    "manifest": Target(
        manifest,
        seeds.manifests,
        (b"case_id,path", b"\xef\xbb\xbf", b'"', b"../", b"heart", b"C:\\", b"\0", b"\r\n"),
    ),
}  # fmt: skip
