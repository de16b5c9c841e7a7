"""Colours, marks and the chart theme: one look for the whole app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from multimodal.labels import Modality

WORDS: Mapping[Modality, str] = MappingProxyType(
    {Modality.IMAGE: "Film", Modality.AUDIO: "Sound", Modality.TEXT: "Note"}
)
"""What a clinician calls the modalities."""

SHAPES: Mapping[Modality, str] = MappingProxyType(
    {Modality.IMAGE: "square", Modality.AUDIO: "triangle-up", Modality.TEXT: "diamond"}
)
"""A mark a modality, so that colour is never the only sign."""

MARK = Path(__file__).with_name("mark.svg")
"""The app's mark: three kinds of evidence, one answer."""

EVIDENCE = "#e66100"
"""What speaks for a label, in every theme: vermillion after Okabe and Ito, seen on a film, a spectrogram and a note."""

FONT = '"Source Sans", sans-serif'


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, as hex.

    Attributes:
        ink: Text.
        muted: Second text and axes.
        line: Hairlines.
        surface: Page.
        panel: Tiles and tables.
        accent: The fused answer, and every control.
        modalities: Blue, orange and green after Okabe and Ito (Color Universal
            Design, 2008), shaded to reach 3:1 on the page of their theme.
    """

    ink: str
    muted: str
    line: str
    surface: str
    panel: str
    accent: str
    modalities: Mapping[Modality, str]


def _modalities(image: str, audio: str, text: str) -> Mapping[Modality, str]:
    return MappingProxyType({Modality.IMAGE: image, Modality.AUDIO: audio, Modality.TEXT: text})


LIGHT = Palette(
    ink="#17212b",
    muted="#55626f",
    line="#d5dce4",
    surface="#ffffff",
    panel="#f3f5f8",
    accent="#4a3f9f",
    modalities=_modalities("#0072b2", "#b36a00", "#00805c"),
)
DARK = Palette(
    ink="#e7ecf1",
    muted="#a3b0bd",
    line="#33404d",
    surface="#10151b",
    panel="#1a222b",
    accent="#b3acf7",
    modalities=_modalities("#56b4e9", "#e69f00", "#2fc497"),
)


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
    return "".join(f"--mm-{name}:{colour};" for name, colour in named.items())


def apply(colours: Palette) -> None:
    """Put the app's name and style on the page."""
    _enter_by_the_door()
    mark = MARK.read_text(encoding="utf-8").replace("<svg", '<svg x="0" y="0" width="32" height="32"', 1)
    st.logo(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 246 32">{mark}<text x="42" y="22" font-size="18" '
        f'font-weight="600" font-family="Source Sans Pro, Segoe UI, Helvetica, Arial, sans-serif" '
        f'fill="{colours.ink}">Multimodal Diagnosis</text></svg>',
        size="large",
    )
    sheet = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    st.html(f"<style>:root{{{variables(colours)}}}{sheet}</style>")


def _enter_by_the_door() -> None:
    """Until ``st.navigation`` has run in a process, a deep link would run its page without app.py."""
    first_run = "entered" not in st.session_state
    st.session_state["entered"] = True
    if first_run and PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


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
