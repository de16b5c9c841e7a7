"""The engine is loaded in the background once a page is painted: once, whoever asks, and without a word if it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from multimodal.errors import BundleNotFoundError
from multimodal.ui import engine
from multimodal.ui.engine import load_ahead
from multimodal.ui.record import Choice

CHOICE = Choice((("image", "tiny_image"),))


def begin(choice: Choice) -> None:
    load_ahead(choice)
    for thread in threading.enumerate():
        if thread.name == "engine ahead":
            thread.join()


def test_two_readers_have_one_engine_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []

    class Engine:
        def warm_up(self) -> None:
            loaded.append(self)

    monkeypatch.setattr(engine, "PAINTED", 0)
    monkeypatch.setattr(engine, "_load", lambda *asked: Engine())
    with ThreadPoolExecutor(4) as readers:
        list(readers.map(begin, [CHOICE] * 8))
    assert len(loaded) == 1
    begin(Choice((("image", "other_image"),)))
    assert len(loaded) == 2


def test_what_cannot_be_loaded_is_told_to_whoever_asks_for_it(tiny_zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIMODAL_MODELS", str(tiny_zoo))
    monkeypatch.setattr(engine, "PAINTED", 0)
    nowhere = Choice((("image", "nowhere"),))
    begin(nowhere)
    with pytest.raises(BundleNotFoundError, match="nowhere"):
        engine.load(nowhere)


@pytest.mark.parametrize("painted", [0, 3600])
def test_the_program_ends_cleanly_before_and_while_it_loads(painted: int, tiny_zoo: Path) -> None:
    code = f"""
from multimodal.ui import engine
from multimodal.ui.record import Choice
engine.PAINTED = {painted}
engine.load_ahead(Choice(()))
"""
    start = time.monotonic()
    environment = {**os.environ, "MULTIMODAL_MODELS": str(tiny_zoo)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert time.monotonic() - start < 600
