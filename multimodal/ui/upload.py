"""How a record comes in: files, a recording, or a phantom. Everything stays in the session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from html import escape

import streamlit as st

from multimodal.case import Notice
from multimodal.errors import MultimodalError
from multimodal.ui import engine, evidence, memory, patient, tiles, where
from multimodal.ui.arriving import Arriving
from multimodal.ui.door import server_address
from multimodal.ui.record import Record, Source
from multimodal.ui.theme import Palette

SAMPLES = (
    ("pneumonia", "Pneumonia", 37),
    ("obstructive_airway_disease", "Obstructive airway disease", 35),
    ("heart_failure", "Heart failure", 37),
    ("valvular_heart_disease", "Heart valve disease", 37),
    ("no_finding", "No abnormality", 1),
)
"""Condition, plain words and seed of the phantoms that are one click away: of the first forty, the severest of which
the shipped detectors leave nothing out; for no abnormality the first."""

_OPEN = "open"
_NOT_KEPT = "The app keeps and logs nothing."


def given() -> bool:
    """Whether something was given since the last run."""
    return "sample" in st.session_state or bool(st.session_state.get("pending"))


def current(colours: Palette) -> Record | None:
    """The record on the page, after reading what was given since the last run, each file shown as it is read."""
    pending: list[Source] = st.session_state.pop("pending", [])
    sample: tuple[str, str, int] | None = st.session_state.pop("sample", None)
    if sample is not None:
        with st.spinner(f"Drawing a phantom with {sample[1].lower()}"):
            _start(phantom(*sample))
    elif pending:
        known: Record | None = st.session_state.get("record")
        sources = (*(known.sources if known and not known.phantom else ()), *pending)
        with Arriving(colours) as arriving, _refusals():
            read = _read(sources, arriving)
            tiles.forget(read.case)
            if known and not known.phantom:
                st.session_state["record"] = read
            else:
                _start(read)
    record: Record | None = st.session_state.get("record")
    return record


def greet() -> None:
    """The head of the empty page: what to do."""
    st.title("Diagnose")
    st.html(
        '<p class="mm-lead">Give one patient\'s record: chest films, heart and lung sounds, clinical notes. '
        "Any part may be missing. The answer says how likely each condition is, and why.</p>"
    )


def welcome() -> None:
    """The empty page: where files go, and a sample one click away."""
    files, samples = st.columns([3, 2], gap="large")
    with files:
        st.header("A patient's record")
        intake()
    with samples:
        st.header("A sample case")
        st.html('<p class="mm-muted">Phantoms: patients that this project draws itself, not real people.</p>')
        for condition, words, seed in SAMPLES:
            st.button(
                words,
                key=f"sample-{condition}",
                icon=":material/person_outline:",
                on_click=_ask_for_sample,
                args=((condition, words, seed),),
                width="stretch",
            )


def intake() -> None:
    """Files and the microphone."""
    turn = st.session_state.setdefault("intake", 0)
    st.file_uploader(
        "Films (DICOM, PNG, JPEG), sounds (WAV, FLAC, MP3, OGG), notes (TXT, PDF), or a zip of them",
        accept_multiple_files=True,
        key=f"files-{turn}",
        on_change=_take_files,
        args=(turn,),
    )
    st.audio_input("Or record a heart or lung sound", key=f"microphone-{turn}", on_change=_take_sound, args=(turn,))
    st.html(f'<p class="mm-muted">{escape(where.goes(server_address(), engine.server()))} {_NOT_KEPT}</p>')


def clear() -> None:
    """Forget the record and everything made from it."""
    _leave()
    tiles.forget()
    st.session_state["intake"] = st.session_state.get("intake", 0) + 1


def _leave() -> None:
    memory.forget()
    evidence.forget()
    for key in ("record", "refusals", "left_out", "sites", *patient.KEYS):
        st.session_state.pop(key, None)


def refusals() -> list[Notice]:
    """What could not be taken in at all, until the next try."""
    notices: list[Notice] = st.session_state.get("refusals", [])
    return notices


def _start(record: Record) -> None:
    _leave()
    st.session_state["record"] = record


def _read(sources: tuple[Source, ...], arriving: Arriving) -> Record:
    from multimodal.formats import read_case

    # By itself a case is named after its first file, and that may be named after the patient.
    digest = sha256(b"".join(sha256(data).digest() for _, data in sources)).hexdigest()
    return Record(sources=sources, case=read_case(sources, case_id=digest[:12], seen=arriving))


def phantom(condition: str, words: str, seed: int) -> Record:
    """The record of a phantom with a condition, in these words: drawn, not a real patient."""
    from multimodal.phantom import draw_patient, render, to_case

    drawn = render(draw_patient(seed, condition))
    return Record(sources=tuple(drawn.files.items()), case=to_case(drawn), phantom=words)


@contextmanager
def _refusals() -> Iterator[None]:
    """Keep a refused reading as a notice; the record before it stays."""
    st.session_state.pop("refusals", None)
    try:
        yield
    except MultimodalError as error:
        st.session_state["refusals"] = [Notice(error.code, error.message, item=error.file, refused=True)]


def _ask_for_sample(sample: tuple[str, str, int]) -> None:
    st.session_state["sample"] = sample


def _take_files(turn: int) -> None:
    if _is_new(turn):
        st.session_state["pending"] = [(file.name, file.getvalue()) for file in st.session_state[f"files-{turn}"]]
        st.session_state["intake"] += 1


def _take_sound(turn: int) -> None:
    recording = st.session_state[f"microphone-{turn}"]
    if recording is None or not _is_new(turn):
        return
    record: Record | None = st.session_state.get("record")
    taken = sum(name.startswith("recording ") for name, _ in record.sources) if record else 0
    st.session_state["pending"] = [(f"recording {taken + 1}.wav", recording.getvalue())]
    st.session_state["intake"] += 1


def _is_new(turn: int) -> bool:
    """Whether this turn's files were not taken yet: a browser that lags behind sends them with its next click again."""
    return turn == int(st.session_state["intake"])


def pick(key: str) -> Record | tuple[str, str, int]:
    """The case to look at that the reader chose: the one open on the Diagnose page, or one of ``SAMPLES``.

    Args:
        key: Of the widget, and of the choice in the address.
    """
    opened: Record | None = st.session_state.get("record")
    samples = {sample[0]: sample for sample in SAMPLES}
    names = {_OPEN: "Open on Diagnose"} if opened else {}
    names |= {condition: words for condition, words, _ in SAMPLES}
    chosen = st.pills(
        "Case",
        list(names),
        default=next(iter(names)),
        format_func=names.__getitem__,
        required=True,
        key=key,
        bind="query-params",
    )
    return opened if chosen == _OPEN and opened else samples[chosen]
