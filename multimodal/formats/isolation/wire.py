"""What passes between a process and its decoders: a length, JSON, raw numbers. Never a pickle.

A frame is two big-endian lengths (4 and 8 bytes), that many bytes of JSON, and that many
bytes of content: the file on the way there; float32 pixels or samples, or UTF-8 text, on
the way back. The side that asks believes nothing: a reply that is not of this form, or
larger than the limits, is refused before memory is taken for it.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict
from io import RawIOBase
from typing import Any, BinaryIO

import numpy as np

from multimodal.case import Audio, FloatArray, Image, Item, Notice, Patient, Section, Text
from multimodal.errors import (
    CorruptFileError,
    DecoderError,
    InputError,
    LimitError,
    UnknownFormatError,
    UnsupportedError,
)
from multimodal.formats.identity import Person
from multimodal.formats.limits import MEBIBYTE, Limits
from multimodal.formats.reader import Kind, Reading
from multimodal.formats.scale import WIDEST
from multimodal.labels import Site

_LENGTHS = struct.Struct(">IQ")
_MOST_JSON = 16 * MEBIBYTE  # 200,000 characters of nothing but headings stay below
_FLOAT = np.dtype("<f4")
_UTF8_BYTES = 4  # of a character, at most
_REFUSALS: Mapping[str, type[InputError]] = {
    error.code: error for error in (CorruptFileError, DecoderError, LimitError, UnknownFormatError, UnsupportedError)
}


class BrokenFrameError(Exception):
    """What came is no frame, or not of the form that was agreed."""


def send(sink: RawIOBase | BinaryIO, fields: Mapping[str, Any], content: bytes | memoryview) -> None:
    """Write one frame.

    Args:
        sink: Unbuffered or not.
        fields: Plain values, none of them NaN or infinite.
        content: Bytes that follow them.
    """
    head = json.dumps(fields, allow_nan=False).encode()
    for part in (_LENGTHS.pack(len(head), len(content)) + head, content):
        left = memoryview(part)
        while left:
            left = left[sink.write(left) :]


def ask(sink: RawIOBase | BinaryIO, data: bytes, name: str, kind: Kind | None, limits: Limits, salt: bytes) -> None:
    """Write what is to be read, by whose limits, and the salt of the patient's hashes."""
    fields = {"name": name, "kind": kind, "limits": asdict(limits), "salt": salt.hex()}
    send(sink, fields, data)


def asked(source: BinaryIO) -> tuple[bytes, str, Kind | None, Limits, bytes] | None:
    """The next question, as :func:`ask` was given it; None at the end."""
    lengths = source.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head, size = _LENGTHS.unpack(lengths)
    fields = json.loads(source.read(head))
    kind = Kind(fields["kind"]) if fields["kind"] else None
    return source.read(size), fields["name"], kind, Limits(**fields["limits"]), bytes.fromhex(fields["salt"])


def reply(sink: RawIOBase, reading: Reading) -> None:
    """Write a reading."""
    item = reading.item
    fields: dict[str, Any] = {
        "modality": item.modality,
        "name": item.name,
        "sha256": item.sha256,
        "notices": [[one.code, one.message, one.item, one.refused] for one in item.notices],
        "patient": [reading.patient.age, reading.patient.sex],
        "person": [value.hex() if value else None for value in (reading.person.number, reading.person.name)],
    }
    content: bytes | memoryview
    if isinstance(item, Image):
        fields |= {"shape": item.pixels.shape, "window": item.window, "spacing": item.spacing_mm, "view": item.view}
        content = _raw(item.pixels)
    elif isinstance(item, Audio):
        fields |= {"rate": item.rate, "site": item.site}
        content = _raw(item.samples)
    else:
        fields["sections"] = [[one.title, one.start, one.end] for one in item.sections]
        content = item.text.encode()
    send(sink, fields, content)


def refuse(sink: RawIOBase, error: InputError) -> None:
    """Write a refusal."""
    send(sink, {"error": error.code, "message": error.message, "file": error.file}, b"")


def replied(source: RawIOBase, limits: Limits) -> Reading:
    """Read what came back.

    Raises:
        InputError: The refusal, if it is one.
        BrokenFrameError: If it is cut short, not of the form, or larger than the limits.
    """
    head, size = _LENGTHS.unpack(_exactly(source, _LENGTHS.size))
    if head > _MOST_JSON:
        raise BrokenFrameError
    try:
        fields = json.loads(_exactly(source, head))
        if "error" in fields:
            raise _REFUSALS[fields["error"]](_text(fields["message"]), file=_text_or_none(fields["file"]))
        return Reading(
            item=_ITEMS[fields["modality"]](fields, size, source, limits),
            patient=Patient(_number_or_none(fields["patient"][0]), _text_or_none(fields["patient"][1])),
            person=Person(*(bytes.fromhex(value) if value else None for value in fields["person"])),
        )
    except (KeyError, IndexError, TypeError, ValueError, RecursionError):
        raise BrokenFrameError from None


def _image(fields: Mapping[str, Any], size: int, source: RawIOBase, limits: Limits) -> Image:
    rows, columns = (_whole(side) for side in fields["shape"])
    _expect(rows * columns <= limits.pixels and rows * columns * _FLOAT.itemsize == size)
    window = _pair(fields["window"])
    _expect(window is None or -WIDEST < window[0] < window[1] < WIDEST)
    return Image(
        **_common(fields),
        pixels=_numbers(source, size).reshape(rows, columns),
        window=window,
        spacing_mm=_pair(fields["spacing"]),
        view=_text_or_none(fields["view"]),
    )


def _audio(fields: Mapping[str, Any], size: int, source: RawIOBase, limits: Limits) -> Audio:
    rate = _whole(fields["rate"])
    _expect(limits.audio_rate_min <= rate <= limits.audio_rate)
    _expect(0 < size <= limits.audio_samples * _FLOAT.itemsize)
    _expect(size % _FLOAT.itemsize == 0)
    site = Site(fields["site"]) if fields["site"] else None
    return Audio(**_common(fields), samples=_numbers(source, size), rate=rate, site=site)


def _note(fields: Mapping[str, Any], size: int, source: RawIOBase, limits: Limits) -> Text:
    _expect(size <= limits.text_characters * _UTF8_BYTES)
    text = _exactly(source, size).decode()
    sections = tuple(Section(_text(title), int(start), int(end)) for title, start, end in fields["sections"])
    _expect(all(0 <= one.start < one.end <= len(text) for one in sections))
    return Text(**_common(fields), text=text, sections=sections)


_ITEMS: Mapping[str, Callable[[Mapping[str, Any], int, RawIOBase, Limits], Item]] = {
    "image": _image,
    "audio": _audio,
    "text": _note,
}


def _common(fields: Mapping[str, Any]) -> dict[str, Any]:
    notices = tuple(
        Notice(_text(code), _text(message), _text_or_none(item), refused=bool(refused))
        for code, message, item, refused in fields["notices"]
    )
    return {"name": _text(fields["name"]), "sha256": _text(fields["sha256"]), "notices": notices}


def _exactly(source: RawIOBase, count: int) -> bytearray:
    content = bytearray(count)
    _fill(source, memoryview(content))
    return content


def _numbers(source: RawIOBase, size: int) -> FloatArray:
    """(size / 4,) float32, straight from the pipe."""
    numbers = np.empty(size // _FLOAT.itemsize, _FLOAT)
    _fill(source, numbers.data.cast("B"))
    return numbers


def _fill(source: RawIOBase, left: memoryview) -> None:
    while left:
        count = source.readinto(left)
        if not count:
            raise BrokenFrameError
        left = left[count:]


def _raw(numbers: FloatArray) -> memoryview:
    return np.ascontiguousarray(numbers, _FLOAT).reshape(-1).data.cast("B")


def _expect(holds: bool) -> None:
    if not holds:
        raise ValueError


def _whole(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # half of a surrogate pair can be written nowhere
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _number_or_none(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, type(None))):
        raise TypeError
    return value


def _pair(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    first, second = map(float, value)
    _expect(math.isfinite(first) and math.isfinite(second))
    return first, second
