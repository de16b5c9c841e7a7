"""The note: one patient told in one of three styles with varied wording.

A terse note gives symptoms only; a clinic note adds the examination and mostly the vital signs; a report note
has an indication and what an unsure reader made of the film. What a note says of a sign is one of four levels
(:data:`CUTS`); everything else in it (order, wording, abbreviations, distractors, negations) is drawn
independently of the patient's disease.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from multimodal.phantom.patient import Generator, PhantomPatient
from multimodal.phantom.signs import Source, keys_of
from multimodal.phantom.wording import (
    ABBREVIATIONS,
    ABSENT,
    CLOSINGS,
    DISTRACTORS,
    EXAM_OPENINGS,
    NORMAL_FILM,
    OPENINGS,
    PRESENT,
    UNREMARKABLE,
)

CUTS = (0.20, 0.45, 0.70)  # a reading below the first is told as absent, then as mild, moderate, severe
READING_NOISE = {Source.SYMPTOM: 0.10, Source.EXAM: 0.12, Source.FILM: 0.16}  # standard deviations, by source


class Style(StrEnum):
    """The kinds of note."""

    TERSE = "terse"
    CLINIC = "clinic"
    REPORT = "report"


STYLES = {Style.TERSE: 0.35, Style.CLINIC: 0.40, Style.REPORT: 0.25}
TOLD = {
    Style.TERSE: (Source.SYMPTOM,),
    Style.CLINIC: (Source.SYMPTOM, Source.EXAM),
    Style.REPORT: (Source.SYMPTOM, Source.FILM),
}


@dataclass(frozen=True)
class Told:
    """What a note says, before it is put into words.

    Attributes:
        style: The kind of note.
        levels: 0 (absent) .. 3 (severe) of every sign that this style speaks of, by key.
        vitals: Whether heart rate and breathing rate are given.
    """

    style: Style
    levels: Mapping[str, int]
    vitals: bool


def level(reading: float) -> int:
    """0 (absent) .. 3 (severe)."""
    return sum(reading >= cut for cut in CUTS)


def draw_told(signs: Mapping[str, float], rng: Generator) -> Told:
    """Draw the style and what is said of each of its signs, from the signs' strengths."""
    style = Style(rng.choice(list(STYLES), p=list(STYLES.values())))
    levels = {}
    for source in TOLD[style]:
        for key in keys_of([source]):
            levels[key] = level(signs[key] + READING_NOISE[source] * rng.standard_normal())
    return Told(style, levels, style is Style.CLINIC and bool(rng.random() < 0.75))


def _pick(rng: Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _sentences(told: Told, source: Source, rng: Generator, *, denials: int) -> list[str]:
    """What is said of one source: every sign present, and a few of the absent ones denied."""
    keys = [key for key in keys_of([source]) if key in told.levels]
    present = [_pick(rng, PRESENT[key][told.levels[key] - 1]) for key in keys if told.levels[key]]
    absent = [key for key in keys if not told.levels[key]]
    chosen = rng.permutation(len(absent))[:denials]
    rng.shuffle(present)
    return present + [_pick(rng, ABSENT[absent[i]]) for i in chosen if absent[i] in ABSENT]


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _prose(clauses: Sequence[str]) -> str:
    return " ".join(_capital(clause) + "." for clause in clauses)


def _who(patient: PhantomPatient, rng: Generator) -> str:
    man = patient.sex == "M"
    noun = ("boy" if man else "girl") if patient.age < 16 else ("man" if man else "woman")
    short = f"{patient.age}{'M' if man else 'F'}"
    return _pick(
        rng, (f"{patient.age}-year-old {noun}", f"{patient.age} year old {noun}", f"{patient.age} y/o {noun}", short)
    )


def _vitals(patient: PhantomPatient, rng: Generator) -> str:
    heart, breathing = patient.heart_rate, patient.breathing_rate
    return _pick(
        rng,
        (
            f"HR {heart}/min, RR {breathing}/min",
            f"pulse {heart}, respiratory rate {breathing}",
            f"heart rate {heart} bpm; breathing rate {breathing} per minute",
            f"P {heart} R {breathing}",
        ),
    )


def render_note(patient: PhantomPatient, told: Told, rng: Generator) -> str:
    """Put a note into words.

    Args:
        patient: The latent patient; only age, sex and the two rates are read.
        told: What is to be said.
        rng: Stream of the wording.
    """
    who = _who(patient, rng)
    history = _sentences(told, Source.SYMPTOM, rng, denials=int(rng.integers(0, 4)))
    if not any(told.levels[key] for key in keys_of([Source.SYMPTOM])):
        history.insert(0, _pick(rng, UNREMARKABLE))
    if rng.random() < 0.6:
        history.append(_pick(rng, DISTRACTORS))
    if told.style is Style.TERSE:
        text = f"{who}. " + "; ".join(history) + "."
    elif told.style is Style.CLINIC:
        text = _clinic(patient, told, who, history, rng)
    else:
        text = _report(told, who, history, rng)
    if rng.random() < 0.35:
        for long, short in ABBREVIATIONS:
            text = text.replace(long, short)
    return text + "\n"


def _clinic(patient: PhantomPatient, told: Told, who: str, history: list[str], rng: Generator) -> str:
    exam = _sentences(told, Source.EXAM, rng, denials=int(rng.integers(1, 5)))
    if told.vitals:
        exam.insert(0, _vitals(patient, rng))
    opening = _pick(rng, OPENINGS).format(who=who)
    closing = _pick(rng, CLOSINGS)
    if rng.random() < 0.5:
        return f"HISTORY: {opening} {_prose(history)}\nEXAMINATION: {_prose(exam)}\nPLAN: {closing}"
    return f"{opening} {_prose(history)}\n{_pick(rng, EXAM_OPENINGS)} {_prose(exam)}\n{closing}"


def _report(told: Told, who: str, history: list[str], rng: Generator) -> str:
    findings = _sentences(told, Source.FILM, rng, denials=int(rng.integers(2, 5)))
    seen = [key for key in keys_of([Source.FILM]) if told.levels[key]]
    impression = [_pick(rng, PRESENT[key][told.levels[key] - 1]) for key in seen] or [_pick(rng, NORMAL_FILM)]
    comparison = _pick(rng, ("None.", "No prior films.", "Prior film not available."))
    text = f"INDICATION: {who}, {'; '.join(history)}.\n"
    if rng.random() < 0.5:
        text += f"COMPARISON: {comparison}\n"
    return text + f"FINDINGS: {_prose(findings)}\nIMPRESSION: {_prose(impression)}"
