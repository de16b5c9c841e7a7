"""Whatever the bytes, a reader returns an item or raises an error of the tree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom import uid

from multimodal.case import Audio, Image, Item, Text
from multimodal.errors import InputError
from multimodal.formats import Limits, read, read_case
from multimodal.formats.isolation import shared
from tests.formats.files import dicom, film, jpeg, jpeg_by_gdcm, pdf, png, sound, tone, zipped

EIGHT = film(bits=8).astype(np.uint8)
VALID: dict[str, Callable[[], bytes]] = {
    "implicit": lambda: dicom(film(), uid.ImplicitVRLittleEndian, WindowCenter=5, WindowWidth=9),
    "explicit": lambda: dicom(film(), PixelPaddingValue=0, RescaleSlope=2, RescaleIntercept=1),
    "deflated": lambda: dicom(film(), uid.DeflatedExplicitVRLittleEndian),
    "big endian": lambda: dicom(film(), uid.ExplicitVRBigEndian),
    "rle": lambda: dicom(film(), uid.RLELossless),
    "jpeg baseline": lambda: dicom(EIGHT, uid.JPEGBaseline8Bit, bits=8, codestream=jpeg(EIGHT)),
    "jpeg extended": lambda: dicom(
        film(), uid.JPEGExtended12Bit, codestream=jpeg_by_gdcm(film(), 12, uid.JPEGExtended12Bit)
    ),
    "jpeg lossless": lambda: dicom(film(), uid.JPEGLosslessSV1),
    "jpeg-ls": lambda: dicom(film(), uid.JPEGLSLossless),
    "jpeg 2000": lambda: dicom(film(), uid.JPEG2000Lossless),
    "png": lambda: png(film()),
    "jpeg": lambda: jpeg(EIGHT),
    "wav": lambda: sound(tone()),
    "flac": lambda: sound(tone(), kind="FLAC"),
    "ogg": lambda: sound(tone(8000), 8000, "OGG"),
    "mp3": lambda: sound(tone(8000), 8000, "MP3"),
    "pdf": lambda: pdf(["FINDINGS: none."]),
    "text": lambda: b"FINDINGS: none.",
}
SIGNATURES = [
    b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x20\0\0\0WAVE", b"fLaC", b"OggS", b"ID3\x04",
    b"\xff\xfb\x90\x00", b"%PDF-1.7\n", b"PK\x03\x04", b"PK\x05\x06",
    bytes(128) + b"DICM", b"\xff\xfe", b"\xef\xbb\xbf",
]  # fmt: skip
BY_GDCM = ("jpeg extended", "jpeg lossless")
"""A damaged stream can end the process that GDCM runs in, so these are read as the program reads them: in another."""
_cache: dict[str, bytes] = {}


def valid(name: str) -> bytes:
    if name not in _cache:
        _cache[name] = VALID[name]()
    return _cache[name]


def check(data: bytes, *, apart: bool = False) -> None:
    try:
        item: Item | InputError = shared().read(data, "a.bin", None, Limits()).item if apart else read(data, "a.bin")
    except InputError as error:
        item = error
    if isinstance(item, InputError):
        assert item.file == "a.bin"
        assert item.code not in ("error", "input")
    elif isinstance(item, Image):
        assert item.pixels.dtype == np.float32
        assert np.isfinite(item.pixels).all()
        assert 0 <= item.pixels.min() <= item.pixels.max() <= 1
        assert item.window is None or (np.isfinite(item.window).all() and item.window[0] < item.window[1])
    elif isinstance(item, Audio):
        assert item.samples.ndim == 1
        assert np.abs(item.samples).max() <= 1
    else:
        assert isinstance(item, Text)
        assert item.text.strip()


@given(st.sampled_from(SIGNATURES), st.binary(max_size=400))
@settings(max_examples=400, deadline=None)
@example(b"", b"")
def test_random_bytes(signature: bytes, body: bytes) -> None:
    check(signature + body)


@pytest.mark.parametrize("name", VALID)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_files(name: str, data: st.DataObject) -> None:
    mutated = bytearray(valid(name))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        change = data.draw(st.sampled_from(["flip", "cut", "drop", "repeat", "ones"]))
        if change == "flip":
            mutated[at] ^= data.draw(st.integers(1, 255))
        elif change == "cut":
            del mutated[max(at, 1) :]
        elif change == "drop":
            del mutated[at : at + data.draw(st.integers(1, 8))]
        elif change == "repeat":
            mutated[at:at] = mutated[at : at + 16]
        else:
            mutated[at : at + 4] = b"\xff\xff\xff\xff"
        if not mutated:
            break
    check(bytes(mutated), apart=name in BY_GDCM)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_mutated_archives(data: st.DataObject) -> None:
    mutated = bytearray(zipped({"a.txt": b"Cough. " * 20, "b/c.txt": b"Wheeze."}))
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(4, len(mutated) - 1))] ^= data.draw(st.integers(1, 255))
    case = read_case([("r.zip", bytes(mutated)), ("good.txt", b"Fine.")])
    assert case.texts[-1].text == "Fine."
