"""What of a patient shows: the signs of each source and how strongly they are drawn.

A sign whose cause is true of the patient shows with a probability that rises from ``mild`` to ``severe``
with severity; if it shows, its strength is Beta distributed and grows with severity. A sign without its
cause appears faintly with probability ``false``. A sign that doesn't show has strength 0. So every
source alone is imperfect: early disease shows nothing on some films, some sounds are faint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from multimodal.phantom.patient import (
    FAILURE,
    OBSTRUCTIVE,
    PNEUMONIA,
    VALVULAR,
    PhantomPatient,
    Stream,
    stream,
)

FloatArray = npt.NDArray[np.float64]
Number = TypeVar("Number", float, FloatArray)


class Source(StrEnum):
    """The four renderings of a patient; symptoms and examination are both told by the note."""

    FILM = "film"
    HEART = "heart"
    LUNG = "lung"
    SYMPTOM = "symptom"
    EXAM = "exam"


@dataclass(frozen=True)
class Sign:
    """One row of the table.

    Attributes:
        source: Where it shows.
        name: What shows.
        causes: Facts of a patient, any of which brings it about.
        mild: Probability that it shows at severity 0.
        severe: The same at severity 1.
        false: Probability of a faint look-alike without a cause.
    """

    source: Source
    name: str
    causes: tuple[str, ...]
    mild: float
    severe: float
    false: float = 0.0

    @property
    def key(self) -> str:
        """Unique name, such as "film.oedema"."""
        return f"{self.source}.{self.name}"

    def shows(self, severity: Number) -> Number:
        """Probability that the sign shows where its cause holds, at one severity or at an array of them."""
        return self.mild + (self.severe - self.mild) * severity


def _signs(source: Source, *rows: tuple[str, str, float, float, float]) -> tuple[Sign, ...]:
    return tuple(Sign(source, name, tuple(causes.split()), *numbers) for name, causes, *numbers in rows)


SIGNS = (
    *_signs(
        Source.FILM,
        ("consolidation", PNEUMONIA, 0.45, 0.95, 0.06),
        ("hyperinflation", OBSTRUCTIVE, 0.35, 0.90, 0.08),
        ("oedema", FAILURE, 0.35, 0.95, 0.05),
        ("effusion", "pleural_effusion", 0.55, 0.97, 0.04),
        ("large_heart", "cardiomegaly", 0.60, 0.97, 0.06),
        ("atelectasis", "atelectasis", 0.55, 0.92, 0.05),
    ),
    *_signs(
        Source.HEART,
        ("aortic_stenosis", "aortic_stenosis", 0.55, 0.90, 0),
        ("aortic_regurgitation", "aortic_regurgitation", 0.50, 0.90, 0),
        ("mitral_stenosis", "mitral_stenosis", 0.50, 0.90, 0),
        ("mitral_regurgitation", "mitral_regurgitation", 0.55, 0.90, 0),
        ("flow_murmur", "flow_murmur", 0.60, 0.85, 0),
        ("gallop", FAILURE, 0.15, 0.70, 0.03),
    ),
    *_signs(
        Source.LUNG,
        ("fine_crackles", "fine_crackles", 0.55, 0.90, 0),
        ("coarse_crackles", "coarse_crackles", 0.55, 0.90, 0),
        ("wheezes", "wheezes", 0.50, 0.90, 0),
        ("bronchial_breathing", PNEUMONIA, 0.25, 0.75, 0.05),
        ("long_expiration", OBSTRUCTIVE, 0.40, 0.85, 0.07),
        ("faint_breathing", "pleural_effusion", 0.40, 0.80, 0.06),
    ),
    *_signs(
        Source.SYMPTOM,
        ("fever", PNEUMONIA, 0.35, 0.75, 0.10),
        ("productive_cough", f"{PNEUMONIA} {OBSTRUCTIVE}", 0.30, 0.60, 0.14),
        ("breathlessness", f"{PNEUMONIA} {OBSTRUCTIVE} {FAILURE} {VALVULAR}", 0.35, 0.80, 0.16),
        ("smoker_or_atopy", OBSTRUCTIVE, 0.40, 0.65, 0.19),
        ("inhaler", OBSTRUCTIVE, 0.30, 0.70, 0.08),
        ("orthopnoea", FAILURE, 0.30, 0.75, 0.07),
        ("ankle_swelling", FAILURE, 0.30, 0.70, 0.11),
        ("palpitations", VALVULAR, 0.25, 0.55, 0.12),
        ("faints_on_effort", "aortic_stenosis", 0.20, 0.60, 0.07),
        ("rheumatic_fever", "mitral_stenosis", 0.30, 0.45, 0.06),
        ("pleuritic_pain", f"pleural_effusion {PNEUMONIA}", 0.20, 0.45, 0.09),
    ),
    *_signs(
        Source.EXAM,
        ("fine_crackles", "fine_crackles", 0.40, 0.80, 0.04),
        ("coarse_crackles", "coarse_crackles", 0.40, 0.80, 0.04),
        ("wheezes", "wheezes", 0.40, 0.80, 0.04),
        ("dull_base", "pleural_effusion", 0.30, 0.75, 0.05),
        ("displaced_apex", "cardiomegaly", 0.25, 0.70, 0.06),
        ("reduced_expansion", "atelectasis", 0.20, 0.60, 0.06),
        ("raised_neck_veins", FAILURE, 0.25, 0.75, 0.05),
        ("aortic_stenosis", "aortic_stenosis", 0.35, 0.80, 0.03),
        ("aortic_regurgitation", "aortic_regurgitation", 0.25, 0.75, 0.03),
        ("mitral_stenosis", "mitral_stenosis", 0.25, 0.75, 0.03),
        ("mitral_regurgitation", "mitral_regurgitation", 0.35, 0.80, 0.03),
        ("flow_murmur", "flow_murmur", 0.40, 0.70, 0.03),
    ),
)
SIGN = {sign.key: sign for sign in SIGNS}

_STREAMS = {
    Source.FILM: Stream.FILM,
    Source.HEART: Stream.HEART,
    Source.LUNG: Stream.LUNG,
    Source.SYMPTOM: Stream.NOTE,
    Source.EXAM: Stream.NOTE,
}
_FALSE_SHAPE = (2.0, 6.0)


def _shape(severity: float) -> tuple[float, float]:
    """Beta parameters of a true sign's strength: the mean rises from 0.3 to 0.8."""
    mean = 0.3 + 0.5 * severity
    return 8 * mean, 8 * (1 - mean)


def true_density(strengths: FloatArray, severity: float) -> FloatArray:
    """Density of the strength of a sign that shows because its cause holds."""
    return np.asarray(beta.pdf(strengths, *_shape(severity)))


def false_density(strengths: FloatArray) -> FloatArray:
    """Density of the strength of a look-alike."""
    return np.asarray(beta.pdf(strengths, *_FALSE_SHAPE))


def draw_signs(patient: PhantomPatient) -> dict[str, float]:
    """Strength 0..1 of every sign of a patient, by key; 0 where it doesn't show."""
    rngs = {source: stream(patient.seed, _STREAMS[source], i) for i, source in enumerate(Source)}
    strengths = {}
    for sign in SIGNS:
        rng = rngs[sign.source]
        chance, true, false = rng.random(), rng.beta(*_shape(patient.severity)), rng.beta(*_FALSE_SHAPE)
        if patient.facts.isdisjoint(sign.causes):
            strengths[sign.key] = float(false) if chance < sign.false else 0.0
        else:
            strengths[sign.key] = float(true) if chance < sign.shows(patient.severity) else 0.0
    return strengths


def of_source(signs: Mapping[str, float], source: Source) -> dict[str, float]:
    """The signs of one source, by their bare names."""
    return {SIGN[key].name: strength for key, strength in signs.items() if SIGN[key].source is source}


def keys_of(sources: Iterable[Source]) -> list[str]:
    """Keys of the signs of some sources."""
    wanted = set(sources)
    return [sign.key for sign in SIGNS if sign.source in wanted]
