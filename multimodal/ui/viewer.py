"""The evidence: film viewer, sound player and note, each in the item's own coordinates."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from multimodal.case import Audio, FloatArray, Image, Text
from multimodal.picture import data_uri, display_window, film_png, overlay_png, spectrogram_png, wav
from multimodal.ui.heat import segment_words, sound_heat
from multimodal.ui.memory import kept
from multimodal.ui.theme import EVIDENCE

if TYPE_CHECKING:
    from multimodal.explain import Segment, SoundExplanation

NOTE_CHARACTERS = 20_000
"""How much of a note is shown; all of it is scored."""


def _source(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


_FILM = st.components.v2.component(
    "multimodal_film", html=_source("film.html"), css=_source("viewer.css"), js=_source("film.js")
)
_SOUND = st.components.v2.component(
    "multimodal_sound", html=_source("sound.html"), css=_source("viewer.css"), js=_source("sound.js")
)


def film(image: Image, *, overlay: FloatArray | None = None) -> None:
    """Show a film with window, level, zoom and pan.

    Args:
        image: The film.
        overlay: (H, W) heat map in 0..1 in the film's own frame, drawn on top with a slider for its strength.
    """
    identity = image.sha256 if overlay is None else f"{image.sha256}+{hash(overlay.tobytes())}"
    data = {
        "id": identity,
        "film": kept(f"film-{image.sha256}", lambda: data_uri(film_png(image), "image/png")),
        "shape": [image.pixels.shape[1], image.pixels.shape[0]],
        "overlay": None if overlay is None else data_uri(overlay_png(overlay), "image/png"),
        "colour": [*bytes.fromhex(EVIDENCE.removeprefix("#"))],
        "window": list(display_window(image)),
        "alt": f"Chest film {visible(image.name)}. Plus, minus and arrow keys zoom and move, 0 resets.",
    }
    _FILM(key=f"film-{image.sha256[:16]}", data=data)


def sound(audio: Audio, why: SoundExplanation | None = None) -> None:
    """Show a recording: its spectrogram, and a player whose cursor runs over it.

    Args:
        audio: The recording.
        why: An explanation, drawn on top with a slider for its strength; its segments can be played.
    """
    identity = f"{audio.sha256}-{audio.site}"
    picture, top = kept(f"spectrogram-{identity}", lambda: spectrogram_png(audio))
    data = {
        "id": identity if why is None else f"{identity}-{why.label}-{why.method}-{why.model}",
        "spectrogram": data_uri(picture, "image/png"),
        "overlay": None if why is None else data_uri(sound_heat(why, audio.seconds, top), "image/png"),
        "top_hz": top,
        "segments": [] if why is None else [_segment(segment) for segment in why.segments],
        "wav": kept(f"wav-{audio.sha256}", lambda: data_uri(wav(audio), "audio/wav")),
        "seconds": audio.seconds,
        "top_khz": round(top / 1000, 1),
        "alt": f"Spectrogram of {visible(audio.name)}, position. Arrow keys seek, space plays.",
    }
    _SOUND(key=f"sound-{audio.sha256[:16]}", data=data)


def _segment(segment: Segment) -> dict[str, object]:
    edges = (segment.start_s, segment.end_s, segment.low_hz, segment.high_hz)
    return {"edges": edges, "words": segment_words(*edges)}


def note(text: Text, marks: Sequence[tuple[int, int, float]] = ()) -> None:
    """Show a note as plain text with its section headings, and words by weight, marked."""
    st.html(note_html(text, marks))


def note_html(text: Text, marks: Sequence[tuple[int, int, float]] = ()) -> str:
    """A note as safe HTML.

    Args:
        text: The note.
        marks: (start, end, weight in 0..1) of words to mark, as indices into ``text.text``.

    Returns:
        Markup in which nothing of the note is markup, and invisible control characters are shown.
    """
    shown = text.text[:NOTE_CHARACTERS]
    spans = {start: (end, '<b class="mm-section">{}</b>') for start, end in _headings(text)}
    spans |= {start: (end, f'<mark style="--weight:{weight:.2f}">{{}}</mark>') for start, end, weight in marks}
    parts: list[str] = []
    at = 0
    for start, (end, frame) in sorted(spans.items()):
        if start >= at and end <= len(shown):
            parts += [escape(visible(shown[at:start])), frame.format(escape(visible(shown[start:end])))]
            at = end
    parts.append(escape(visible(shown[at:])))
    cut = "<p>The rest of this long note is not shown, but scored.</p>" if len(text.text) > len(shown) else ""
    return (
        f'<div class="mm-note" tabindex="0" role="region" aria-label="Note {escape(visible(text.name))}">'
        f'<div dir="auto">{"".join(parts)}</div>{cut}</div>'
    )


def _headings(text: Text) -> Iterator[tuple[int, int]]:
    """Where the headings stand: just before the sections that they name."""
    for section in text.sections:
        start = text.text.lower().rfind(section.title, 0, section.start)
        if start >= 0 and section.start - start <= len(section.title) + 4:
            yield start, start + len(text.text[start : section.start].rstrip())


def visible(text: str) -> str:
    """Text whose control and direction characters are shown instead of obeyed.

    >>> visible("a\u202eb")
    'a<U+202E>b'
    """
    return "".join(
        f"<U+{ord(char):04X}>" if unicodedata.category(char) in {"Cc", "Cf"} and char not in "\n\t\r" else char
        for char in text
    )
