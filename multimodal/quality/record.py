"""Do the items of a record fit together: whose note is it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from multimodal.case import Case, Notice, Patient

_YEARS = {"d": 1 / 365.25, "w": 7 / 365.25, "m": 1 / 12, "y": 1.0}
_AGE = re.compile(
    r"\b(?P<count>\d{1,3})[\s-]*(?P<unit>years?|yrs?|y|months?|mos?|weeks?|wks?|days?)[\s/.-]*(?:old|o(?:ld)?\b|of age)"
    r"(?:[\s,-]*(?:[a-z-]+[\s,]+){0,2}?(?P<who>\b(?:man|woman|male|female|gentleman|lady|boy|girl|[MF](?![\w']))))?",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"^\W*(?:[a-z-]+\W+){0,3}?(?P<who>man|woman|male|female|gentleman|lady|boy|girl|infant|newborn|neonate|toddler|child)\b",
    re.IGNORECASE,
)
_TITLE = re.compile(r"\b(?:(?P<male>Mr)|(?P<female>Mrs|Ms|Miss))\b\.?\s+[A-Z]")
_OWN_ORGANS = {
    "F": re.compile(r"\b(?:is|was|currently) pregnant\b|\bweeks pregnant\b|\bhysterectomy\b|\bmenopaus", re.IGNORECASE),
    "M": re.compile(r"\bprostat(?:e|ectomy|ic)\b", re.IGNORECASE),
}
_SEX = {"man": "M", "male": "M", "gentleman": "M", "boy": "M", "m": "M"}
_SEX |= {"woman": "F", "female": "F", "lady": "F", "girl": "F", "f": "F"}
_YOUNG = {"infant": 2.0, "newborn": 1.0, "neonate": 1.0, "toddler": 4.0, "child": 18.0, "boy": 18.0, "girl": 18.0}
"""Years below which a patient is called so."""
_CALLED = {"F": "a woman or girl", "M": "a man or boy"}


def check_record(case: Case) -> tuple[Notice, ...]:
    """What speaks against the items of a record being of one patient.

    Every note is held against the patient of the record, and where that says nothing against the first note that
    does. Films are held against the record by the reader, which alone sees whom they name.
    """
    notices: list[Notice] = []
    known = case.patient
    for note in case.texts:
        said, youth = patient_of(note.text), youth_of(note.text)
        notices += _contradictions(note.name, known, said, youth)
        known = Patient(known.age if known.age is not None else said.age, known.sex or said.sex)
    return tuple(notices)


def _contradictions(name: str, known: Patient, said: Patient, youth: float | None) -> Iterator[Notice]:
    then = "check whose note it is."
    if known.age is not None:
        age = _years(known.age)
        if said.age is not None and known.age_differs(said):
            message = f"The note speaks of a patient of {_years(said.age)}, the record of one of {age}; {then}"
            yield Notice("age_contradicted", message, name)
        elif said.age is None and youth is not None and known.age_differs(Patient(youth)) and known.age > youth:
            yield Notice(
                "age_contradicted", f"The note speaks of a child, the record of a patient of {age}; {then}", name
            )
    if known.sex and said.sex and known.sex_differs(said):
        message = f"The note speaks of {_CALLED[said.sex]}, the record of {_CALLED[known.sex]}; {then}"
        yield Notice("sex_contradicted", message, name)


def patient_of(text: str) -> Patient:
    """Age and sex of the patient that a note speaks of, by its first words on them.

    >>> patient_of("62 y/o M, COPD, wt loss")
    Patient(age=62.0, sex='M')
    """
    found = _AGE.search(text)
    age = float(found["count"]) * _YEARS[found["unit"][0].lower()] if found else None
    opening = _WHO.search(text)
    who = next((match["who"].lower() for match in (found, opening) if match and match["who"]), "")
    title = _TITLE.search(text)
    titled = ("M" if title["male"] else "F") if title else None
    owns = [sex for sex, organs in _OWN_ORGANS.items() if organs.search(text)]
    sex = _SEX.get(who) or titled or (owns[0] if len(owns) == 1 else None)
    return Patient(age=age if age is None or age <= 120 else None, sex=sex)


def youth_of(text: str) -> float | None:
    """The age in years below which the patient must be whom a note opens with as a child; None where it does not."""
    opening = _WHO.search(text)
    return _YOUNG.get(opening["who"].lower()) if opening else None


def _years(age: float) -> str:
    return f"{age:.0f}" if age >= 2 else f"{12 * age:.0f} months"
