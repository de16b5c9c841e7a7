"""Sentences that say whether a label is present: put into training notes, and by themselves.

Many reports name a condition only where it is found, and a model that they alone taught takes its name for its
presence; and a name that clinics use and reports do not (CHF, COPD) it does not know at all. What is put into a note is
true: the labels say it. A sentence by itself is of no patient and teaches what words mean, as pretraining does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch

from multimodal.labels import SAID

_PRESENT = (
    "{}.",
    "Known {}.",
    "History of {}.",
    "Past medical history: {}.",
    "Has {}.",
    "Diagnosed with {}.",
    "Admitted with {}.",
    "Assessment: {}.",
    "There is {}.",
    "Evidence of {}.",
    "Consistent with {}.",
    "Findings suggest {}.",
    "Treated for {}.",
    "{} is seen.",
    "{} is present.",
    "{} was found.",
    "Imaging shows {}.",
)
_ABSENT = (
    "No {}.",
    "No history of {}.",
    "No evidence of {}.",
    "No signs of {}.",
    "There is no {}.",
    "There is no evidence of {}.",
    "No definite {} is seen.",
    "Shows no evidence of {}.",
    "Negative for {}.",
    "Denies {}.",
    "Without {}.",
    "Not consistent with {}.",
    "{} is not seen.",
    "{} is absent.",
    "{} was not found.",
    "{} has been ruled out.",
    "Ruled out {}.",
    "Does not show {}.",
    "Never had {}.",
    "Free of {}.",
)
_BOTH = ("{} without {}.", "{}, no {}.", "{} but no {}.")
_AT_ONCE = 3
_SENTENCES = 3
_BREAK = re.compile(r"(?<=[.:;])\s+|\Z")

Some = TypeVar("Some")


def state(text: str, known: Mapping[str, bool]) -> str:
    """The text, in half of the draws with a sentence more of some of what is known.

    Args:
        text: Of a note.
        known: Labels that the patient is known to have, or not to have.
    """
    named = {label: value for label, value in known.items() if label in SAID}
    if not named or torch.rand(()) < 0.5:
        return text
    sentence, _ = _sentence(named)
    at = _pick([place.end() for place in _BREAK.finditer(text)])
    return f"{text[:at].rstrip()} {sentence} {text[at:]}".strip()


def statements(labels: Sequence[str]) -> tuple[str, dict[str, bool]]:
    """A few sentences of no patient, and what they say of which labels.

    Args:
        labels: To speak of, where words name them; at least one must have words.
    """
    left = _shuffled([label for label in labels if label in SAID])
    sentences: list[str] = []
    said: dict[str, bool] = {}
    while left and len(sentences) < _SENTENCES and not (sentences and torch.rand(()) < 0.5):
        part, left = left[:_AT_ONCE], left[_AT_ONCE:]
        sentence, told = _sentence({label: bool(torch.rand(()) < 0.5) for label in part})
        sentences.append(sentence)
        said |= told
    return " ".join(sentences), said


def _sentence(known: Mapping[str, bool]) -> tuple[str, dict[str, bool]]:
    """A sentence that names labels that are there, some that are not, or both; and what it says."""
    present = _some([label for label, value in known.items() if value])
    absent = _some([label for label, value in known.items() if not value])
    silent = int(torch.randint(3, ())) if present and absent else 0
    if silent == 1:
        absent = []
    elif silent:
        present = []
    have, lack = _list(present, "and"), _list(absent, _pick(("or", "and")))
    wordings = _BOTH if present and absent else _PRESENT if present else _ABSENT
    sentence = _pick(wordings).format(*filter(None, (have, lack)))
    return sentence[0].upper() + sentence[1:], dict.fromkeys(present, True) | dict.fromkeys(absent, False)


def _list(labels: Sequence[str], last: str) -> str:
    """A name of each, the last set apart."""
    names = [_pick(SAID[label]) for label in labels]
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _some(labels: Sequence[str]) -> list[str]:
    """One to three of the labels, in random order; none of none."""
    return _shuffled(labels)[: 1 + int(torch.randint(_AT_ONCE, ()))]


def _shuffled(labels: Sequence[str]) -> list[str]:
    return [labels[i] for i in torch.randperm(len(labels))]


def _pick(options: Sequence[Some]) -> Some:
    return options[int(torch.randint(len(options), ()))]
