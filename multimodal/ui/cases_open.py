"""A case opened again: its answer and evidence, the review beside it."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TypeVar

import streamlit as st

from multimodal.case import Audio, Case, Diagnosis, Image, Text
from multimodal.errors import MultimodalError, UsageError
from multimodal.formats import read_case
from multimodal.labels import LABELS
from multimodal.store import Review, ReviewState, StoredCase, Verdict, Worklist
from multimodal.ui import cases_list, engine, evidence, page
from multimodal.ui.memory import kept
from multimodal.ui.record import Choice, findable
from multimodal.ui.theme import WORDS, Palette

AnItem = TypeVar("AnItem", Image, Audio, Text)

_VERDICTS = {Verdict.AGREE: "Agree", Verdict.DISAGREE: "Disagree"}


def show(mine: Worklist, case_id: str, choice: Choice, colours: Palette) -> None:
    """Draw one case of the list.

    Args:
        mine: The owner's cases.
        case_id: Which one.
        choice: Where networks run; which of them explain the answer, the answer says.
        colours: The palette.
    """
    st.button("All cases", icon=":material/arrow_back:", type="tertiary", on_click=_close)
    try:
        stored = mine.get(case_id)
    except UsageError as error:
        st.info(error.message)
        return
    header = st.container()
    result, side = st.columns([7, 3], gap="medium")
    with result:
        case = _evidence(mine, stored)
        choice = _at_hand(stored.diagnosis, choice)
        page.result(case, stored.diagnosis, colours, choice=choice)
        if not stored.has_inputs:
            st.html('<p class="mm-muted">The files were not kept, so there is no evidence to show.</p>')
    with header:
        _header(mine, stored, case, choice)
    with side, st.container(key="review"):
        _review(mine, stored)


def _header(mine: Worklist, stored: StoredCase, case: Case | None, choice: Choice) -> None:
    title, actions = st.columns([3, 2], vertical_alignment="center")
    held = ", ".join(WORDS[modality].lower() for modality in stored.modalities) or "nothing that could be read"
    title.html(
        f'<h1 class="mm-case" dir="auto">{escape(stored.title)}</h1>'
        f'<p class="mm-muted">Saved {stored.created.astimezone():%Y-%m-%d %H:%M} · {held} · '
        "<strong>Research use only, not a medical device.</strong></p>"
    )
    with actions.container(horizontal=True, horizontal_alignment="right"):
        st.download_button(
            "JSON",
            stored.diagnosis.to_json(indent=2),
            file_name="diagnosis.json",
            mime="application/json",
            icon=":material/download:",
            help="The whole diagnosis as JSON",
            on_click="ignore",
        )
        explaining = choice if {kind for kind, _ in choice.models} >= {m.value for m in stored.modalities} else None
        st.download_button(
            "PDF",
            lambda: page.report_pdf(stored.diagnosis, case, explaining),
            file_name="diagnosis.pdf",
            mime="application/pdf",
            icon=":material/picture_as_pdf:",
            help="A one-page report to file, made when you click",
            on_click="ignore",
        )
        with st.popover("Delete", icon=":material/delete:"):
            st.write("The case, its review and its kept files will be gone for good.")
            if st.button("Delete for good", type="primary", key=f"delete-{stored.id}"):
                mine.delete(stored.id)
                _close()
                st.toast("The case is deleted.")
                st.rerun()


def _evidence(mine: Worklist, stored: StoredCase) -> Case | None:
    """The kept files read again, once a session, each under the hash of what was given."""
    if not stored.has_inputs:
        return None

    def read() -> Case:
        files = mine.inputs(stored.id)
        hashes = {file.name: file.sha256 for file in files}

        def given(items: tuple[AnItem, ...]) -> tuple[AnItem, ...]:
            return tuple(replace(item, sha256=hashes.get(item.name, item.sha256)) for item in items)

        case = read_case([file.source for file in files], case_id=stored.id)
        return replace(case, images=given(case.images), audios=given(case.audios), texts=given(case.texts))

    try:
        with st.spinner("Reading the kept files"):
            return kept(f"stored-{stored.id}", read)
    except MultimodalError as error:
        st.warning(error.message)
        return None


def _at_hand(diagnosis: Diagnosis, choice: Choice) -> Choice:
    """The models that gave the answer, as far as they are installed: others would mark other things."""
    installed = {(kind, o.name, o.sha256) for kind, options in engine.catalogue().options.items() for o in options}
    models = [(kind, ref.name) for kind, ref in diagnosis.models.items() if (kind, ref.name, ref.sha256) in installed]
    return Choice(tuple(models), choice.device)


def _review(mine: Worklist, stored: StoredCase) -> None:
    """The form: everything can be reached and set by keyboard; Ctrl+Enter saves and goes on."""
    known = stored.review
    stated = known.labels if known else {}
    with st.form(f"review-{stored.id}"):
        st.subheader("Your review")
        verdict = st.segmented_control(
            "The answer",
            list(_VERDICTS),
            default=known.verdict if known else None,
            format_func=_VERDICTS.__getitem__,
            key=f"verdict-{stored.id}",
            width="stretch",
        )
        present, absent = (
            st.multiselect(
                words,
                list(LABELS),
                default=[name for name, value in stated.items() if value == truth],
                format_func=findable,
                placeholder="What you know",
                key=f"{words}-{stored.id}",
            )
            for words, truth in (("Present", 1), ("Absent", 0))
        )
        comment = st.text_area(
            "Comment",
            known.comment if known else "",
            max_chars=2000,
            placeholder="No patient's name",
            key=f"comment-{stored.id}",
        )
        on = st.form_submit_button("Save, open next", type="primary", shortcut="Ctrl+Enter", width="stretch")
        save = st.form_submit_button("Save", width="stretch")
    if on or save:
        _keep(mine, stored, verdict, present, absent, comment, on=on)
    elif known:
        st.html(f'<p class="mm-muted">Reviewed {stored.updated.astimezone():%Y-%m-%d %H:%M}.</p>')


def _keep(
    mine: Worklist,
    stored: StoredCase,
    verdict: Verdict | None,
    present: list[str],
    absent: list[str],
    comment: str,
    *,
    on: bool,
) -> None:
    both = [LABELS[name].title for name in present if name in absent]
    if verdict is None:
        st.warning("Say first whether you agree or disagree.")
        return
    if both:
        st.warning(f"{both[0]} can't be both present and absent.")
        return
    try:
        mine.review(stored.id, Review(verdict, {**dict.fromkeys(present, 1), **dict.fromkeys(absent, 0)}, comment))
    except UsageError as error:
        st.warning(error.message)
        return
    st.toast("Your review is saved.")
    if on:
        _next(mine, stored.id)
    st.rerun()


def _next(mine: Worklist, case_id: str) -> None:
    """Go to the first case of the list that waits for a review, else back to the list."""
    waiting = mine.search(replace(cases_list.query(), review=ReviewState.OPEN, offset=0, limit=2)).cases
    following = next((case.id for case in waiting if case.id != case_id), None)
    if following is None:
        _close()
    else:
        evidence.forget()
        st.query_params["case"] = following


def _close() -> None:
    st.query_params.pop("case", None)
