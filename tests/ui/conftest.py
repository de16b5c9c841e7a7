"""The app under test: with an engine double, or with a zoo of tiny bundles."""

from __future__ import annotations

import io
import json
import tomllib
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image as Pillow
from streamlit.testing.v1 import AppTest

from multimodal.ui import engine
from tests.ui.made import Double

APP = Path(__file__).parents[2] / "app.py"
HOME = APP.parent / "pages" / "home.py"
THEME = tomllib.loads((APP.parent / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
"""The settings of Streamlit's own parts; ``light`` and ``dark`` hold the colours."""
OPTIONS = {
    "image": (engine.Option("cnn", "small_cnn", "i1"), engine.Option("other_cnn", "small_cnn", "i2")),
    "audio": (engine.Option("lstm", "lstm", "a1"),),
    "text": (engine.Option("encoder", "small_transformer", "t1"),),
    "fusion": (
        engine.Option("gated", "gated", "f1", {"image": "i1", "audio": "a1", "text": "t1"}),
        engine.Option("late", "late"),
    ),
}
NOTE = b"INDICATION: cough and fever for three days.\nFINDINGS: crackles over the right lung base.\n"


def film_png() -> bytes:
    """A picture with the grey range and the grain of a film."""
    y, x = np.mgrid[0:200, 0:180] / 200
    lungs = sum(np.exp(-(((x - c) / 0.12) ** 2 + ((y - 0.5) / 0.3) ** 2)) for c in (0.25, 0.65))
    grain = np.random.default_rng(0).normal(0, 0.05, x.shape)
    buffer = io.BytesIO()
    Pillow.fromarray((np.clip(0.7 - 0.5 * lungs + grain, 0, 1) * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def beats_wav(seed: int = 0) -> bytes:
    """Four seconds of a heart at 75 beats a minute, in the noise of a seed."""
    t = np.arange(16_000) / 4000
    beat = sum(np.exp(-(((t % 0.8 - c) / 0.02) ** 2)) * np.sin(2 * np.pi * f * t) for c, f in ((0.1, 60), (0.4, 90)))
    noise = np.random.default_rng(seed).normal(0, 0.01, t.size)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(4000)
        file.writeframes(np.round((0.5 * beat + noise) * 20_000).astype("<i2").tobytes())
    return buffer.getvalue()


def record() -> list[tuple[str, bytes, str]]:
    """A film, a sound and a note, as a browser would upload them."""
    return [
        ("film.png", film_png(), "image/png"),
        ("heart:beats.wav", beats_wav(), "audio/wav"),
        ("note.txt", NOTE, "text/plain"),
    ]


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Double:
    """The engine's double, in place of the engine and its catalogue."""
    made = Double()
    monkeypatch.setattr(engine, "load", lambda choice: made)
    monkeypatch.setattr(engine, "catalogue", lambda: engine.Catalogue(OPTIONS))
    return made


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(HOME), default_timeout=240)


@pytest.fixture(scope="session")
def tiny_zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny random bundles with a gated head."""
    from multimodal.zoo import DEFAULTS
    from tests.engine.tiny import ARCH, save_branch, save_head

    root = tmp_path_factory.mktemp("zoo")
    branches = {kind: save_branch(root, kind, f"tiny_{kind}") for kind in ARCH}
    save_branch(root, "image", "other_image", seed=1)
    save_head(root, "tiny_gated", "gated", branches)
    defaults = {**{kind: f"tiny_{kind}" for kind in ARCH}, "fusion": "tiny_gated"}
    (root / DEFAULTS).write_text(json.dumps(defaults))
    return root


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    yield
    st.cache_resource.clear()
