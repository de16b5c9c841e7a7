"""The app's style sheet and chart theme, in the colours of :mod:`multimodal.palette`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from multimodal.palette import DARK, EVIDENCE, LIGHT, SHAPES, WORDS, Palette

__all__ = ["DARK", "EVIDENCE", "LIGHT", "SHAPES", "WORDS", "Palette"]

MARK = Path(__file__).with_name("mark.svg")
"""The app's mark: three kinds of evidence, one answer."""

FONT = '"Source Sans", sans-serif'


def palette() -> Palette:
    """The palette of the theme that the reader's browser shows."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def variables(colours: Palette) -> str:
    """The palette as CSS custom properties."""
    named = {
        "ink": colours.ink,
        "muted": colours.muted,
        "line": colours.line,
        "surface": colours.surface,
        "panel": colours.panel,
        "accent": colours.accent,
        "evidence": EVIDENCE,
        **{modality.value: colour for modality, colour in colours.modalities.items()},
    }
    scheme = f"color-scheme:{'dark' if colours is DARK else 'light'};"  # of the browser's own sliders and scroll bars
    return scheme + "".join(f"--mm-{name}:{colour};" for name, colour in named.items())


def apply(colours: Palette) -> None:
    """Put the app's name and style on the page."""
    mark = MARK.read_text(encoding="utf-8").replace("<svg", '<svg x="0" y="0" width="32" height="32"', 1)
    # A picture has no web fonts: whichever font stands in, the name keeps its width.
    st.logo(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 246 32">{mark}<text x="42" y="22" font-size="18" '
        f'textLength="192" lengthAdjust="spacingAndGlyphs" font-weight="600" font-family="Source Sans Pro, Segoe UI, '
        f'Helvetica, Arial, sans-serif" fill="{colours.ink}">Multimodal Diagnosis</text></svg>',
        size="large",
    )
    sheet = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    st.html(f"<style>:root{{{variables(colours)}}}{sheet}</style>")


def chart_config(colours: Palette) -> dict[str, Any]:
    """Altair configuration: quiet axes, the app's type, no frame."""
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": colours.muted,
            "labelFontSize": 12,
            "titleColor": colours.muted,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "domain": False,
            "ticks": False,
            "gridColor": colours.line,
            "labelLimit": 240,
        },
        "axisY": {"labelColor": colours.ink, "labelFontSize": 14, "labelPadding": 10},
    }
