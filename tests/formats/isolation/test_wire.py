"""What a decoding process answers is believed only as far as it is of the form, and within the limits."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from io import BytesIO, FileIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.case import Audio, Image, Text
from multimodal.errors import CorruptFileError, InputError
from multimodal.formats import LIMITS
from multimodal.formats.isolation import wire


def framed(fields: object, content: bytes = b"") -> bytes:
    head = json.dumps(fields).encode()
    return struct.pack(">IQ", len(head), len(content)) + head + content


GOOD = {
    "modality": "image", "name": "a", "sha256": "", "notices": [], "patient": [None, None], "person": [None, None],
    "shape": [2, 3], "window": None, "spacing": None, "view": None, "rate": 1000, "site": None, "sections": [],
}  # fmt: skip


def replied(data: bytes, tmp_path: Path) -> object:
    (tmp_path / "reply").write_bytes(data)
    with FileIO(tmp_path / "reply") as source:
        return wire.replied(source, replace(LIMITS, pixels=100, audio_samples=100, text_characters=10)).item


def test_a_reply_of_the_form_is_taken(tmp_path: Path) -> None:
    assert isinstance(replied(framed(GOOD, bytes(24)), tmp_path), Image)
    assert isinstance(replied(framed(GOOD | {"modality": "audio"}, bytes(24)), tmp_path), Audio)
    assert isinstance(replied(framed(GOOD | {"modality": "text"}, b"a"), tmp_path), Text)
    with pytest.raises(CorruptFileError, match="Torn"):
        replied(framed({"error": "corrupt_file", "message": "Torn.", "file": None}), tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        framed(GOOD, bytes(24))[:-1],
        framed(GOOD, bytes(20)),
        framed(GOOD, bytes(28)),
        struct.pack(">IQ", 1 << 31, 0),
        framed(GOOD | {"shape": [1 << 20, 1 << 20]}, bytes(24)),
        framed(GOOD | {"shape": [-2, -3]}, bytes(24)),
        framed(GOOD | {"shape": [2.0, 3]}, bytes(24)),
        framed(GOOD | {"shape": [6]}, bytes(24)),
        framed(GOOD | {"modality": "os.system"}, bytes(24)),
        framed(GOOD | {"modality": ["image"]}, bytes(24)),
        framed(GOOD | {"view": 5}, bytes(24)),
        framed(GOOD | {"patient": ["old", None]}, bytes(24)),
        framed(GOOD | {"modality": "audio", "rate": 10**9}, bytes(24)),
        framed(GOOD | {"modality": "audio"}, bytes(404)),
        framed(GOOD | {"modality": "text"}, b"\xff"),
        framed(GOOD | {"modality": "text"}, b"a" * 41),
        framed(GOOD | {"modality": "text", "sections": [["a", 0, 99]]}, b"abc"),
        framed({"error": "__class__", "message": "x", "file": None}),
        framed({"error": "corrupt_file", "message": 5, "file": None}),
        framed([]),
        struct.pack(">IQ", 3, 0) + b"{]}",
        struct.pack(">IQ", 200_000, 0) + b"[" * 200_000,
    ],
)  # fmt: skip
def test_a_reply_of_another_form_is_broken(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(wire.BrokenFrameError):
        replied(data, tmp_path)


class Source(BytesIO):
    """What a child might say."""


@given(st.binary(max_size=60), st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_any_change_of_a_reply_is_read_or_refused(noise: bytes, at: int) -> None:
    data = framed(GOOD, bytes(24))
    try:
        reading = wire.replied(Source(data[:at] + noise + data[at + len(noise) :]), LIMITS)  # type: ignore[arg-type]
    except (wire.BrokenFrameError, InputError):
        return
    assert isinstance(reading.item, Image)
