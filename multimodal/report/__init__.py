"""A diagnosis on one sheet of A4, as PDF, to be filed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from multimodal.case import Case, Diagnosis
from multimodal.errors import MultimodalError, NonFiniteError
from multimodal.labels import LABELS, NO_FINDING, Modality
from multimodal.palette import LIGHT, WORDS
from multimodal.report.answers import answers
from multimodal.report.evidence import evidence
from multimodal.report.sheet import BOLD, HEIGHT, INNER, LEADING, MARGIN, MONO, Sheet
from multimodal.verdict import answer, together

if TYPE_CHECKING:
    from multimodal.engine import Engine
    from multimodal.explain import Explanation

__all__ = ["LIMITS", "USE", "explained", "lead", "report"]

USE = "Research use only, not a medical device."
LIMITS = (
    "Limits. The answer rests on the inputs listed here and on nothing else; what is not listed was not considered. "
    "Labels outside the table are not assessed, and an unlikely label is not ruled out. Probabilities are calibrated "
    "on the data that each model's card names and assume how common a condition is where the patient is seen; "
    "elsewhere, and with other equipment, they may be off. Pictures are small, for recognition only: never read a "
    "film or a sound from this sheet. A clinician decides."
)

NOTICES = 6
"""Notices that are printed, in two lines at most; the JSON holds all."""
FILES = 14
"""Files that are printed; the JSON holds all."""
_EVIDENCE = (70.0, 200.0)
"""Least and greatest height of the pictures, points."""
_ROW, _SIZE = 8.6, 6.6
"""Distance of lines and size of type in what is listed, points."""


def report(
    diagnosis: Diagnosis, case: Case | None = None, *, explanations: Sequence[Explanation] = (), on: date | None = None
) -> bytes:
    """A one-page PDF of a diagnosis.

    The same input gives the same bytes. It names no patient, unless a file name or a note does.

    Args:
        diagnosis: The answer.
        case: What it is the answer to, for the pictures; None leaves them out.
        explanations: Why, drawn over the pictures of the items that they explain.
        on: The day it is made; today if None.

    Raises:
        NonFiniteError: If a probability is NaN or infinite.
    """
    if not all(math.isfinite(value) for result in diagnosis.labels for value in (result.probability, result.threshold)):
        raise NonFiniteError("Expected finite probabilities, but the diagnosis holds NaN or infinity.")
    hashes = ", ".join(item.sha256 for item in diagnosis.items)
    sheet = Sheet(f"Diagnosis report, case {diagnosis.case_id}", f"Inputs by SHA-256: {hashes}")
    _header(sheet, diagnosis, (on or date.today()).isoformat())
    words = answer(diagnosis)
    sheet.paragraph(words.headline, size=11.5, font=BOLD, colour=LIGHT.ink, most=4)
    sheet.y += 2
    for sentence in words.detail[:3]:
        sheet.paragraph(sentence, size=8, colour=LIGHT.ink, most=2)
    sheet.y += 4
    if diagnosis.labels:
        answers(sheet, diagnosis)
    notices, foot = _notices(sheet, diagnosis, case), _foot_height(sheet)
    rows = _provenance(diagnosis)
    below = 30 + _ROW * len(rows) + (14 + _ROW * len(notices) if notices else 0) + foot + MARGIN / 2
    if case is not None and case.items:
        sheet.y += 8
        least, greatest = _EVIDENCE
        evidence(sheet, case, diagnosis, explanations, min(greatest, max(least, HEIGHT - below - sheet.y - 23)))
    _said(sheet, notices)
    _table(sheet, rows)
    _foot(sheet, diagnosis, foot)
    return sheet.done()


def lead(diagnosis: Diagnosis) -> str | None:
    """The label that an answer leads with: what was found, conditions before findings; None if nothing was scored."""
    results = sorted(diagnosis.labels, key=lambda result: (not result.present, LABELS[result.label].group))
    return next((result.label for result in results if result.label != NO_FINDING), None)


def explained(engine: Engine, case: Case, diagnosis: Diagnosis) -> tuple[Explanation, ...]:
    """Why, for the label that the answer leads with.

    Empty where nothing was scored or a network cannot explain itself, since a report is worth having without.
    """
    label = lead(diagnosis)
    if label is None:
        return ()

    from multimodal.explain import explain_case

    try:
        return explain_case(engine, case, diagnosis, label)
    except MultimodalError:
        return ()


def _header(sheet: Sheet, diagnosis: Diagnosis, day: str) -> None:
    sheet.text(MARGIN, sheet.y + 12, "Diagnosis report", size=15, font=BOLD, colour=LIGHT.ink)
    right = MARGIN + INNER
    sheet.text(right, sheet.y + 4, f"Case {diagnosis.case_id}", size=8, colour=LIGHT.ink, width=300, right=True)
    sheet.text(right, sheet.y + 14, day, size=8, colour=LIGHT.muted, right=True)
    sheet.y += 21
    sheet.rule(MARGIN, sheet.y, INNER, colour=LIGHT.accent, thickness=1.2)
    sheet.paragraph(USE, size=8, font=BOLD, colour=LIGHT.accent)
    sheet.y += 7


def _notices(sheet: Sheet, diagnosis: Diagnosis, case: Case | None) -> list[str]:
    """What a reader must know, as lines."""
    problems = () if case is None else case.problems
    told = together((*problems, *diagnosis.warnings, *diagnosis.quality))
    words = [f"– {', '.join(items)}: {message}" if items else f"– {message}" for message, items, _ in told]
    if len(words) > NOTICES:
        words = [*words[: NOTICES - 1], f"– And {len(words) - NOTICES + 1} more, in the JSON."]
    return [line for each in words for line in sheet.lines(each, size=_SIZE, most=2)]


def _said(sheet: Sheet, notices: Sequence[str]) -> None:
    if not notices:
        return
    _heading(sheet, "Quality and warnings")
    for line in notices:
        sheet.y += _ROW
        sheet.text(MARGIN, sheet.y, line, size=_SIZE, colour=LIGHT.ink)


def _provenance(diagnosis: Diagnosis) -> list[tuple[str, str, str]]:
    """Kind, name and hash of every input and model."""
    inputs = [
        (
            f"{item.site.capitalize()} sound" if item.site else WORDS[Modality(item.modality)],
            item.name if item.used else f"(not used) {item.name}",
            item.sha256,
        )
        for item in diagnosis.items
    ]
    if len(inputs) > FILES:
        inputs = [*inputs[: FILES - 1], ("", f"And {len(inputs) - FILES + 1} more, in the JSON.", "")]
    models = [(f"Model, {kind}", model.name, model.sha256) for kind, model in diagnosis.models.items()]
    return inputs + models


def _table(sheet: Sheet, rows: Sequence[tuple[str, str, str]]) -> None:
    _heading(sheet, "Inputs and models, with their SHA-256")
    for kind, name, sha256 in rows:
        sheet.y += _ROW
        sheet.text(MARGIN, sheet.y, kind, size=_SIZE, colour=LIGHT.muted, width=66)
        sheet.text(MARGIN + 70, sheet.y, name, size=_SIZE, colour=LIGHT.ink, width=226)
        sheet.text(MARGIN + INNER, sheet.y, sha256, size=5.5, font=MONO, colour=LIGHT.muted, width=215, right=True)


def _heading(sheet: Sheet, words: str) -> None:
    sheet.y += 15
    sheet.text(MARGIN, sheet.y, words, size=7, font=BOLD, colour=LIGHT.ink)
    sheet.y += 1


def _foot_height(sheet: Sheet) -> float:
    """Height of the foot, points."""
    return 14 + LEADING * 6.2 * (len(sheet.lines(LIMITS, size=6.2)) + 1)


def _foot(sheet: Sheet, diagnosis: Diagnosis, height: float) -> None:
    sheet.y = HEIGHT - MARGIN / 2 - height
    sheet.rule(MARGIN, sheet.y + 4, INNER, colour=LIGHT.line)
    sheet.y += 5
    sheet.paragraph(LIMITS, size=6.2, colour=LIGHT.muted)
    sheet.paragraph(f"Made with multimodal-diagnosis {diagnosis.version}.", size=6.2, colour=LIGHT.muted)
