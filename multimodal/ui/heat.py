"""Explanations as pictures and words. Pure functions, no Streamlit and no torch."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from multimodal.case import FloatArray
from multimodal.labels import LABELS, Modality
from multimodal.ui.theme import EVIDENCE

if TYPE_CHECKING:
    from multimodal.explain import Faithfulness, FilmExplanation, Measured, NoteExplanation, SoundExplanation

FRAME = 448
"""Longest side of a film's heat map, in pixels."""
STRIP = (480, 120)
"""Width and height of a spectrogram's heat map, in pixels."""
LEAST_MARK = 0.08
"""Weaker words are not marked."""

METHOD_WORDS = {
    "midpoint_gradients": "Quick",
    "integrated_gradients": "Fine",
    "grad_cam": "Grad-CAM",
}
_WHAT = {Modality.IMAGE: "film", Modality.AUDIO: "sound", Modality.TEXT: "note"}
_MARKED = {
    Modality.IMAGE: "Orange areas of this film speak",
    Modality.AUDIO: "Orange parts of this sound speak",
    Modality.TEXT: "Orange words of this note speak",
}


def film_heat(explanation: FilmExplanation) -> FloatArray:
    """The map laid over the film's own frame, (H, W) in 0..1, at most ``FRAME`` long."""
    height, width = explanation.size
    scale = min(1.0, FRAME / max(height, width))
    frame = np.zeros((max(1, round(height * scale)), max(1, round(width * scale))), dtype=np.float32)
    top, left, bottom, right = (round(edge * scale) for edge in explanation.box)
    frame[top:bottom, left:right] = _smooth(explanation.strength, (right - left, bottom - top))
    return frame


def sound_heat(explanation: SoundExplanation, seconds: float, top_hz: float) -> bytes:
    """The map over a spectrogram from 0 to ``top_hz`` of the whole recording, as a PNG that shines through."""
    width, height = STRIP
    level = explanation.strength
    steps = (np.arange(width) + 0.5) / width * seconds / explanation.step_s - 0.5
    hertz = (np.arange(height, 0, -1) - 0.5) / height * top_hz
    edges = np.asarray(explanation.edges_hz)
    across = np.stack([np.interp(steps, np.arange(level.shape[1]), row) for row in level])
    middles = (edges[1:] + edges[:-1]) / 2
    full = np.stack([np.interp(hertz, middles, column) for column in across.T], axis=1)
    full[(hertz < edges[0]) | (hertz > edges[-1])] = 0
    return _tinted(full)


def note_marks(explanation: NoteExplanation) -> list[tuple[int, int, float]]:
    """Words that speak for the label: start, end, weight in 0..1."""
    pairs = zip(explanation.words, explanation.strength.tolist(), strict=True)
    return [(word.start, word.end, weight) for word, weight in pairs if weight >= LEAST_MARK]


def meaning(modality: Modality, label: str, evidence: float, marked: bool) -> str:
    """What the colours mean, and what the item as a whole says, as safe markup."""
    name = escape(LABELS[label].title.lower())
    colours = (
        f"{_MARKED[modality]} for {name}, the stronger the more."
        if marked
        else f"Nothing in this {_WHAT[modality]} speaks for {name}."
    )
    return f'<p class="mm-muted">{colours} As a whole it {_odds(evidence)}.</p>'


def faithfulness_words(found: Faithfulness) -> str:
    """What the test of a picture found, as safe markup."""
    own, random, moved = found.own.gain, found.random.gain, found.moved.gain
    verdict = (
        "The marks hold: covering them changes the answer more than chance does."
        if own > max(random, moved)
        else "The marks do not hold here: covering them changes the answer no more than chance does."
    )
    figures = (
        f"Gap between keeping and covering the marked parts first, in log-odds: {own:.2f}; parts in random order "
        f"{random:.2f}; the same marks moved elsewhere {moved:.2f}."
    )
    return f'<p class="mm-muted"><b>{verdict}</b> <abbr title="{figures}">In figures</abbr></p>'


def tested_words(measured: Measured | None) -> str:
    """How far marks of this sort can be trusted, by other patients, as safe markup."""
    if measured is None:
        return '<p class="mm-muted">Nobody has tested marks of this sort on this model.</p>'
    least = min(measured.by_fill.values(), key=lambda advantage: advantage.value)
    figures = f"By {least.value:.2f} log-odds more (95 % interval {least.low:.2f} to {least.high:.2f})."
    return (
        f'<p class="mm-muted">Tested on {measured.items} items of other patients: covering marks of this sort changed '
        f'the answer <abbr title="{figures}">more than covering random parts</abbr>.</p>'
    )


def segment_words(start: float, end: float, low: float, high: float) -> str:
    """A segment for a button.

    >>> segment_words(1.25, 2.0, 101.0, 299.0)
    '1.2 to 2.0 s, 100 to 300 Hz'
    """
    return f"{start:.1f} to {end:.1f} s, {round(low, -1):.0f} to {round(high, -1):.0f} Hz"


def _odds(evidence: float) -> str:
    """Evidence in words: the factor by which it moves the odds."""
    factor = math.exp(min(abs(evidence), 8.0))
    if factor < 1.15:
        return "hardly moves the odds"
    shown = f"{factor:.1f}" if factor < 10 else f"{round(factor, -1 if factor < 100 else -2):.0f}"
    return f"makes the odds about {shown} times {'higher' if evidence > 0 else 'lower'}"


def _smooth(level: FloatArray, size: Sequence[int]) -> npt.NDArray[np.float32]:
    width, height = (max(1, side) for side in size)
    picture = Pillow.fromarray(level.astype(np.float32), "F").resize((width, height), Pillow.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.float32).clip(0, 1)


def _tinted(level: npt.NDArray[np.floating]) -> bytes:
    """The evidence colour, as opaque as the map is strong."""
    rgba = np.empty((*level.shape, 4), dtype=np.uint8)
    rgba[..., :3] = tuple(bytes.fromhex(EVIDENCE.removeprefix("#")))
    rgba[..., 3] = (level.clip(0, 1) * 255).round()
    buffer = io.BytesIO()
    Pillow.fromarray(rgba, "RGBA").save(buffer, "PNG")
    return buffer.getvalue()
