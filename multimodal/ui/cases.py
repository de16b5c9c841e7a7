"""The Cases page: a worklist that outlives the server, and what can be done with it."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from html import escape

import streamlit as st

from multimodal.errors import MultimodalError
from multimodal.store import Query, Worklist, corrections, worklist_csv
from multimodal.ui import cases_batch, cases_list, cases_open, engine, sidebar, theme
from multimodal.ui.cases_owner import kept_where, worklist
from multimodal.ui.cases_save import SIGN_IN
from multimodal.ui.record import Choice
from multimodal.ui.upload import SAMPLES, phantom

_CORRECTIONS = (
    "Corrections are of all reviewed cases with kept files and stated labels, as folders that "
    "<code>multimodal train</code> reads."
)
_NONE_YET = (
    "There are no corrections to train on yet. They are made of reviewed cases whose files were kept: tick <b>Keep "
    "the files too</b> where you save an answer on the Diagnose page, or <b>Keep the films and sounds too</b> where "
    "you run a batch; then open the case, and state in your review what is present or absent."
)


def cases() -> None:
    """Draw the page."""
    colours = theme.palette()
    theme.apply(colours)
    choice = sidebar.chosen()
    try:
        mine = worklist()
        if mine is None:
            st.title("Cases")
            st.info(SIGN_IN)
            return
        if "case" in st.query_params:
            cases_open.show(mine, st.query_params["case"], choice, colours)
        else:
            _list(mine, choice)
    except MultimodalError as error:
        st.error(str(error))


def _list(mine: Worklist, choice: Choice) -> None:
    empty = mine.search(Query(limit=1)).total == 0
    title, actions = st.columns([2, 3], vertical_alignment="center")
    title.title("Cases")
    with actions.container(horizontal=True, horizontal_alignment="right"):
        with st.popover("Run a batch", icon=":material/playlist_play:", key=cases_batch.intake_key()):
            cases_batch.intake(mine, choice)
        if not empty:
            with st.popover("Export", icon=":material/download:"):
                _exports(mine)
    cases_batch.progress(mine)
    if not empty:
        cases_list.show(mine, theme.palette())
    elif not cases_batch.running(mine):
        _welcome(mine, choice)


def _welcome(mine: Worklist, choice: Choice) -> None:
    """The empty list: how cases get here, and a sample one click away."""
    st.html(
        '<p class="mm-lead">Nothing is saved yet. On the Diagnose page, <b>Save to cases</b> keeps an answer here, '
        "where it can be opened again and reviewed. <b>Run a batch</b> above diagnoses many records at once.</p>"
    )
    if st.button("Add a sample case", icon=":material/person_outline:", help="A phantom: not a real patient"):
        with st.spinner("Drawing a phantom and diagnosing it"):
            _add_sample(mine, choice)
        st.rerun()
    st.html(f'<p class="mm-muted">{escape(kept_where())}</p>')


def _add_sample(mine: Worklist, choice: Choice) -> None:
    from multimodal.store import inputs_of

    condition, words, seed = SAMPLES[0]
    case = phantom(condition, words, seed).case
    mine.save(engine.load(choice).diagnose(case), title=f"Phantom, {words.lower()}", inputs=inputs_of(case))


def _exports(mine: Worklist) -> None:
    """Both are made only when they are asked for."""
    query = cases_list.query()
    day = f"{datetime.now().astimezone():%Y-%m-%d}"
    st.download_button(
        "The list as CSV",
        lambda: worklist_csv(mine, query).encode("utf-8-sig"),
        file_name=f"cases-{day}.csv",
        mime="text/csv",
        icon=":material/table:",
        on_click="ignore",
        width="stretch",
    )
    some = next(corrections(mine), None) is not None
    st.download_button(
        "Corrections to train on",
        lambda: _zipped(mine),
        file_name=f"corrections-{day}.zip",
        mime="application/zip",
        icon=":material/model_training:",
        on_click="ignore",
        disabled=not some,
        width="stretch",
    )
    st.html(f'<p class="mm-muted">The list is as filtered. {_CORRECTIONS if some else _NONE_YET}</p>')


def _zipped(mine: Worklist) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in corrections(mine):
            archive.writestr(path, content)
    return buffer.getvalue()
