"""The Diagnose page, in reading order: what came in, the answer, the picture, the evidence, the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from multimodal.case import Case, Diagnosis, Notice, Patient
from multimodal.errors import MultimodalError
from multimodal.labels import LABELS, NO_FINDING, Group
from multimodal.ui import cases_save, chart, engine, evidence, sidebar, table, theme, tiles, upload, viewer
from multimodal.ui.answer import answer, answer_html
from multimodal.ui.memory import kept
from multimodal.ui.record import Choice, Record, chosen_case
from multimodal.ui.theme import Palette

_SEX = {"F": "Female", "M": "Male"}


def diagnose() -> None:
    """Draw the page."""
    colours = theme.palette()
    theme.apply(colours)
    record = upload.current()
    if record is None:
        upload.welcome()
        _notices(upload.refusals())
        sidebar.choose()
        return
    _header(record)
    _notices((*upload.refusals(), *record.case.problems))
    tiles.strip(record.case, colours)
    choice = replace(sidebar.choose(), prevalence=_prevalence())
    case = chosen_case(record.case, sites=tiles.sites(), left_out=tiles.left_out(), patient=_patient(record))
    if not case.items:
        st.info("Everything is left out. Put an item back to see an answer.")
        return
    bar, download = st.columns(2, vertical_alignment="center")
    place = bar.empty()
    with place.container():
        diagnosis = _diagnosis(case, choice)
    if diagnosis is not None:
        place.html('<p class="mm-use"><strong>Research use only, not a medical device.</strong></p>')
        _actions(download, record, case, diagnosis, choice)
        result(case, diagnosis, colours, choice=choice, told=record.case.problems)


def _header(record: Record) -> None:
    title, actions = st.columns([2, 3], vertical_alignment="center")
    title.title("Diagnose")
    with actions.container(horizontal=True, horizontal_alignment="right"):
        with st.popover("Patient", icon=":material/tune:"):
            _context(record)
        with st.popover("Add files", icon=":material/add:"):
            upload.intake()
        st.button("New case", icon=":material/restart_alt:", on_click=upload.clear)
    if record.phantom:
        st.html(
            f'<p class="mm-muted">Phantom drawn with: <b>{escape(record.phantom.lower())}</b>. Not a real patient.</p>'
        )


def _context(record: Record) -> None:
    """Age, sex and how common the conditions are where the patient is seen."""
    known = record.case.patient
    st.number_input("Age in years", 0, 120, None if known.age is None else round(known.age), key="age")
    st.segmented_control("Sex", ("F", "M"), default=known.sex, format_func=_SEX.__getitem__, key="sex")
    st.markdown("**How common it is where the patient is seen**, in per cent")
    for label in _prior_labels():
        st.number_input(
            LABELS[label].title,
            0.1,
            99.0,
            100 * LABELS[label].prevalence,
            step=1.0,
            format="%.0f",
            key=f"prevalence-{label}",
            persist_state="session",
        )


def _prior_labels() -> list[str]:
    return [name for name, label in LABELS.items() if label.group is Group.CONDITION and name != NO_FINDING]


def _prevalence() -> tuple[tuple[str, float], ...]:
    given = ((label, st.session_state.get(f"prevalence-{label}")) for label in _prior_labels())
    return tuple(
        (label, q / 100)
        for label, q in given
        if q is not None and round(q, 1) != round(100 * LABELS[label].prevalence, 1)
    )


def _patient(record: Record) -> Patient:
    known = record.case.patient
    return Patient(age=st.session_state.get("age", known.age), sex=st.session_state.get("sex", known.sex))


def _diagnosis(case: Case, choice: Choice) -> Diagnosis | None:
    """The answer: remembered, or made now with a word on what is being done."""
    known = engine.remembered(case, choice)
    if known is not None:
        return known
    try:
        with st.spinner("Loading the networks"):
            engine.load(choice)
        with st.spinner(_doing(case)):
            return engine.diagnose(case, choice)
    except MultimodalError as error:
        _notices([Notice(error.code, error.message, item=error.file, refused=True)])
        return None


def _doing(case: Case) -> str:
    counts = (
        ("Looking at", case.images, "film"),
        ("listening to", case.audios, "recording"),
        ("reading", case.texts, "note"),
    )
    parts = [f"{verb} {len(items)} {noun}{'s' if len(items) > 1 else ''}" for verb, items, noun in counts if items]
    words = ", ".join(parts)
    return words[0].upper() + words[1:]


def _actions(place: DeltaGenerator, record: Record, case: Case, diagnosis: Diagnosis, choice: Choice) -> None:
    with place.container(horizontal=True, horizontal_alignment="right"):
        cases_save.offer(record, case, diagnosis)
        st.download_button(
            "JSON",
            diagnosis.to_json(indent=2),
            file_name="diagnosis.json",
            mime="application/json",
            icon=":material/download:",
            help="The whole diagnosis as JSON",
            on_click="ignore",
        )
        st.download_button(
            "PDF",
            lambda: _report(case, diagnosis, choice),
            file_name="diagnosis.pdf",
            mime="application/pdf",
            icon=":material/picture_as_pdf:",
            help="A one-page report to file, made when you click",
            on_click="ignore",
        )


def _report(case: Case, diagnosis: Diagnosis, choice: Choice) -> bytes:
    from multimodal.report import explained, report

    return report(diagnosis, case, explanations=explained(engine.load(choice), case, diagnosis))


def result(
    case: Case | None,
    diagnosis: Diagnosis,
    colours: Palette,
    *,
    choice: Choice | None = None,
    told: Sequence[Notice] = (),
) -> None:
    """Draw an answer in reading order.

    Args:
        case: What it is the answer to, for the evidence; None where that was not kept.
        diagnosis: The answer.
        colours: The palette.
        choice: The models that can explain it; None where they are not at hand.
        told: Notices that stand on the page already.
    """
    st.html(answer_html(answer(diagnosis)))
    if diagnosis.labels:
        _picture(diagnosis, colours)
    if case is not None:
        evidence.show(case, diagnosis, choice)
    if diagnosis.labels:
        st.subheader("Each alone, in pairs, and fused")
    _notices([notice for notice in (*diagnosis.warnings, *diagnosis.quality) if notice not in told])
    if diagnosis.labels:
        st.html(table.comparison_table(diagnosis))
    with st.expander("Models and files"):
        st.html(table.provenance_table(diagnosis))


def _picture(diagnosis: Diagnosis, colours: Palette) -> None:
    st.html(table.legend(diagnosis, colours))
    answers, pushes = st.columns([8, 5], gap="medium")
    answers.markdown("**How likely**")
    about = f"{hash(diagnosis.to_json())}-{colours.surface}"
    answers.vega_lite_chart(
        kept(f"answers-{about}", lambda: chart.answers_chart(diagnosis, colours).to_dict()),
        theme=None,
        alt=chart.describe(diagnosis),
        key="answers",
    )
    pushes.markdown("**What moved it**", help="How far each part of the record moved the odds from the base rate.")
    pushes.vega_lite_chart(
        kept(f"pushes-{about}", lambda: chart.pushes_chart(diagnosis, colours).to_dict()),
        theme=None,
        alt="What film, sound and note pushed, for or against.",
        key="pushes",
    )


def _notices(notices: Sequence[Notice]) -> None:
    """Notices in plain words; nothing a file brought is markup."""
    if not notices:
        return
    entries = "".join(
        f'<li class="{"refused" if notice.refused else ""}">'
        + (f"<b>{escape(viewer.visible(notice.item))}</b>: " if notice.item else "")
        + f"{escape(viewer.visible(notice.message))}</li>"
        for notice in notices
    )
    st.html(f'<ul class="mm-notices" role="status">{entries}</ul>')
