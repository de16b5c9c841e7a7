"""The Diagnose page, in reading order: what came in, the answer, the picture, the evidence, the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from multimodal.case import Case, Diagnosis, Notice
from multimodal.errors import MultimodalError, ServiceError
from multimodal.ui import cases_save, chart, engine, evidence, patient, sidebar, table, theme, tiles, upload
from multimodal.ui.answer import REACH_MEANING, answer, answer_html, reach
from multimodal.ui.memory import kept
from multimodal.ui.notices import notices_html
from multimodal.ui.record import Choice, Record
from multimodal.ui.stack import imported
from multimodal.ui.theme import Palette
from multimodal.verdict import together

_CAUTIONS = "warnings"
_HOW = f"The dot is the fused answer. The band behind it is its 95 % range. {REACH_MEANING}"


def diagnose() -> None:
    """Draw the page."""
    colours = theme.palette()
    theme.apply(colours)
    place = st.container()
    # What was on the page makes way at once for another record, and otherwise stays until it is drawn again.
    rest = st.empty() if upload.given() else st.container()
    with place:
        record = upload.current(colours)
    with rest.container():
        if record is None:
            upload.greet()
            _notices(upload.refusals())
            upload.welcome()
        else:
            _record(record, colours)


def _record(record: Record, colours: Palette) -> None:
    _header(record)
    _notices((*upload.refusals(), *record.case.problems))
    choice = replace(sidebar.chosen(), prevalence=patient.prevalence())
    case = tiles.corrected(record)
    diagnosis = engine.remembered(case, choice)
    tiles.strip(record.case, colours, diagnosis)
    if not case.items:
        st.info("Everything is left out. Put an item back to see an answer.")
        return
    bar, download = st.columns(2, vertical_alignment="center")
    place = bar.empty()
    if diagnosis is None:
        with place.container():
            if _diagnosed(case, choice):
                st.rerun()  # the tiles, drawn already, tell what became of each item
        return
    place.html('<p class="mm-use"><strong>Research use only, not a medical device.</strong></p>')
    _actions(download, record, case, diagnosis, choice)
    result(case, diagnosis, colours, choice=choice, told=record.case.problems)


def _header(record: Record) -> None:
    title, actions = st.columns([2, 3], vertical_alignment="center")
    title.title("Diagnose")
    with actions.container(horizontal=True, horizontal_alignment="right"):
        with st.popover("Patient", icon=":material/tune:"):
            patient.ask(record)
        with st.popover("Add files", icon=":material/add:"):
            upload.intake()
        st.button("New case", icon=":material/restart_alt:", on_click=upload.clear)
    if record.phantom:
        st.html(
            f'<p class="mm-muted">Phantom drawn with: <b>{escape(record.phantom.lower())}</b>. Not a real patient.</p>'
        )


def _diagnosed(case: Case, choice: Choice) -> bool:
    """Make the answer, with a word on what is being done; False where there is none, and said why."""
    try:
        with st.spinner("Loading the networks"):
            engine.load(choice)
        with st.spinner(_doing(case)):
            engine.diagnose(case, choice)
    except MultimodalError as error:
        _notices([Notice(error.code, error.message, item=error.file, refused=True)])
        if isinstance(error, ServiceError):
            st.button("Ask again", icon=":material/refresh:")
        return False
    return True


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
            lambda: with_reasons(diagnosis, case, choice).to_json(indent=2),
            file_name="diagnosis.json",
            mime="application/json",
            icon=":material/download:",
            help="The whole diagnosis as JSON, with what speaks for its first label",
            on_click="ignore",
        )
        st.download_button(
            "PDF",
            lambda: report_pdf(diagnosis, case, choice),
            file_name="diagnosis.pdf",
            mime="application/pdf",
            icon=":material/picture_as_pdf:",
            help="A one-page report to file, made when you click",
            on_click="ignore",
        )


def with_reasons(diagnosis: Diagnosis, case: Case, choice: Choice) -> Diagnosis:
    """The diagnosis with what in each item speaks for the label that it leads with."""
    imported(("multimodal.report",))
    from multimodal.report import explained

    why = explained(engine.load(choice), case, diagnosis)
    return replace(diagnosis, explanations=tuple(found.to_json() for found in why))


def report_pdf(diagnosis: Diagnosis, case: Case | None, choice: Choice | None) -> bytes:
    """The report to file, with pictures where there is a case and marks where there are the models that answered."""
    imported(("multimodal.report",))
    from multimodal.report import explained, report

    why = () if case is None or choice is None else explained(engine.load(choice), case, diagnosis)
    return report(diagnosis, case, explanations=why)


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
        choice: The models that gave it and can explain it, as far as they are at hand; None without any.
        told: Notices that stand on the page already.
    """
    cautions = [notice for notice in (*diagnosis.warnings, *diagnosis.quality) if notice not in told]
    st.html(answer_html(answer(diagnosis)) + _pointer(cautions))
    if diagnosis.labels:
        _picture(diagnosis, colours, explained=case is not None and choice is not None)
    if case is not None:
        evidence.show(case, diagnosis, choice)
    if diagnosis.labels:
        st.subheader("Each alone, in pairs, and fused")
    _notices(cautions, place=_CAUTIONS)
    if diagnosis.labels:
        st.html(table.comparison_table(diagnosis))
    with st.expander("Models and files"):
        st.html(table.provenance_table(diagnosis))


def _picture(diagnosis: Diagnosis, colours: Palette, *, explained: bool) -> None:
    # A chart whose selection is kept would not hear a second click on one row: each label picked draws a new one,
    # in a place that keeps its height.
    place = f"<style>[class*=st-key-answers]{{min-height:{chart.height(diagnosis)}px}}</style>"
    st.html(table.legend(diagnosis, colours) + place)
    answers, pushes = st.columns([8, 5], gap="medium")
    answers.markdown("**How likely**", help=_HOW if any(map(reach, diagnosis.labels)) else None)
    about = f"{hash(diagnosis.to_json())}-{colours.surface}"
    picked = evidence.picked(diagnosis) if explained else None
    answers.vega_lite_chart(
        kept(f"answers-{about}-{picked}", lambda: chart.answers_chart(diagnosis, colours, picked).to_dict()),
        theme=None,
        alt=chart.describe(diagnosis),
        on_select=partial(_pick, f"answers-{picked}") if explained else "ignore",
        key=f"answers-{picked}",
    )
    pushes.markdown("**What moved it**", help="How far each part of the record moved the odds from the base rate.")
    pushes.container(key="pushes").vega_lite_chart(
        kept(f"pushes-{about}", lambda: chart.pushes_chart(diagnosis, colours).to_dict()),
        theme=None,
        alt=chart.describe_pushes(diagnosis),
    )


def _pick(key: str) -> None:
    evidence.pick(st.session_state[key]["selection"][chart.PICK])


def _pointer(cautions: Sequence[Notice]) -> str:
    """Says beside the answer that there are warnings, and leads to them."""
    count = len(together(cautions))
    words = f"{count} warnings" if count > 1 else "1 warning"
    return f'<p class="mm-pointer"><a href="#{_CAUTIONS}">{words} below the evidence</a></p>' if count else ""


def _notices(notices: Sequence[Notice], place: str = "") -> None:
    if notices:
        st.html(notices_html(notices, place))
