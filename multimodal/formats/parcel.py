"""A decoded case as bytes, for a server that is to score what was read here; never a pickle.

A length (8 bytes, big-endian) and that many bytes of JSON say what the case is; then comes one frame an item, as in
:mod:`multimodal.formats.isolation.wire`. Whoever unpacks it believes nothing: what is not of this form, or larger than
the limits, is refused before memory is taken for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO, RawIOBase
from typing import Any, cast

from multimodal.case import Audio, Case, Image, Notice, Patient, Text
from multimodal.errors import CorruptFileError, EmptyCaseError, LimitError
from multimodal.formats.isolation import wire
from multimodal.formats.limits import Limits
from multimodal.formats.reader import Reading

_LENGTH, _OLDEST = 8, 130
MEDIA_TYPE = "application/vnd.multimodal.case"


def pack(case: Case, about: Mapping[str, Any]) -> bytes:
    """A case and what is asked about it.

    Args:
        case: Decoded.
        about: JSON values.
    """
    head = {
        "case_id": case.case_id,
        "patient": asdict(case.patient),
        "problems": [asdict(problem) for problem in case.problems],
        "items": len(case.items),
        "about": dict(about),
    }
    encoded = json.dumps(head, allow_nan=False).encode()
    sink = BytesIO()
    sink.write(len(encoded).to_bytes(_LENGTH, "big") + encoded)
    for item in case.items:
        wire.reply(cast("RawIOBase", sink), Reading(item))
    return sink.getvalue()


def unpack(data: bytes, limits: Limits) -> tuple[Case, dict[str, Any]]:
    """The inverse of :func:`pack`.

    Raises:
        CorruptFileError: If the bytes are not of that form.
        EmptyCaseError: If the case holds nothing.
        LimitError: If it holds more items than the limits allow.
    """
    size = int.from_bytes(data[:_LENGTH], "big")
    if size > len(data):
        raise CorruptFileError("The packed case is damaged or of another version.")
    source = BytesIO(data)
    source.seek(_LENGTH + size)
    try:
        head = json.loads(data[_LENGTH : _LENGTH + size])
        count, about, case_id = head["items"], dict(head["about"]), _text(head["case_id"])
        patient, problems = _patient(**head["patient"]), tuple(_notice(**each) for each in head["problems"])
        if count > limits.case_files:
            raise LimitError(f"A record may have up to {limits.case_files} files.")
        items = [wire.replied(cast("RawIOBase", source), limits).item for _ in range(count)]
    except (wire.BrokenFrameError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise CorruptFileError("The packed case is damaged or of another version.") from None
    if not items:
        raise EmptyCaseError("The case holds nothing that can be scored.")
    return (
        Case(
            case_id=case_id,
            images=tuple(item for item in items if isinstance(item, Image)),
            audios=tuple(item for item in items if isinstance(item, Audio)),
            texts=tuple(item for item in items if isinstance(item, Text)),
            patient=patient,
            problems=problems,
        ),
        about,
    )


def _patient(age: object, sex: Any) -> Patient:
    if sex not in (None, "F", "M") or isinstance(age, bool) or not isinstance(age, int | float | None):
        raise ValueError
    if age is not None and not 0 <= age <= _OLDEST:
        raise ValueError
    return Patient(age=age, sex=sex)


def _notice(code: object, message: object, item: object, refused: object) -> Notice:
    return Notice(_text(code), _text(message), None if item is None else _text(item), refused=bool(refused))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # half of a surrogate pair can be written nowhere
    return value
