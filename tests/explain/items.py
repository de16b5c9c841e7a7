"""Items in which one place decides."""

from __future__ import annotations

import numpy as np

from multimodal.case import Audio, Image, Text
from multimodal.labels import Site

RATE = 4000
WORD = "consolidation"


def film(height: int = 300, width: int = 240, square: tuple[int, int, int, int] = (180, 150, 220, 190)) -> Image:
    """Dark, with a bright square: top, left, bottom, right."""
    pixels = np.random.default_rng(0).uniform(0, 0.1, (height, width)).astype(np.float32)
    top, left, bottom, right = square
    pixels[top:bottom, left:right] = 1
    return Image("film.png", "f" * 64, pixels)


def texture() -> Image:
    """A film without a place of its own: blotches of every grey."""
    coarse = np.random.default_rng(1).uniform(0, 1, (24, 20)).astype(np.float32)
    return Image("texture.png", "d" * 64, np.kron(coarse, np.ones((12, 12), np.float32)))


def sound(start: float = 2.5, end: float = 3.2, hertz: float = 400, seconds: float = 6.0) -> Audio:
    """Noise with a tone from ``start`` to ``end``."""
    t = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * hertz * t) * ((t >= start) & (t < end))
    noise = np.random.default_rng(0).normal(0, 0.02, t.size)
    return Audio("sound.wav", "a" * 64, (tone + noise).astype(np.float32), RATE, Site.LUNG)


def note() -> Text:
    r"""A long note in which one word decides, with characters that cleaning drops, folds or joins before it."""
    before = "  The\u200b ﬁrst  days:\r\n\r\n cough,\tfever.  " * 4
    return Text(
        "note.txt", "e" * 64, f"{before}There is a {WORD} in the right lower lobe. {'No effusion is seen. ' * 8}"
    )
