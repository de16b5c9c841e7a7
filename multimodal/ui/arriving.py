"""A record on its way in: each file is shown as soon as it is read, where its tile will stand."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

import streamlit as st

from multimodal.case import Item, Notice
from multimodal.ui import tiles
from multimodal.ui.notices import notices_html
from multimodal.ui.record import plain
from multimodal.ui.theme import Palette
from multimodal.ui.viewer import visible


class Arriving:
    """Draws what :func:`multimodal.formats.read_case` has read so far; a context that ends when all is.

    Args:
        colours: The palette.
    """

    def __init__(self, colours: Palette) -> None:
        self._colours = colours
        self._items: list[Item] = []
        self._refused: list[Notice] = []
        self._busy = ExitStack()

    def __enter__(self) -> Arriving:
        """Take the place where the page will stand."""
        self._place = st.empty()
        with self._place.container():
            st.title("Diagnose")
            self._notices = st.empty()
            self._count = st.empty()
            self._strip = tiles.row("arriving")
            self._doing = st.empty()
        return self

    def __call__(self, name: str, became: Item | Notice | None) -> None:
        """Show that a file is being read, or what became of it."""
        if became is None:
            self._busy.close()
            with self._doing.container():
                self._busy.enter_context(st.spinner(f"Decoding {plain(visible(name))}"))
        elif isinstance(became, Notice):
            self._refused.append(became)
            self._notices.html(notices_html(self._refused))
        else:
            self._items.append(became)
            if counted := tiles.count_html(self._items):
                self._count.html(counted)
            with self._strip:
                tiles.arrived(became, self._colours, len(self._items))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make way for the page."""
        self._busy.close()
        self._place.empty()
