"""The Compare page: fusion against single modalities, on one case and on a cohort."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from multimodal.ui import compare_case, compare_cohort, sidebar, theme

_VIEWS = {"case": "One case", "cohort": "A cohort"}


def compare() -> None:
    """Draw the page."""
    colours = theme.palette()
    theme.apply(colours)
    st.html(f"<style>{Path(__file__).with_name('compare.css').read_text(encoding='utf-8')}</style>")
    title, views = st.columns([2, 3], vertical_alignment="center")
    title.title("Compare")
    with views.container(horizontal=True, horizontal_alignment="right"):
        view = st.segmented_control(
            "Compare on",
            list(_VIEWS),
            default="case",
            format_func=_VIEWS.__getitem__,
            required=True,
            label_visibility="collapsed",
            key="compare",
            bind="query-params",
        )
    st.html('<p class="mm-lead">What film, sound and note say together, against what each says alone.</p>')
    choice = sidebar.chosen()
    if view == "cohort":
        compare_cohort.show(choice, colours)
    else:
        compare_case.show(choice, colours)
