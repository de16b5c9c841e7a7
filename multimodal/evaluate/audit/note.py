"""What a note tells when its diagnosis is hidden, its conclusions cut or its words lost, and when it denies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from multimodal.case import Text
from multimodal.evaluate.audit.question import Question
from multimodal.labels import SAID

HIDDEN = "finding"
"""Stands for a word that is hidden; it says nothing of which."""
CONCLUSIONS = ("findings", "impression", "conclusion", "diagnosis", "assessment")
_NAMES = re.compile(
    r"\b(?:pneumoni\w*|consolidat\w*|infiltrat\w*|opaci\w*|copd|emphysem\w*|hyperinflat\w*|hyperexpan\w*|asthma\w*|"
    r"obstructive|chf|failure|o?edema\w*|congesti\w*|effusion\w*|cardiomegal\w*|enlarge\w*|atelecta\w*|collapse\w*|"
    r"valv\w*|stenosis|stenotic|regurgita\w*|murmur\w*|crackle\w*|rales|wheez\w*|normal|clear|unremarkable|"
    r"negative|acute|abnormal\w*)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


def unnamed(note: Text) -> Text:
    """The note with every word that names a label, or the lack of one, hidden."""
    return _as(note, _NAMES.sub(HIDDEN, note.text))


def without_conclusions(note: Text) -> Text:
    """The note without its findings and impression."""
    text = note.text
    for section in sorted(note.sections, key=lambda section: -section.start):
        if section.title in CONCLUSIONS:
            text = text[: section.start] + text[section.end :]
    return _as(note, text)


def denied(note: Text, absent: Iterable[str]) -> Text:
    """The note with a sentence more for each label that is absent and has a name.

    The wording is none that training uses, so that a model must know what a denial is.
    """
    sentences = [f"The patient does not have {SAID[label][0]}." for label in absent if label in SAID]
    return _as(note, " ".join((note.text.rstrip(), *sentences)))


def _as(note: Text, text: str) -> Text:
    return replace(note, text=text, sections=())


QUESTIONS = (
    Question("diagnosis words hidden", "words that name a label or its absence", lambda note, _: unnamed(note)),
    Question("conclusions cut", "findings and impression left out", lambda note, _: without_conclusions(note)),
    Question(
        "words scrambled",
        "in random order: vocabulary without sense",
        lambda note, draw: _as(note, " ".join(draw.permutation(note.text.split()))),
    ),
    Question("length only", "every word replaced by the same", lambda note, _: _as(note, _WORD.sub(HIDDEN, note.text))),
)

DENIED = ("absent conditions denied", "a sentence more for each: the patient does not have it")
"""Name of the question that :func:`denied` puts, and what is done; it needs the truth."""
