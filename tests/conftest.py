"""Settings for the whole suite: one thread a process, so that parallel workers do not fight over the cores."""

from __future__ import annotations

import os
import sys

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """torch counts cores for itself where it was loaded before the line above; what needs no torch does not load it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)
