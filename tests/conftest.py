"""Settings for the whole suite: one thread a process, so that parallel workers do not fight over the cores."""

from __future__ import annotations

import os
import sys

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """torch reads the environment only when it is loaded first here; a test that loads it later is set too."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)
