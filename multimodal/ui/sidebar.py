"""The sidebar: which networks answer and where they run, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st

from multimodal.errors import MultimodalError
from multimodal.labels import Modality
from multimodal.ui import engine
from multimodal.ui.record import Choice, plain
from multimodal.ui.theme import WORDS

_DEVICES = {"auto": "Automatic", "cpu": "Processor (CPU)", "cuda": "NVIDIA GPU", "mps": "Apple GPU"}
_CHOSEN = "models-chosen"


def draw() -> None:
    """Draw the sidebar; what is chosen in it is kept in the address, so it survives pages and reloads.

    What stands before every page draws it, not the pages: what a page itself puts into the address is taken out when
    the reader leaves, and the browser's way back would lead to that page without the choice.
    """
    st.session_state.pop(_CHOSEN, None)
    with st.sidebar:
        st.subheader("Models")
        try:
            with st.spinner("Looking for models"):
                catalogue = engine.catalogue()
        except MultimodalError as error:
            st.error(plain(error.message))
            st.button("Look again", icon=":material/refresh:")
            return
        labels = {**{modality.value: f"{WORDS[modality]} network" for modality in Modality}, engine.FUSION: "Fusion"}
        places = {kind: st.container(gap="xsmall") for kind in labels}
        picked: dict[str, engine.Option] = {}
        for kind, label in labels.items():
            with places[kind]:
                option = _pick(kind, label, catalogue.options[kind])
            if option is not None:
                picked[kind] = option
        for kind, line in swapped(picked).items():
            places[kind].html(f'<p class="mm-swap" role="status"><b>Swapped.</b> {escape(line)}</p>')
        if catalogue.broken:
            st.html(f'<p class="mm-swap">Cannot be read and left out: {escape(", ".join(catalogue.broken))}</p>')
        device = _device()
    models = tuple((kind, option.name) for kind, option in picked.items())
    st.session_state[_CHOSEN] = Choice(models=models, device=device)


def chosen() -> Choice:
    """The choice in the sidebar; where the models can't be told, which is said there, the page ends."""
    choice: Choice | None = st.session_state.get(_CHOSEN)
    if choice is None:
        st.stop()
    return choice


def swapped(picked: Mapping[str, engine.Option]) -> dict[str, str]:
    """For each branch that the fusion head was not trained with, one line on what that means."""
    head = picked.get(engine.FUSION)
    if head is None:
        return {}
    line = f"{head.name} was trained with another network, so answers are pooled (late fusion) until it is refitted."
    return {
        modality.value: line
        for modality in Modality
        if modality in picked and head.branches.get(modality, picked[modality].sha256) != picked[modality].sha256
    }


def _device() -> str:
    if engine.server():
        st.caption(f"Runs on the server {plain(engine.server())}")
        return "auto"
    return st.selectbox("Runs on", _DEVICES, format_func=_DEVICES.__getitem__, key="device", bind="query-params")


def _pick(kind: str, label: str, options: tuple[engine.Option, ...]) -> engine.Option | None:
    if not options:
        st.caption(f"{label}: none installed")
        return None
    by_name = {option.name: option for option in options}
    return by_name[st.selectbox(label, by_name, key=kind, bind="query-params")]
