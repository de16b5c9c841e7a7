"""What a session has worked out so far: kept for the reader who sees it, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

T = TypeVar("T")

_LIMIT = 64
_KEY = "memory"


def recall(key: str) -> object | None:
    """What this session keeps under a key."""
    return _memory().get(key)


def kept(key: str, make: Callable[[], T]) -> T:
    """What this session keeps under a key, made now if it is not there; the oldest is forgotten first."""
    memory = _memory()
    if key not in memory:
        memory[key] = make()
        while len(memory) > _LIMIT:
            memory.pop(next(iter(memory)))
    value: T = memory[key]  # type: ignore[assignment]
    return value


def forget() -> None:
    """Forget everything."""
    st.session_state.pop(_KEY, None)


def _memory() -> dict[str, object]:
    memory: dict[str, object] = st.session_state.setdefault(_KEY, {})
    return memory
