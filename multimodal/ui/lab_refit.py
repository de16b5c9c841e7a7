"""Refit a fusion head over A's or B's networks, and keep it where the sidebar finds it."""

from __future__ import annotations

from functools import partial
from html import escape

import streamlit as st

from multimodal.errors import MultimodalError, UsageError
from multimodal.labels import Modality
from multimodal.ui import engine
from multimodal.ui.lab_choice import TITLES, Side, stands, use
from multimodal.ui.lab_fit import PHANTOMS, Embeddings, Fitted, Request, fit, folders_of, keep, suggested
from multimodal.ui.lab_job import Job
from multimodal.ui.lab_watch import tell, watch
from multimodal.ui.stack import imported
from multimodal.ui.theme import WORDS

_JOB, _SIDE, _EMBEDDINGS = "lab-refit", "lab-refit-side", "lab-embeddings"
_KEPT, _REFUSED = "lab-kept", "lab-keep-refused"


def show(sides: tuple[Side, Side]) -> None:
    """Draw what to fit, then how far it is, then what came of it."""
    st.html(
        '<p class="mm-lead">A trained head goes with the networks it was trained on. After a swap it is refitted: the '
        "networks stay as they are, what they say of each case is computed once and kept, and only the head learns.</p>"
    )
    request, side = _ask(sides)
    job: Job[Fitted] | None = st.session_state.get(_JOB)
    running = job is not None and job.running
    if st.button(
        "Refit the head", type="primary", icon=":material/model_training:", disabled=running or request is None
    ):
        embeddings: Embeddings = st.session_state.setdefault(_EMBEDDINGS, Embeddings())
        if request is not None:
            job = st.session_state[_JOB] = Job(partial(fit, request, embeddings))
            st.session_state[_SIDE] = side
            st.session_state.pop(_KEPT, None)
            st.session_state.pop(_REFUSED, None)
            st.rerun()
    if job is None:
        return
    if job.running:
        watch(_JOB)
    elif job.result is None:
        tell(job)
    else:
        _result(job.result)


def _ask(sides: tuple[Side, Side]) -> tuple[Request | None, str]:
    """What the reader wants fitted, None where it cannot be, and for which side."""
    imported(("multimodal.fusion",))
    from multimodal.fusion import architectures

    by_name = {side.name: side for side in sides}
    misfit = next((side.name for side in reversed(sides) if side.misfits), "B")
    which, arch, phantoms = st.columns(3)
    with which:
        _forget_a_default_of_old(misfit)
        name = st.segmented_control(
            "Over the networks of", list(by_name), default=misfit, required=True, key=f"lab-over-{misfit}"
        )
    side = by_name[name]
    head = side.picked.get(engine.FUSION)
    archs = architectures()
    own = head.arch if head is not None and head.arch in archs else archs[0]
    chosen = arch.selectbox(
        "Kind of head",
        archs,
        index=archs.index(own),
        help="Late pooling learns how much each network weighs. The others learn a correction to it from embeddings.",
        key=f"lab-arch-{name}-{own}",
        persist_state="session",
    )
    drawn = int(
        phantoms.number_input(
            "Phantoms drawn for it",
            4,
            1000,
            64,
            key="lab-phantoms",
            bind="query-params",
            help="Three quarters fit the weights, the others choose the epoch.",
        )
    )
    with st.expander("Data on this machine"):
        st.html(
            '<p class="mm-muted">Folders with <code>metadata.csv</code>, as <code>multimodal train</code> reads them. '
            "From patients of the split <code>val</code> cases are composed that share a label; without folders the "
            "head sees phantoms alone. Nothing of it leaves this machine.</p>"
        )
        given = {
            kind.value: st.text_input(f"Folder of {words.lower()}s", key=f"lab-folder-{kind}", persist_state="session")
            for kind, words in WORDS.items()
            if kind in side.picked
        }
        column = st.text_input("Column that holds the note", "text", key="lab-column", persist_state="session")
    try:
        folders = folders_of(given)
    except UsageError as error:
        st.error(error.message)
        return None, name
    branches = tuple((kind, option.name) for kind, option in side.picked.items() if kind in set(Modality))
    words = ", ".join(f"{TITLES[kind].lower()} {option}" for kind, option in branches)
    st.html(f'<p class="mm-muted">Over {escape(words)}.</p>')
    if len(branches) < 2:
        st.info("A head needs the networks of two modalities at least.")
        return None, name
    return Request(chosen, branches, drawn, folders, column or "text"), name


def _forget_a_default_of_old(misfit: str) -> None:
    """The side that needs a refit is offered first, whenever that changes."""
    for other in {"A", "B"} - {misfit}:
        st.session_state.pop(f"lab-over-{other}", None)


def _result(fitted: Fitted) -> None:
    better = fitted.late_loss - fitted.loss
    if round(better, 2) > 0:
        verdict = "The head does better than late pooling on cases it was not fitted on."
    elif better > 0:
        verdict = "The head does about as well as late pooling on cases it was not fitted on."
    else:
        verdict = "No epoch was better than late pooling on cases held out: the head answers as late pooling does."
    st.html(f'<div class="mm-answer" role="status"><h2>{verdict}</h2></div>')
    losses, late, cases, held_out = st.columns(4)
    change = f"{-better:+.2f}" if round(better, 2) else None
    losses.metric("Loss", f"{fitted.loss:.2f}", change, delta_color="off", help="Lower is better.")
    late.metric("Loss of late pooling", f"{fitted.late_loss:.2f}")
    cases.metric("Cases to fit", fitted.cases)
    held_out.metric("Cases held out", fitted.held_out)
    if fitted.on_phantoms_alone:
        st.html(
            '<p class="mm-swap"><b>Phantoms alone.</b> This head has seen no patient. It is for trying a swap out, '
            f"its figures say nothing of patients, and its name must hold the word {PHANTOMS}.</p>"
        )
    known: str | None = st.session_state.get(_KEPT)
    if known is not None:
        whose = "" if engine.server() else f" It is {st.session_state[_SIDE]}'s head now."
        st.success(f"Kept as fusion/{known}.{whose} {stands()}")
        return
    taken = tuple(option.name for option in engine.catalogue().options[engine.FUSION])
    name, action = st.columns([3, 2], vertical_alignment="bottom")
    name.text_input("Name of the head", suggested(fitted.request, taken), key="lab-name")
    action.button("Save and use it", icon=":material/save:", type="primary", on_click=_keep, args=(fitted,))
    refused: str | None = st.session_state.get(_REFUSED)
    if refused:
        st.error(refused)


def _keep(fitted: Fitted) -> None:
    """Keep the head and choose it where its networks are."""
    st.session_state.pop(_REFUSED, None)
    try:
        bundle = keep(fitted, st.session_state["lab-name"].strip())
    except MultimodalError as error:
        st.session_state[_REFUSED] = error.message
        return
    st.session_state[_KEPT] = bundle.name
    if not engine.server():
        use(st.session_state[_SIDE], engine.FUSION, bundle.name)
