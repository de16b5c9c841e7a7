"""What answers are computed with, imported by one thread at a time. No Streamlit.

Two threads that import parts of one package at the same time can each be handed a half-made one: Python breaks the
deadlock between their import locks that way (``importlib._bootstrap._ModuleLock``). A page is drawn in one thread, the
engine is loaded in another, and the lab works in a third.
"""

from __future__ import annotations

from importlib import import_module
from threading import Lock

ANSWER = (
    "multimodal.engine",
    "multimodal.branches.image",
    "multimodal.branches.audio",
    "multimodal.branches.text",
)
MEASURE = (*ANSWER, "multimodal.evaluate")
TRAIN = (*ANSWER, "multimodal.train.cases", "multimodal.train.fusion")

_LOCK = Lock()


def imported(modules: tuple[str, ...]) -> None:
    """Import modules, after whichever other thread is importing some; call it before an import inside a function.

    Name no more than is needed there: the page waits for it.
    """
    with _LOCK:
        for name in modules:
            import_module(name)
