"""A cohort: phantoms drawn on the spot, or the answers in a file, fused against one modality after the other."""

from __future__ import annotations

from html import escape

import streamlit as st

from multimodal.errors import MultimodalError
from multimodal.labels import LABELS, NO_FINDING, Modality
from multimodal.ui import compare_charts, compare_figures, compare_tables, evidence
from multimodal.ui.compare_answers import FUSED, LATE, TITLES, Answers, LabelAnswers, read_answers
from multimodal.ui.compare_case import see
from multimodal.ui.compare_figures import Change
from multimodal.ui.compare_run import Run
from multimodal.ui.interval import figure
from multimodal.ui.memory import kept
from multimodal.ui.record import Choice
from multimodal.ui.theme import Palette
from multimodal.ui.viewer import visible

LISTED = 8
"""How many changed cases are listed on each side."""

_SOURCES = {"phantoms": "Phantoms, drawn now", "file": "A results file"}
_RUN, _FILE = "cohort-run", "cohort-file"
_DRAWN = "drawn"
"""Stands in the address once a cohort is drawn, so that a reload or a link draws it again."""


def show(choice: Choice, colours: Palette) -> None:
    """Draw the cohort: where it comes from, then what it shows."""
    source = st.segmented_control(
        "Cohort",
        list(_SOURCES),
        default="phantoms",
        format_func=_SOURCES.__getitem__,
        required=True,
        key="cohort",
        bind="query-params",
    )
    answers = _drawn(choice) if source == "phantoms" else _given()
    if answers is None:
        return
    labels = answers.labels()
    if not labels:
        st.info("No label has cases with it and cases without it. Draw more cases.")
        return
    picked, against = st.columns([2, 3], vertical_alignment="bottom")
    with picked:
        label = st.selectbox(
            "Label",
            labels,
            index=labels.index(max(labels, key=lambda name: _tells(answers, name))),
            format_func=lambda name: LABELS[name].title,
            key="label",
            bind="query-params",
        )
    one = answers.of(label)
    others = [s for s in one.sources() if s in (*Modality, LATE)]
    with against:
        other = st.segmented_control(
            "Fused against",
            others,
            default=others[0],
            format_func=TITLES.__getitem__,
            required=True,
            key="against",
            bind="query-params",
        )
    st.html(compare_tables.cohort_html(answers, one))
    _figures(answers, one, other, colours)


def _tells(answers: Answers, label: str) -> tuple[int, bool]:
    """How much a label shows of fusion: where most modalities speak, and of a condition rather than of its absence."""
    return len(answers.of(label).subsets()), label != NO_FINDING


def _drawn(choice: Choice) -> Answers | None:
    """Phantoms: asked for, diagnosed with progress, kept in this session and drawn again after a reload."""
    number, seed, action = st.columns([2, 2, 3], vertical_alignment="bottom")
    n = number.number_input("Patients", 6, 1000, 60, step=10, key="n", bind="query-params")
    first = seed.number_input(
        "Seed",
        0,
        900_000,
        5000,
        step=1000,
        key="seed",
        bind="query-params",
        help="The same seed draws the same patients.",
    )
    with action.container(horizontal=True):
        asked = st.button("Draw and diagnose", type="primary", icon=":material/play_arrow:")
        if asked or (_RUN not in st.session_state and _DRAWN in st.query_params):
            st.session_state[_RUN] = Run(int(n), int(first), choice)
        place = st.empty()
    run: Run | None = st.session_state.get(_RUN)
    if run is None:
        st.html(
            '<p class="mm-lead">Draws patients with a known truth and diagnoses each from film, sound and note, and '
            "from every part of these. Phantoms are drawn by this software: they show how fusion works, "
            "not how well it does on patients.</p>"
        )
        return None
    st.query_params[_DRAWN] = "yes"
    if not run.finished:
        place.button("Stop here", icon=":material/stop:", on_click=run.stop)
        _carry_on(run)
        place.empty()
    if run.choice != choice:
        st.html(
            '<p class="mm-swap" role="status"><b>Other models.</b> These answers were given by '
            f"{escape(run.models())}. Draw again to see those that are chosen now.</p>"
        )
    return run.answers() if run.rows else None


def _carry_on(run: Run) -> None:
    """Diagnose what is left, a few cases at a time; a click elsewhere does not lose what is done."""
    bar = st.progress(run.done / run.n, "Loading the networks")
    try:
        while not run.finished:
            bar.progress(run.done / run.n, f"Diagnosing phantoms: {run.done} of {run.n}")
            run.step()
    except MultimodalError as error:
        run.stop()
        st.error(str(error))
    bar.empty()


def _given() -> Answers | None:
    """A file of answers, kept in this session."""
    file = st.file_uploader(
        "Answers of `multimodal evaluate fusion/NAME --data ... --predictions OUT.csv`",
        type="csv",
        max_upload_size=50,
        key=_FILE + "-upload",
        on_change=lambda: st.session_state.pop(_FILE, None),
    )
    if file is not None:
        try:
            with st.spinner(f"Reading {file.name}"):
                st.session_state[_FILE] = kept(
                    f"answers-{file.file_id}", lambda: read_answers(file.getvalue(), visible(file.name))
                )
        except MultimodalError as error:
            st.session_state.pop(_FILE, None)
            st.error(str(error))
    answers: Answers | None = st.session_state.get(_FILE)
    if answers is None and file is None:
        st.html(
            '<p class="mm-lead">Shows the answers that were written when a fusion was measured. '
            "The file stays on this machine, in this session.</p>"
        )
    return answers


def _figures(answers: Answers, one: LabelAnswers, other: str, colours: Palette) -> None:
    """Everything that is shown of one label, worked out once a session."""
    key = f"{answers.key}-{one.label}"
    with st.spinner("Drawing patients again and again for the intervals"):
        areas = kept(f"areas-{key}", lambda: compare_figures.areas(one))
        tests = kept(f"tests-{key}", lambda: {s: compare_figures.test(one, s) for s in areas if s != FUSED})
        subsets = kept(f"subsets-{key}", lambda: compare_figures.subset_areas(one))
    name = LABELS[one.label].title
    st.html(compare_tables.verdict_html(name, other, tests[other]))
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Finding it against false alarms")
        points = compare_figures.roc(one)
        spoken = "; ".join(f"{TITLES[s]} {figure(area.value)}" for s, area in areas.items())
        _chart(compare_charts.roc_chart(points, colours), f"ROC curves. Area: {spoken}.", "roc")
    with right:
        st.subheader("Given fewer modalities")
        spoken = "; ".join(f"{compare_charts.words(s)} {figure(area.value)}" for s, area in subsets.items())
        if subsets:
            _chart(compare_charts.missing_chart(subsets, colours), f"AUROC by modalities given: {spoken}.", "missing")
        else:
            st.html('<p class="mm-muted">No modality answered to every case.</p>')
    st.html(compare_tables.areas_html(areas, tests))
    st.html(compare_tables.TESTS)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Does a probability mean what it says")
        points = [row for source in (FUSED, other) for row in compare_figures.reliability(one, source)]
        spoken = "; ".join(f"{TITLES[str(row['source'])]} said {row['x']:.0%}, so in {row['y']:.0%}" for row in points)
        chart = compare_charts.reliability_chart(points, colours)
        _chart(chart, f"What was said against what was so: {spoken}.", "reliability")
        st.html('<p class="mm-muted">At the share of this cohort that has it. A larger mark stands for more cases.</p>')
    with right:
        st.subheader("Called at the threshold")
        for source in (FUSED, other):
            st.html(compare_tables.confusion_html(TITLES[source], compare_figures.confusion(one, source)))
        st.html(compare_tables.CALLS)
    _changes(answers, one, other)


def _chart(chart: object, alt: str, key: str) -> None:
    st.vega_lite_chart(chart.to_dict(), theme=None, alt=alt, key=key)  # type: ignore[attr-defined]


def _changes(answers: Answers, one: LabelAnswers, other: str) -> None:
    """The cases where fusion says something else, each one click from its evidence."""
    changed = compare_figures.changes(one, other)
    st.subheader("Where fusion changed the answer")
    if not changed:
        st.html(f'<p class="mm-muted">Nowhere: fused and {TITLES[other].lower()} call the same cases.</p>')
        return
    if answers.cohort != "phantoms":
        st.html(
            '<p class="mm-muted">The file names cases by a hash, so their evidence is opened from '
            "their own files on the Diagnose page.</p>"
        )
    columns = st.columns(2, gap="medium")
    for column, better, title in zip(columns, (True, False), ("For the better", "For the worse"), strict=True):
        with column:
            cases = [change for change in changed if change.better == better]
            st.markdown(f"**{title}: {len(cases)}**")
            for change in cases[:LISTED]:
                _change(answers, one.label, change, other)
            if len(cases) > LISTED:
                st.html(f'<p class="mm-muted">And {len(cases) - LISTED} more.</p>')


def _change(answers: Answers, label: str, change: Change, other: str) -> None:
    with st.container(horizontal=True, border=True, key=f"change-{change.case_id}"):
        st.html(compare_tables.change_html(change, TITLES[other]))
        if answers.cohort == "phantoms" and st.button(
            "See why",
            key=f"why-{change.case_id}",
            help=f"Open {change.case_id} on the Diagnose page",
            icon=":material/open_in_new:",
        ):
            _open(change.case_id, label)


def _open(case_id: str, label: str) -> None:
    """Open a phantom of the cohort on the Diagnose page, at what speaks for a label."""
    from multimodal.phantom import draw_patient

    number = case_id.removeprefix("phantom-")
    if number.isdecimal():
        seed = int(number)
        condition = draw_patient(seed).condition
        evidence.wish(label)
        see((condition, LABELS[condition].title, seed))
