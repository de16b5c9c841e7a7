"""Why an answer was given: what in the film, the sound and the note speaks for a label, and whether that is so."""

from __future__ import annotations

from multimodal.explain.ask import explain, explain_case
from multimodal.explain.explanation import (
    Explanation,
    FilmExplanation,
    NoteExplanation,
    Segment,
    SoundExplanation,
    Word,
)
from multimodal.explain.faithfulness import Curves, Faithfulness, assess, measure
from multimodal.explain.fill import FILLS
from multimodal.explain.methods import METHODS
from multimodal.explain.offered import EXPLANATIONS, Measured, offered, recorded

__all__ = [
    "EXPLANATIONS",
    "FILLS",
    "METHODS",
    "Curves",
    "Explanation",
    "Faithfulness",
    "FilmExplanation",
    "Measured",
    "NoteExplanation",
    "Segment",
    "SoundExplanation",
    "Word",
    "assess",
    "explain",
    "explain_case",
    "measure",
    "offered",
    "recorded",
]
