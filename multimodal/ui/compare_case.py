"""One case: leave a part of the record out with a click, and watch the answer change."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from multimodal.case import Case, Diagnosis
from multimodal.errors import MultimodalError
from multimodal.labels import Modality
from multimodal.ui import compare_charts, engine, patient, tiles
from multimodal.ui.answer import Answer, answer, answer_html
from multimodal.ui.compare_moves import describe, given, moves, told
from multimodal.ui.memory import kept
from multimodal.ui.record import Choice, Record
from multimodal.ui.theme import WORDS, Palette
from multimodal.ui.upload import phantom, pick


@dataclass(frozen=True)
class Shown:
    """The case on the page, the models that answer it, what it is called, and how the Diagnose page opens it."""

    case: Case
    choice: Choice
    words: str
    sample: tuple[str, str, int] | None


def show(choice: Choice, colours: Palette) -> None:
    """Draw one case."""
    shown = _pick(choice)
    diagnosis = _diagnosis(shown.case, shown.choice)
    if diagnosis is None:
        return
    held = given(diagnosis)
    if len(held) < 2:
        st.info("Nothing can be left out: the answer rests on one modality alone. Choose another case.")
        return
    pick, action = st.columns([3, 1], vertical_alignment="bottom")
    with pick:
        using = st.pills(
            "Answer with",
            held,
            selection_mode="multi",
            default=held,
            format_func=WORDS.__getitem__,
            help="Click a part of the record to leave it out or to put it back.",
            key="using",
            bind="query-params",
        )
    with action.container(horizontal=True, horizontal_alignment="right"):
        if st.button("See its evidence", icon=":material/open_in_new:", help="Open the case on the Diagnose page"):
            see(shown.sample)
    st.html(f'<p class="mm-muted">{shown.words}</p>')
    if not using:
        st.info("Everything is left out. Put a part back to see an answer.")
        return
    _picture(diagnosis, held, using, colours)


def see(sample: tuple[str, str, int] | None) -> None:
    """Go to the Diagnose page, with a phantom if one is given, else with the case that is open there."""
    if sample is not None:
        st.session_state["sample"] = sample
    st.switch_page("diagnose.py", query_params={})  # by itself it asks to clear what widgets hold, and is refused


def _picture(diagnosis: Diagnosis, held: list[Modality], using: list[Modality], colours: Palette) -> None:
    table = moves(diagnosis, using)
    left_out = [m for m in held if m not in using]
    words = Answer(told(table, left_out)) if left_out else _whole(diagnosis)
    st.html(f'<div role="status">{answer_html(words)}</div>')
    st.html(
        '<ul class="mm-legend"><li><span class="mm-ring"></span>With everything</li>'
        '<li><span class="mm-dot"></span>With what is left</li><li><span class="mm-tick"></span>Threshold</li></ul>'
    )
    st.vega_lite_chart(
        compare_charts.moves_chart(table, colours).to_dict(), theme=None, alt=describe(table), key="moves"
    )


def _whole(diagnosis: Diagnosis) -> Answer:
    """The answer to everything that was given."""
    return Answer(answer(diagnosis).headline, ("Leave a part out above to see what it brought.",))


def _pick(choice: Choice) -> Shown:
    """The case that the reader chose: a sample, or the one open on the Diagnose page."""
    picked = pick("case-shown")
    if isinstance(picked, Record):
        choice = replace(choice, prevalence=patient.prevalence())
        return Shown(
            tiles.corrected(picked), choice, "The case that is open on the Diagnose page, as it is there.", None
        )
    condition, words, seed = picked
    with st.spinner(f"Drawing a phantom with {words.lower()}"):
        case = kept(f"phantom-{condition}-{seed}", lambda: phantom(condition, words, seed).case)
    return Shown(case, choice, f"Phantom drawn with: <b>{words.lower()}</b>. Not a real patient.", picked)


def _diagnosis(case: Case, choice: Choice) -> Diagnosis | None:
    if not case.items:
        st.info("Everything is left out on the Diagnose page. Put an item back there, or choose a sample.")
        return None
    try:
        with st.spinner("Diagnosing the case"):
            return engine.remembered(case, choice) or engine.diagnose(case, choice)
    except MultimodalError as error:
        st.error(str(error))
        return None
