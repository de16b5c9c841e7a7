"""The sidebar: which networks answer and where they run, nothing else."""

from __future__ import annotations

from html import escape

import streamlit as st

from multimodal.labels import Modality
from multimodal.ui import engine
from multimodal.ui.record import Choice
from multimodal.ui.theme import WORDS

_DEVICES = {"auto": "Automatic", "cpu": "Processor (CPU)", "cuda": "NVIDIA GPU", "mps": "Apple GPU"}


def choose() -> Choice:
    """Draw the sidebar and return the choice; kept in the address, so it survives pages and reloads."""
    with st.sidebar:
        st.subheader("Models")
        with st.spinner("Looking for models"):
            catalogue = engine.catalogue()
        picked = {
            modality.value: _pick(modality.value, f"{WORDS[modality]} network", catalogue.options[modality])
            for modality in Modality
        }
        picked[engine.FUSION] = _pick(engine.FUSION, "Fusion", catalogue.options[engine.FUSION])
        for line in swapped({kind: option for kind, option in picked.items() if option}):
            st.html(f'<p class="mm-swap" role="status">{escape(line)}</p>')
        if catalogue.broken:
            st.html(f'<p class="mm-swap">Cannot be read and left out: {escape(", ".join(catalogue.broken))}</p>')
        device = st.selectbox("Runs on", _DEVICES, format_func=_DEVICES.__getitem__, key="device", bind="query-params")
    return Choice(models=tuple((kind, option.name) for kind, option in picked.items() if option), device=device)


def swapped(picked: dict[str, engine.Option]) -> list[str]:
    """One line a branch that the fusion head was not trained with."""
    head = picked.get(engine.FUSION)
    if head is None:
        return []
    lines = []
    for modality in Modality:
        trained_on = head.branches.get(modality)
        if trained_on and modality in picked and picked[modality].sha256 != trained_on:
            lines.append(
                f"{WORDS[modality]} network swapped: the {head.name} head was trained with another one, "
                "so the answers are pooled (late fusion) until it is refitted."
            )
    return lines


def _pick(kind: str, label: str, options: tuple[engine.Option, ...]) -> engine.Option | None:
    if not options:
        st.caption(f"{label}: none installed")
        return None
    by_name = {option.name: option for option in options}
    name = st.selectbox(label, by_name, key=kind, bind="query-params")
    return by_name[name]
