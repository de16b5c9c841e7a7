"""A against B: on one case, or on a small cohort of phantoms; then what each costs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from html import escape

import streamlit as st

from multimodal.case import Case, Diagnosis
from multimodal.errors import MultimodalError
from multimodal.ui import engine, lab_chart, lab_pairs, lab_tables, patient, tiles
from multimodal.ui.lab_choice import Side, suggestions, use
from multimodal.ui.lab_job import Job
from multimodal.ui.lab_pairs import Compared
from multimodal.ui.lab_watch import tell, watch
from multimodal.ui.memory import kept
from multimodal.ui.record import Choice, Record, Source, fingerprint
from multimodal.ui.stack import ANSWER, imported
from multimodal.ui.theme import Palette
from multimodal.ui.upload import phantom, pick

LISTED = 12
"""How many changed decisions are listed."""

_ON = {"case": "One case", "cohort": "A cohort of phantoms"}
_JOB, _ASKED = "lab-cohort", "lab-cohort-asked"


def show(sides: tuple[Side, Side], colours: Palette) -> None:
    """Draw the comparison."""
    a, b = sides
    if a.choice == b.choice:
        _nothing_to_compare(a)
        return
    on = st.segmented_control(
        "Compare on",
        list(_ON),
        default="case",
        format_func=_ON.__getitem__,
        required=True,
        key="lab-on",
        bind="query-params",
    )
    if on == "cohort":
        _cohort(a, b, colours)
    else:
        _case(a, b, colours)


def _nothing_to_compare(a: Side) -> None:
    st.html(
        '<p class="mm-lead">B is the same as A. Swap a network or the head above and see on the same case what '
        "changes: the answers, the time, the memory, and whether the head still fits.</p>"
    )
    with st.container(horizontal=True):
        for kind, name, words in suggestions(a):
            st.button(words, key=f"swap-{kind}", icon=":material/swap_horiz:", on_click=use, args=("B", kind, name))


def _case(a: Side, b: Side, colours: Palette) -> None:
    case, sources, prevalence = _picked()
    choices = [replace(side.choice, prevalence=prevalence) for side in (a, b)]
    if not case.items:
        st.info("Everything is left out on the Diagnose page. Put an item back there, or choose a sample.")
        return
    try:
        with st.spinner("Diagnosing the case with A and B"):
            answers = [engine.diagnose(case, choice) for choice in choices]
    except MultimodalError as error:
        st.error(str(error))
        return
    _picture(answers[0], answers[1], colours)
    st.subheader("Time, memory and size")
    keys = [f"cost-{fingerprint(case, choice)}" for choice in choices]
    asked: set[str] = st.session_state.setdefault("lab-costs", set())
    if not asked.issuperset(keys):
        st.html('<p class="mm-muted">Each stage by itself, five runs after a warm-up; the median is shown.</p>')
        st.button("Measure", icon=":material/timer:", on_click=asked.update, args=(keys,))
        return
    imported(ANSWER)
    from multimodal.ui.lab_cost import measure

    try:
        with st.spinner("Measuring A and B: decoding, preparing, forward, fusion"):
            costs = [
                kept(key, partial(measure, choice, sources, case)) for key, choice in zip(keys, choices, strict=True)
            ]
    except MultimodalError as error:
        st.error(str(error))
        return
    st.html(lab_tables.costs_html(costs[0], costs[1]))


def _picture(a: Diagnosis, b: Diagnosis, colours: Palette) -> None:
    pairs = lab_pairs.pair(a, b)
    st.html(f'<div class="mm-answer" role="status"><h2>{escape(lab_pairs.sentence(pairs))}</h2></div>')
    if not pairs:
        return
    st.html(lab_tables.legend_html(colours))
    st.vega_lite_chart(
        lab_chart.dumbbell(pairs, colours).to_dict(), theme=None, alt=lab_pairs.describe(pairs), key="lab-dumbbell"
    )
    with st.expander("As a table, with thresholds"):
        st.html(lab_tables.pairs_html(pairs))


def _picked() -> tuple[Case, tuple[Source, ...], tuple[tuple[str, float], ...]]:
    """The case that the reader chose, its files and its prevalence: that open on the Diagnose page, or a sample."""
    picked = pick("lab-case")
    if isinstance(picked, Record):
        st.html('<p class="mm-muted">The case that is open on the Diagnose page, as it is there.</p>')
        return tiles.corrected(picked), picked.sources, patient.prevalence()
    condition, words, seed = picked
    with st.spinner(f"Drawing a phantom with {words.lower()}"):
        record = kept(f"lab-phantom-{condition}", lambda: phantom(condition, words, seed))
    st.html(f'<p class="mm-muted">Phantom drawn with: <b>{escape(words.lower())}</b>. Not a real patient.</p>')
    return record.case, record.sources, ()


def _cohort(a: Side, b: Side, colours: Palette) -> None:
    number, first, action = st.columns([2, 2, 3], vertical_alignment="bottom")
    n = int(number.number_input("Phantoms", 2, 400, 20, key="lab-n", bind="query-params"))
    seed = int(
        first.number_input(
            "Seed", 0, 900_000, 7000, key="lab-seed", bind="query-params", help="The same seed draws the same patients."
        )
    )
    asked = (a.choice, b.choice, n, seed)
    job: Job[tuple[Compared, ...]] | None = st.session_state.get(_JOB)
    running = job is not None and job.running
    if action.button("Draw and compare", type="primary", icon=":material/play_arrow:", disabled=running):
        try:
            with st.spinner("Loading the networks"):
                one, other = engine.load(a.choice), engine.load(b.choice)
        except MultimodalError as error:
            st.error(str(error))
            return
        job = Job(partial(lab_pairs.compare, n, seed, one.diagnose, other.diagnose))
        st.session_state[_JOB], st.session_state[_ASKED] = job, asked
        st.rerun()
    if job is None:
        st.html(
            '<p class="mm-lead">Draws patients with a known truth and diagnoses each with A and with B. Phantoms are '
            "drawn by this software: they show how two choices differ, not how well either does on patients.</p>"
        )
    elif job.running:
        watch(_JOB)
    elif job.result is None:
        tell(job)
    else:
        was: tuple[Choice, Choice, int, int] = st.session_state[_ASKED]
        if was != asked:
            st.html('<p class="mm-swap" role="status"><b>Another choice.</b> What follows was compared before.</p>')
        _cohort_result(job.result, colours)


def _cohort_result(cohort: tuple[Compared, ...], colours: Palette) -> None:
    st.html(f'<div class="mm-answer" role="status"><h2>{escape(lab_pairs.cohort_sentence(cohort))}</h2></div>')
    rows = lab_pairs.agreement(cohort)
    if not rows:
        return
    st.html(
        f'<p class="mm-muted">{len(cohort)} phantoms, drawn by this software: not patients. '
        "A filled mark is a decision that changes.</p>"
    )
    words = "; ".join(f"{row.title}: the same decision in {row.same} of {row.cases}" for row in rows)
    st.vega_lite_chart(
        lab_chart.differences(cohort, rows, colours).to_dict(), theme=None, alt=f"{words}.", key="lab-differences"
    )
    st.subheader("Agreement by label")
    st.html(lab_tables.agreement_html(rows))
    flips = lab_pairs.flipped(cohort)
    if flips:
        st.subheader("Decisions that change")
        st.html(lab_tables.flips_html(flips[:LISTED]))
        if len(flips) > LISTED:
            st.caption(f"The {LISTED} with the largest difference of {len(flips)}.")
