"""The engine is loaded in the background once a page is painted: once, whoever asks, and without a word if it fails."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from multimodal.errors import BundleNotFoundError
from multimodal.ui import ahead, engine
from multimodal.ui.record import Choice
from tests.ui.made import Double

CHOICE = Choice((("image", "tiny_image"),))


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def begin(choice: Choice) -> None:
    ahead.load(choice)
    for thread in threading.enumerate():
        if thread.name == "engine ahead":
            thread.join()


def test_two_readers_have_one_engine_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []

    class Engine:
        def warm_up(self) -> None:
            loaded.append(self)

    monkeypatch.setattr(engine, "load", lambda choice: Engine())
    with ThreadPoolExecutor(4) as readers:
        list(readers.map(begin, [CHOICE] * 8))
    assert len(loaded) == 1
    begin(Choice((("image", "other_image"),)))
    assert len(loaded) == 2


def test_a_collection_of_garbage_does_not_look_through_what_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[list[object]] = []

    class Engine:
        def warm_up(self) -> None:
            held.extend([] for _ in range(1000))

    monkeypatch.setattr(engine, "load", lambda choice: Engine())
    begin(Choice((("image", "third_image"),)))
    assert not {id(each) for each in held} & {id(each) for each in gc.get_objects()}


def test_what_cannot_be_loaded_is_told_to_whoever_asks_for_it(tiny_zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIMODAL_MODELS", str(tiny_zoo))
    nowhere = Choice((("image", "nowhere"),))
    begin(nowhere)
    with pytest.raises(BundleNotFoundError, match="nowhere"):
        engine.load(nowhere)


def test_a_page_loads_nothing_before_a_browser_has_painted_it(
    app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Choice] = []
    monkeypatch.setattr(ahead, "load", begun.append)
    app.run()
    assert not app.exception
    assert begun == []


def test_the_program_that_ends_while_it_loads_ends_cleanly(tiny_zoo: Path) -> None:
    code = "from multimodal.ui import ahead, record; ahead.load(record.Choice(()))"
    environment = {**os.environ, "MULTIMODAL_MODELS": str(tiny_zoo)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
