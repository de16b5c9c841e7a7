"""What the first answer needs, loaded in the background once the first page is painted."""

from __future__ import annotations

import gc
from contextlib import suppress
from pathlib import Path
from threading import Thread

import streamlit as st

from multimodal.errors import MultimodalError
from multimodal.ui import engine
from multimodal.ui.record import Choice
from multimodal.ui.stack import ANSWER, imported

_TOLD = "painted-told"

# The browser says when: torch keeps the interpreter busy while it loads, and parts of the page would wait for it.
_PAINTED = st.components.v2.component(
    "multimodal_painted", html="<i></i>", js=Path(__file__).with_name("painted.js").read_text(encoding="utf-8")
)


@st.fragment
def when_painted(choice: Choice) -> None:
    """Begin to load the engine of a choice once the browser has painted the session's first page."""

    def begin() -> None:
        st.session_state[_TOLD] = True
        load(choice)

    if _TOLD not in st.session_state:
        with st.container(key="painted"):
            _PAINTED(key="painted-page", on_painted_change=begin)


def load(choice: Choice) -> None:
    """Begin to load the engine of a choice, once for all sessions.

    Whoever asks for it before it is there waits for the rest of it, as for any other that another session loads.
    """
    _begun(choice)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={Choice: repr})
def _begun(choice: Choice) -> Thread:
    # No daemon: the program's end would cut torch off in the middle of its loading, which aborts the process.
    thread = Thread(target=_load, args=(choice,), name="engine ahead")
    thread.start()
    return thread


def _load(choice: Choice) -> None:
    imported(ANSWER)
    with suppress(MultimodalError):  # told to whoever asks for an answer
        engine.load(choice).warm_up()
    # Streamlit collects garbage after every run of a page: half a million objects of torch's would be looked through
    # each time, 0.3 seconds in which nobody's page moves.
    gc.collect()
    gc.freeze()
