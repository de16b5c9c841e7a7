"""The Model lab page: A, the sidebar's choice, against B; refitting a head; the bundles and architectures."""

from __future__ import annotations

import streamlit as st

from multimodal.ui import lab_choice, lab_compare, lab_models, lab_refit, sidebar, theme

_COMPARE, _REFIT, _BUNDLES = _VIEWS = ("Compare", "Refit", "Bundles")
"""Parts of the lab, by the words that stand in the address."""


def lab() -> None:
    """Draw the page."""
    colours = theme.palette()
    theme.apply(colours)
    title, views = st.columns([2, 3], vertical_alignment="center")
    title.title("Model lab")
    with views.container(horizontal=True, horizontal_alignment="right"):
        view = st.segmented_control(
            "Part of the lab",
            _VIEWS,
            default=_COMPARE,
            required=True,
            label_visibility="collapsed",
            key="lab",
            bind="query-params",
        )
    a = sidebar.chosen()
    if view == _BUNDLES:
        lab_models.show(a)
        return
    sides = lab_choice.choose(a)
    if sides is None:
        st.info("There are no trained networks yet. Train one, or add a bundle under Bundles.")
    elif view == _REFIT:
        lab_refit.show(sides)
    else:
        lab_compare.show(sides, colours)
