"""The Model cards page: what every bundle learned from, what it reached, what to beware of."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from multimodal.errors import BundleInvalidError, MultimodalError
from multimodal.labels import Modality
from multimodal.ui import cards_plots, cards_table, theme
from multimodal.ui.theme import WORDS, Palette

if TYPE_CHECKING:
    from multimodal.zoo import Bundle

_MARKUP = re.compile(r"</?(?:details|summary)>")


def cards() -> None:
    """Draw the page."""
    colours = theme.palette()
    theme.apply(colours)
    st.html(cards_table.style())
    st.title("Model cards")
    st.html(
        '<p class="mm-lead">What each network learned from, what it reached on patients it never saw, '
        "and what to beware of.</p>"
    )
    try:
        with st.spinner("Looking for models"):
            found, first = _bundles()
    except MultimodalError as error:
        st.error(str(error))
        return
    if not found:
        st.info("No models are installed. Train one with `multimodal train`, or set MULTIMODAL_MODELS to a folder.")
        return
    _card(found[_pick(found, first)], first, colours)


def _bundles() -> tuple[dict[str, Bundle], dict[str, str]]:
    from multimodal.zoo import bundles, defaults

    return {f"{bundle.kind}/{bundle.name}": bundle for bundle in bundles()}, defaults()


def _pick(found: dict[str, Bundle], first: dict[str, str]) -> str:
    chosen = [key for key, bundle in found.items() if first.get(bundle.kind) == bundle.name]
    names = [*chosen, *(key for key in found if key not in chosen)]
    return str(st.selectbox("Model", names, key="bundle", bind="query-params"))


def word(kind: str) -> str:
    """What a kind of bundle is called in the app."""
    return WORDS[Modality(kind)] if kind in set(Modality) else "Fusion"


def _card(bundle: Bundle, first: dict[str, str], colours: Palette) -> None:
    try:
        config = bundle.config
        tables = cards_table.measured(config)
        plots = cards_plots.plots(config, colours)
    except BundleInvalidError as error:
        st.error(f"This bundle can't be shown. {error}")
        return
    default = first.get(bundle.kind) == bundle.name
    st.html(cards_table.header(config, word(config.kind), default=default))
    st.header("Measured")
    if not tables:
        st.info("Not measured yet. `multimodal evaluate` measures it; with `--card` the figures come here.")
    for title, table in tables:
        st.html(f'<h3 class="mm-data">{escape(title)}</h3>{table}')
    if tables:
        st.html(cards_table.READING)
    for title, plot in plots:
        st.header(title)
        st.html(plot)
    st.header("Learned from")
    st.html(cards_table.sources(config))
    st.header("Calibration")
    st.html(cards_table.calibration(config))
    st.header("Identity")
    st.html(cards_table.identity(config))
    st.markdown("**Training command**")
    st.code(str(config.training.get("command") or "not recorded"), language="bash", wrap_lines=True)
    with st.expander("The whole card, with intended use, limits and known shortcuts", expanded=not tables):
        text = _readme(bundle)
        if text:
            st.markdown(text)
        else:
            st.info("This bundle carries no card. `multimodal evaluate` with `--card` writes one.")


def _readme(bundle: Bundle) -> str:
    """The card's text as Markdown that can load nothing from elsewhere."""
    text = _MARKUP.sub("", bundle.card)
    return re.sub(r"^#", "###", text.replace("![", "!\\["), flags=re.MULTILINE)
