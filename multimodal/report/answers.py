"""The labels as a table with a picture in it: a dot for the fused answer among the marks of the modalities."""

from __future__ import annotations

from collections.abc import Sequence

from multimodal.case import Diagnosis, LabelResult
from multimodal.labels import Modality
from multimodal.palette import LIGHT, WORDS
from multimodal.report.sheet import BOLD, INNER, MARGIN, REGULAR, Sheet
from multimodal.verdict import Band, band, percent, reach

ROW = 13.0
_SIZE, _HEAD = 7.5, 6.5
_APART = 11.0
"""Between two entries of the legend."""
_LEFT, _RIGHT = MARGIN + 244, MARGIN + 352
"""Where 0 and 1 lie on the scale."""
_COLUMNS: dict[str, float] = {
    "Fused": 388.0,
    "Threshold": 430.0,
    Modality.IMAGE: 459.0,
    Modality.AUDIO: 488.0,
    Modality.TEXT: INNER,
}
"""Right ends of the columns of figures, from the margin."""
_PALE = "#d2cfe7"
"""The accent, thinned: behind a fused answer, its reach."""

_SETS = {(): "neither", (0,): "absent", (1,): "present", (0, 1): "either"}
"""Which answers a label's conformal set holds."""


def answers(sheet: Sheet, diagnosis: Diagnosis) -> None:
    """Draw a row a label, by falling probability, with its legend."""
    held = [modality for modality in Modality if modality in diagnosis.by_modality]
    _head(sheet, held)
    top = sheet.y
    bottom = top + ROW * len(diagnosis.labels)
    for probability in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _place(probability)
        sheet.stroke([(x, top), (x, bottom)], colour=LIGHT.line, thickness=0.4)
    for result in diagnosis.labels:
        _row(sheet, result, held, diagnosis)
        sheet.y += ROW
        sheet.rule(MARGIN, sheet.y, INNER, colour=LIGHT.line, thickness=0.3)
    _legend(sheet, held, diagnosis.labels)


def _head(sheet: Sheet, held: list[Modality]) -> None:
    sheet.y += 10
    for words, x in (("Label", 0.0), ("In words", 136.0), ("Set", 200.0)):
        sheet.text(MARGIN + x, sheet.y, words, size=_HEAD, colour=LIGHT.muted)
    for probability, words, half in ((0.0, "0", 2), (0.5, "50 %", 9), (1.0, "100 %", 11)):
        sheet.text(_place(probability) + half, sheet.y, words, size=_HEAD, colour=LIGHT.muted, right=True)
    titles = {"Fused": "Fused", "Threshold": "Threshold", **{str(m): WORDS[m] for m in held}}
    for column, words in titles.items():
        sheet.text(MARGIN + _COLUMNS[column], sheet.y, words, size=_HEAD, colour=LIGHT.muted, right=True)
    sheet.y += 4
    sheet.rule(MARGIN, sheet.y, INNER, colour=LIGHT.ink, thickness=0.6)


def _row(sheet: Sheet, result: LabelResult, held: list[Modality], diagnosis: Diagnosis) -> None:
    middle, base = sheet.y + ROW / 2, sheet.y + ROW / 2 + 2.7
    word = band(result)
    font = BOLD if word.found else REGULAR
    sheet.text(MARGIN, base, result.name, size=_SIZE, font=font, colour=LIGHT.ink, width=132)
    sheet.text(MARGIN + 136, base, word, size=_SIZE, font=font, colour=LIGHT.ink, width=60)
    sheet.text(MARGIN + 200, base, _SETS[result.set], size=_SIZE, colour=LIGHT.ink, width=38)
    ends = reach(result)
    if ends is not None:
        left, right = map(_place, ends)
        sheet.rule(left, middle, right - left, colour=_PALE, thickness=4)
    alone = {m: diagnosis.by_modality[m][result.label] for m in held if result.label in diagnosis.by_modality[m]}
    every = [_place(p) for p in (result.probability, *alone.values())]
    sheet.rule(min(every), middle, max(every) - min(every), colour=LIGHT.muted, thickness=0.5)
    tick = _place(result.threshold)
    sheet.stroke([(tick, middle - 4), (tick, middle + 4)], colour=LIGHT.ink, thickness=0.8)
    for modality, probability in alone.items():
        _mark(sheet, modality, _place(probability), middle)
    _dot(sheet, _place(result.probability), middle, uncertain=word is Band.POSSIBLE)
    figures: dict[str, float] = {
        "Fused": result.probability,
        "Threshold": result.threshold,
        **{str(m): p for m, p in alone.items()},
    }
    for column, end in _COLUMNS.items():
        if column in figures:
            words, strong = percent(figures[column]), column == "Fused"
            face, ink = (BOLD, LIGHT.ink) if strong else (REGULAR, LIGHT.muted)
            sheet.text(MARGIN + end, base, words, size=_SIZE, font=face, colour=ink, right=True)
        elif column in held:
            sheet.text(MARGIN + end, base, "–", size=_SIZE, colour=LIGHT.muted, right=True)


def _legend(sheet: Sheet, held: list[Modality], results: Sequence[LabelResult]) -> None:
    sheet.y += 11
    x, middle = MARGIN + 3, sheet.y - 2.4

    def name(words: str, after: float = 6) -> None:
        nonlocal x
        sheet.text(x + after, sheet.y, words, size=_HEAD, colour=LIGHT.muted)
        x += after + sheet.width(words, size=_HEAD) + _APART

    for words, uncertain in (("Fused answer", False), ("Fused, uncertain", True)):
        _dot(sheet, x, middle, uncertain=uncertain)
        name(words)
    for modality in held:
        _mark(sheet, modality, x, middle)
        name(f"{WORDS[modality]} alone")
    sheet.stroke([(x, middle - 4), (x, middle + 4)], colour=LIGHT.ink, thickness=0.8)
    name("Threshold")
    if any(reach(result) for result in results):
        sheet.rule(x - 3, middle, 9, colour=_PALE, thickness=4)
        name("95 % range", after=10)
    sheet.text(MARGIN + INNER, sheet.y, "Set: the answers that stay open", size=_HEAD, colour=LIGHT.muted, right=True)


def _dot(sheet: Sheet, x: float, y: float, *, uncertain: bool) -> None:
    fill = LIGHT.surface if uncertain else LIGHT.accent
    sheet.circle(x, y, 2.9, colour=LIGHT.accent, thickness=1.1, fill=fill)


def _mark(sheet: Sheet, modality: Modality, x: float, y: float) -> None:
    """An open square, triangle or diamond, as on the app's pages."""
    shapes: dict[Modality, list[tuple[float, float]]] = {
        Modality.IMAGE: [(-2.2, -2.2), (2.2, -2.2), (2.2, 2.2), (-2.2, 2.2)],
        Modality.AUDIO: [(0, -2.8), (2.6, 2), (-2.6, 2)],
        Modality.TEXT: [(0, -3), (3, 0), (0, 3), (-3, 0)],
    }
    points = [(x + dx, y + dy) for dx, dy in shapes[modality]]
    sheet.stroke(points, colour=LIGHT.modalities[modality], thickness=0.9, closed=True)


def _place(probability: float) -> float:
    return _LEFT + probability * (_RIGHT - _LEFT)
