"""Wear of notes: haste, scanners, shorthand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from multimodal.case import Text
from multimodal.evaluate.stress.wear import Wear

ABBREVIATIONS = {
    "chronic obstructive pulmonary disease": "COPD",
    "congestive heart failure": "CHF",
    "coronary artery disease": "CAD",
    "within normal limits": "WNL",
    "shortness of breath": "SOB",
    "diabetes mellitus": "DM",
    "no evidence of": "neg for",
    "pleural effusion": "pl eff",
    "chest pain": "CP",
    "year old": "y/o",
    "atelectasis": "atel",
    "bilateral": "b/l",
    "cardiac": "card",
    "cardiomegaly": "CMG",
    "decreased": "decr",
    "diagnosis": "dx",
    "evaluate": "eval",
    "examination": "exam",
    "fracture": "fx",
    "history": "hx",
    "hypertension": "HTN",
    "increased": "incr",
    "left": "L",
    "mediastinal": "med",
    "normal": "nl",
    "opacity": "opac",
    "patient": "pt",
    "pneumonia": "PNA",
    "pneumothorax": "PTX",
    "pulmonary": "pulm",
    "right": "R",
    "treatment": "tx",
    "tuberculosis": "TB",
    "without": "w/o",
    "with": "w/",
}
"""What clinicians write for it."""
_SHORT = re.compile(r"\b(" + "|".join(sorted(ABBREVIATIONS, key=len, reverse=True)) + r")\b", re.IGNORECASE)
_MISREAD = {"o": "0", "0": "O", "l": "1", "1": "l", "i": "l", "s": "5", "5": "S", "b": "6", "e": "c", "m": "rn"}
_WORD = re.compile(r"\w+")


def _typos(note: Text, per_cent: float, draw: np.random.Generator) -> Text:
    """Letters swapped with the next, left out or doubled."""
    found, skip = [], False
    for letter, following in zip(note.text, f"{note.text[1:]} ", strict=True):
        hit = letter.isalpha() and draw.random() < per_cent / 100
        kind = int(draw.integers(3))
        if skip:
            skip = False
        elif not hit:
            found.append(letter)
        elif kind == 0:
            found.append(f"{following}{letter}")
            skip = True
        elif kind == 1:
            found.append(letter * 2)
    return _as(note, "".join(found))


def _misread(note: Text, per_cent: float, draw: np.random.Generator) -> Text:
    """Letters as a scanner takes them for others."""
    letters = (_MISREAD.get(c.lower(), c) if draw.random() < per_cent / 100 else c for c in note.text)
    return _as(note, "".join(letters))


def _abbreviated(note: Text, per_cent: float, draw: np.random.Generator) -> Text:
    return _as(note, _SHORT.sub(_some(per_cent, draw, lambda word: ABBREVIATIONS[word.lower()]), note.text))


def _dropped(note: Text, per_cent: float, draw: np.random.Generator) -> Text:
    return _as(note, _WORD.sub(_some(per_cent, draw, lambda _: ""), note.text))


def _some(per_cent: float, draw: np.random.Generator, change: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
    return lambda match: change(match[0]) if draw.random() < per_cent / 100 else match[0]


def _as(note: Text, text: str) -> Text:
    return replace(note, text=text, sections=())


WEAR = (
    Wear("typos", "per cent of letters", (2, 5, 10), _typos),
    Wear("misread letters", "per cent of those that look alike", (5, 15, 30), _misread),
    Wear("abbreviations", "per cent of terms that have one", (33, 67, 100), _abbreviated),
    Wear("words left out", "per cent", (10, 25, 50), _dropped),
)
