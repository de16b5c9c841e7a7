"""What was given, as small pictures: films, spectrograms and the first lines of a note, marked where explained."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image as Pillow

from multimodal.case import Audio, Case, Diagnosis, Image, ItemResult, Text
from multimodal.labels import LABELS, Modality
from multimodal.palette import EVIDENCE, LIGHT, WORDS
from multimodal.picture import film_thumbnail, spectrogram_png
from multimodal.report.sheet import INNER, LEADING, MARGIN, Sheet

if TYPE_CHECKING:
    from multimodal.explain import Explanation, FilmExplanation, NoteExplanation, SoundExplanation, Word

MOST = {Modality.IMAGE: 3, Modality.AUDIO: 8, Modality.TEXT: 1}
"""How many items of a modality are pictured."""
WORDS_NAMED = 8
"""How many words of a note are named as those that counted."""
_GAP = 12.0
_CAPTION = 6.2
_FILM_PIXELS = 420

Why = Mapping[str, "Explanation"]


def evidence(
    sheet: Sheet, case: Case, diagnosis: Diagnosis, explanations: Sequence[Explanation], height: float
) -> None:
    """Draw a column a modality that the case holds, so many points high."""
    why = {explanation.sha256: explanation for explanation in explanations}
    sites = {item.sha256: item for item in diagnosis.items}
    held = [m for m in Modality if m in set(case.modalities())]
    width = (INNER - _GAP * (len(held) - 1)) / len(held)
    top = sheet.y
    for column, modality in enumerate(held):
        x = MARGIN + column * (width + _GAP)
        items = [item for item in case.items if item.modality is modality]
        sheet.text(x, top + 8, _title(modality, len(items)), size=7, colour=LIGHT.modalities[modality], width=width)
        box = (x, top + 13, width, height - 13)
        match modality:
            case Modality.IMAGE:
                _films(sheet, case.images[: MOST[modality]], why, box)
            case Modality.AUDIO:
                _sounds(sheet, case.audios[: MOST[modality]], why, sites, box)
            case Modality.TEXT:
                _note(sheet, case.texts[0], why, box)
    sheet.y = top + height
    if explanations:
        names = " and ".join(dict.fromkeys(LABELS[e.label].title.lower() for e in explanations))
        words = f"Orange: what speaks for {names} in it. {_tested(explanations)}"
        sheet.paragraph(words, size=_CAPTION, colour=LIGHT.muted, most=2)


def _tested(explanations: Sequence[Explanation]) -> str:
    """How the methods fared on test patients, in log-odds above random marks."""
    measured = {(e.modality, e.method): e.measured for e in explanations}
    told = [
        f"{WORDS[modality].lower()} by {method.replace('_', ' ')}, "
        + ("not tested" if found is None else f"{min(a.value for a in found.by_fill.values()):+.1f}")
        for (modality, method), found in measured.items()
    ]
    return f"Tested against random marks on other patients, in log-odds: {'; '.join(told)}."


def _title(modality: Modality, count: int) -> str:
    most = MOST[modality]
    noun = WORDS[modality] if count == 1 else f"{count} {WORDS[modality].lower()}s"
    return noun if count <= most else f"{noun}, the first {most if most > 1 else 'one'} shown"


Box = tuple[float, float, float, float]


def _films(sheet: Sheet, films: Sequence[Image], why: Why, box: Box) -> None:
    x, y, width, height = box
    each = (width - 4 * (len(films) - 1)) / len(films)
    for number, film in enumerate(films):
        rows, columns = film.pixels.shape
        room = height - LEADING * _CAPTION - 2
        scale = min(each / columns, room / rows)
        left, wide, high = x + number * (each + 4), max(1.0, columns * scale), max(1.0, rows * scale)
        sheet.picture(film_thumbnail(film, _FILM_PIXELS), left, y, wide, high)
        if (found := why.get(film.sha256)) is not None:
            _overlay(sheet, cast("FilmExplanation", found), left, y, scale)
        words = f"{film.name}, {film.view}" if film.view else film.name
        sheet.text(left, y + high + LEADING * _CAPTION, words, size=_CAPTION, colour=LIGHT.muted, width=each)


def _overlay(sheet: Sheet, why: FilmExplanation, left: float, y: float, scale: float) -> None:
    top, start, bottom, end = why.box
    level = Pillow.fromarray(why.strength, "F").resize((128, 128), Pillow.Resampling.BICUBIC)
    rgba = np.empty((128, 128, 4), dtype=np.uint8)
    rgba[..., :3] = tuple(bytes.fromhex(EVIDENCE.removeprefix("#")))
    rgba[..., 3] = np.asarray(level).clip(0, 1) * 160
    heat = _encoded(Pillow.fromarray(rgba, "RGBA"), "PNG")
    sheet.picture(heat, left + start * scale, y + top * scale, (end - start) * scale, (bottom - top) * scale)


def _sounds(sheet: Sheet, sounds: Sequence[Audio], why: Why, results: Mapping[str, ItemResult], box: Box) -> None:
    x, y, width, height = box
    columns = 1 if len(sounds) < 3 else 2
    rows = -(-len(sounds) // columns)
    wide, tall = (width - 6 * (columns - 1)) / columns, height / rows
    high = min(tall - LEADING * _CAPTION - 3, 80.0)
    for number, sound in enumerate(sounds):
        left, top = x + number % columns * (wide + 6), y + number // columns * tall
        data, top_hz = spectrogram_png(sound)
        sheet.picture(_small(data), left, top, wide, high)
        if (found := why.get(sound.sha256)) is not None:
            for segment in cast("SoundExplanation", found).segments:
                start, end = (left + wide * at / sound.seconds for at in (segment.start_s, segment.end_s))
                upper, lower = (top + high * (1 - min(hz / top_hz, 1)) for hz in (segment.high_hz, segment.low_hz))
                corners = [(start, lower), (start, upper), (end, upper), (end, lower)]
                sheet.stroke(corners, colour=EVIDENCE, thickness=0.9, closed=True)
        site = results[sound.sha256].site if sound.sha256 in results else sound.site
        place = f"{site}, " if site else ""
        reach = f", to {top_hz / 1000:.1f} kHz" if columns == 1 else ""
        words = f"{sound.name}, {place}{sound.seconds:.0f} s{reach}"
        sheet.text(left, top + high + LEADING * _CAPTION, words, size=_CAPTION, colour=LIGHT.muted, width=wide)


def _small(spectrogram: bytes) -> bytes:
    with Pillow.open(io.BytesIO(spectrogram)) as picture:
        return _encoded(picture.convert("RGB").resize((480, 160), Pillow.Resampling.BOX), "JPEG")


def _note(sheet: Sheet, note: Text, why: Why, box: Box) -> None:
    x, y, width, height = box
    found = why.get(note.sha256)
    counted = "" if found is None else _words(cast("NoteExplanation", found), note.text)
    room = int(height / (LEADING * 6.8)) - 1 - 2 * bool(counted)
    sheet.y = y - 3
    sheet.paragraph(note.text, size=6.8, colour=LIGHT.ink, x=x, width=width, most=max(1, room))
    if counted:
        sheet.y += 2
        sheet.paragraph(f"What counted: {counted}", size=6.8, colour=EVIDENCE, x=x, width=width, most=2)
    sheet.y += LEADING * _CAPTION
    sheet.text(x, sheet.y + 1, note.name, size=_CAPTION, colour=LIGHT.muted, width=width)


def _words(why: NoteExplanation, text: str) -> str:
    """The words that speak most for the label, each once, in the order of the note."""
    speaking: dict[str, Word] = {}
    for word in sorted((word for word in why.words if word.weight > 0), key=lambda word: -word.weight):
        if any(map(str.isalnum, text[word.start : word.end])):
            speaking.setdefault(text[word.start : word.end].lower(), word)
    named = sorted(list(speaking.values())[:WORDS_NAMED], key=lambda word: word.start)
    return ", ".join(text[word.start : word.end] for word in named)


def _encoded(picture: Pillow.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()
