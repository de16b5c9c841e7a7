"""The evidence: one tab a modality, and in each what speaks for the label that the reader picks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, cast

import streamlit as st

from multimodal.case import Audio, Case, Diagnosis, Image, Item, Text
from multimodal.errors import MultimodalError
from multimodal.labels import LABELS, NO_FINDING, Site, labels_of
from multimodal.ui import engine, heat, viewer
from multimodal.ui.answer import percent
from multimodal.ui.memory import kept
from multimodal.ui.record import Choice, became, kind_of
from multimodal.ui.stack import imported

if TYPE_CHECKING:
    from multimodal.explain import Explanation, FilmExplanation, NoteExplanation, SoundExplanation
    from multimodal.zoo import LoadedBranch


_LABEL, _WISHED = "evidence-label", "evidence-wished"
_UNTRUE = "No way of marking what this model goes by beats random marks, so none is shown."
_GONE = "The network that gave this answer is not installed any more, so nothing is marked here."


def picked(diagnosis: Diagnosis) -> str | None:
    """The label whose evidence is marked: the reader's, at first what was found, conditions before findings."""
    options = [result.label for result in diagnosis.labels]
    if _WISHED in st.session_state:
        st.session_state[_LABEL] = st.session_state.pop(_WISHED)
    if options and st.session_state.get(_LABEL) not in options:
        results = sorted(diagnosis.labels, key=lambda result: (not result.present, LABELS[result.label].group))
        st.session_state[_LABEL] = next((r.label for r in results if r.label != NO_FINDING), options[0])
    return st.session_state[_LABEL] if options else None


def pick(points: Sequence[Mapping[str, str]]) -> None:
    """Take the label of a row that was clicked in the picture of the answer."""
    for point in points:
        st.session_state[_LABEL] = point["label"]


def wish(label: str) -> None:
    """Mark what speaks for a label in the case that is opened next."""
    st.session_state[_WISHED] = label


def forget() -> None:
    """Forget which label was picked: another case is opened."""
    st.session_state.pop(_LABEL, None)


def show(case: Case, diagnosis: Diagnosis, choice: Choice | None) -> None:
    """Draw the evidence of a case.

    Args:
        case: The record.
        diagnosis: The answer to it.
        choice: The models that gave it and can explain it, as far as they are at hand; None shows the items
            without marks.
    """
    kinds: list[tuple[str, Sequence[Item]]] = [("Film", case.images), ("Sound", case.audios), ("Note", case.texts)]
    held = [kind for kind in kinds if kind[1]]
    st.subheader("Evidence")
    label = None if choice is None else _label(diagnosis)
    titles = [title if len(items) == 1 else f"{title} ({len(items)})" for title, items in held]
    first = next((n for n, (_, items) in enumerate(held) if _speaks(items[0], label, diagnosis)), 0)
    for tab, (title, items) in zip(st.tabs(titles, default=titles[first], key=f"evidence-{first}"), held, strict=True):
        with tab:
            heard = [_heard(item, diagnosis) for item in items]
            _item(heard[_which(title, heard)], label, diagnosis, choice)


def _speaks(item: Item, label: str | None, diagnosis: Diagnosis) -> bool:
    """Whether the modality of an item answered on a label."""
    return label in diagnosis.by_modality.get(item.modality, {})


def _label(diagnosis: Diagnosis) -> str | None:
    """The control for it, beside the rows of the picture."""
    if picked(diagnosis) is None:
        return None
    chances = {result.label: result.probability for result in diagnosis.labels}
    label: str = st.selectbox(
        "Mark what speaks for",
        list(chances),
        format_func=lambda name: f"{LABELS[name].title} ({percent(chances[name])})",
        help="A click on a row of the picture above picks it too.",
        key=_LABEL,
        width=360,
    )
    return label


def _which(title: str, items: Sequence[Item]) -> int:
    if len(items) == 1:
        return 0
    names = [f"{kind_of(item)}: {viewer.visible(item.name)}" for item in items]
    chosen = st.selectbox(
        f"{title} shown", range(len(items)), format_func=names.__getitem__, key=f"shown-{title}-{len(items)}"
    )
    return int(chosen or 0)


def _heard(item: Item, diagnosis: Diagnosis) -> Item:
    """The item as the answer took it: a sound whose kind was told by its content."""
    answer = became(item, diagnosis)
    if isinstance(item, Audio) and answer is not None and answer.site is not None:
        return replace(item, site=Site(answer.site))
    return item


def _item(item: Item, label: str | None, diagnosis: Diagnosis, choice: Choice | None) -> None:
    """An item in its viewer, with its marks where there are any."""
    answer = became(item, diagnosis)
    if answer is not None and not answer.used:
        about = [notice for notice in diagnosis.quality if notice.refused and notice.item == item.name]
        reasons = " ".join(notice.message for notice in about)
        st.html(f'<p class="mm-swap"><b>Not used for the answer.</b> {escape(viewer.visible(reasons))}</p>')
    place = st.container()
    found = None
    if choice is not None and label is not None and answer is not None and answer.used:
        found = _explained(item, label, choice)
    with place:
        _draw(item, found)


def _explained(item: Item, label: str, choice: Choice) -> Explanation | None:
    """The explanation by the method that the reader picked, what it means, and its test on demand."""
    if item.modality not in dict(choice.models):
        st.html(f'<p class="mm-muted">{_GONE}</p>')
        return None
    branch = _speaker(item, label, choice)
    if branch is None:
        words = f"This {kind_of(item).partition(',')[0].lower()} can't speak of {LABELS[label].title.lower()}."
        st.html(f'<p class="mm-muted">{escape(words)}</p>')
        return None

    imported(("multimodal.explain",))
    from multimodal.explain import assess, explain, offered

    methods = offered(branch.config)
    if not methods:
        st.html(f'<p class="mm-muted">{_UNTRUE}</p>')
        return None
    about = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = st.segmented_control(
            "Detail",
            methods,
            default=methods[0],
            required=True,
            format_func=heat.METHOD_WORDS.__getitem__,
            key=f"method-{item.modality}-{len(methods)}",
        )
        key = f"{item.sha256}-{getattr(item, 'site', None)}-{label}-{method}-{branch.config.sha256}"
        tested = st.button("Test the marks", icon=":material/fact_check:", key=f"test-{item.sha256[:16]}")
    try:
        with st.spinner(f"Looking for what speaks for {LABELS[label].title.lower()}"):
            found = kept(f"why-{key}", lambda: explain(branch, item, label, device=choice.device, method=method))
        with about:
            st.html(heat.meaning(item.modality, label, found.evidence, bool((found.values > 0).any())))
            st.html(heat.tested_words(found.measured))
        if tested:
            with st.spinner("Covering the marked parts, to see whether the answer changes"):
                result = kept(f"test-{key}", lambda: assess(branch, item, label, device=choice.device, method=method))
            st.html(heat.faithfulness_words(result))
    except MultimodalError as error:
        about.html(f'<p class="mm-muted">{escape(viewer.visible(error.message))}</p>')
        return None
    return found


def _speaker(item: Item, label: str, choice: Choice) -> LoadedBranch | None:
    """The branch that speaks of the label in this item; of an ensemble the first that does."""
    if label not in labels_of(item.modality, item.site if isinstance(item, Audio) else None):
        return None
    branches = engine.load(choice).branches(item.modality)
    return next((branch for branch in branches if label in branch.config.calibration), None)


def _draw(item: Item, found: Explanation | None) -> None:
    match item:
        case Image():
            viewer.film(item, overlay=None if found is None else heat.film_heat(cast("FilmExplanation", found)))
        case Audio():
            viewer.sound(item, cast("SoundExplanation | None", found))
        case Text():
            viewer.note(item, () if found is None else heat.note_marks(cast("NoteExplanation", found)))
