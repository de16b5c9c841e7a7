"""The latent patient: what is wrong, how badly, and the truth of every label.

The generative model is two tables, read from top to bottom: a condition is drawn, then who gets it
(:data:`AGES`, :data:`MALE`), then its severity ``s ~ Beta(2, 2)``, then companions
(:data:`COMORBIDITY`, :data:`LESIONS`), then each finding independently by :data:`FINDINGS`.
What of it can be seen, heard or read is the business of :mod:`multimodal.phantom.signs`.
All figures are chosen for plausible, imperfect test data; they are not estimates of any population.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from multimodal.errors import UsageError
from multimodal.labels import LABELS, NO_FINDING

Generator = np.random.Generator

PNEUMONIA, OBSTRUCTIVE, FAILURE, VALVULAR = (
    "pneumonia",
    "obstructive_airway_disease",
    "heart_failure",
    "valvular_heart_disease",
)
DISEASES = (PNEUMONIA, OBSTRUCTIVE, FAILURE, VALVULAR)

# The share of each condition among phantoms: even enough to test every branch, unlike a clinic's.
PRIOR = {NO_FINDING: 0.30, PNEUMONIA: 0.20, OBSTRUCTIVE: 0.18, FAILURE: 0.16, VALVULAR: 0.16}
# A patient who is ill has each further disease with this probability.
COMORBIDITY = 0.06

# Age bands in years (first, last + 1) and the share of each condition's patients in them.
BANDS = ((1, 6), (6, 16), (16, 45), (45, 65), (65, 91))
AGES = {
    NO_FINDING: (0.12, 0.10, 0.38, 0.24, 0.16),
    PNEUMONIA: (0.25, 0.10, 0.15, 0.20, 0.30),
    OBSTRUCTIVE: (0.04, 0.10, 0.16, 0.32, 0.38),
    FAILURE: (0.01, 0.01, 0.08, 0.30, 0.60),
    VALVULAR: (0.02, 0.04, 0.18, 0.30, 0.46),
}
MALE = {NO_FINDING: 0.48, PNEUMONIA: 0.52, OBSTRUCTIVE: 0.60, FAILURE: 0.55, VALVULAR: 0.50}

# Valve lesions: a patient with valvular heart disease has at least one, else none.
LESIONS = {
    "aortic_stenosis": 0.34,
    "aortic_regurgitation": 0.24,
    "mitral_stenosis": 0.20,
    "mitral_regurgitation": 0.34,
}

# P(finding | disease) at severity 0.5; it scales with 0.5 + severity, and diseases combine as a noisy OR.
FINDINGS = {
    #                    pneumonia, obstructive, failure, valvular
    "pleural_effusion": (0.22, 0.02, 0.45, 0.04),
    "cardiomegaly": (0.02, 0.03, 0.60, 0.40),
    "atelectasis": (0.20, 0.14, 0.10, 0.02),
    "wheezes": (0.08, 0.62, 0.08, 0.01),
    "fine_crackles": (0.20, 0.03, 0.60, 0.04),
    "coarse_crackles": (0.58, 0.28, 0.10, 0.01),
    "flow_murmur": (0.06, 0.02, 0.10, 0.00),
}
# Labels that hold where any of these findings does; every other label is a fact of its own name.
COMPOUND = {
    "crackles": ("fine_crackles", "coarse_crackles"),
    "murmur": (*LESIONS, "flow_murmur"),
}

# Rise of heart rate (beats/min) and breathing rate (breaths/min) with each disease at severity 1.
HEART_RISE = {PNEUMONIA: 18.0, OBSTRUCTIVE: 10.0, FAILURE: 18.0, VALVULAR: 6.0}
BREATHING_RISE = {PNEUMONIA: 6.0, OBSTRUCTIVE: 5.0, FAILURE: 6.0, VALVULAR: 1.0}
HEART_SD, BREATHING_SD = 11.0, 3.0


class Stream(IntEnum):
    """Independent random streams of one phantom: a change in one leaves the others as they were."""

    PATIENT = 0
    FILM = 1
    HEART = 2
    LUNG = 3
    NOTE = 4
    READER = 5
    DRAWING = 10


def stream(seed: int, *path: int) -> Generator:
    """The generator of one stream of one phantom."""
    return np.random.default_rng([seed, *path])


@dataclass(frozen=True)
class PhantomPatient:
    """One latent patient.

    Attributes:
        seed: The seed that made it; every rendering follows from it.
        condition: Main condition, or "no_finding".
        severity: 0..1; 0 without a disease.
        age: Years.
        sex: "F" or "M".
        heart_rate: Beats per minute.
        breathing_rate: Breaths per minute.
        facts: Diseases, lesions and findings that are true of the patient.
    """

    seed: int
    condition: str
    severity: float
    age: int
    sex: str
    heart_rate: int
    breathing_rate: int
    facts: frozenset[str]

    @property
    def labels(self) -> dict[str, int]:
        """The truth of every label in the vocabulary."""
        return {label: int(self._holds(label)) for label in LABELS}

    def _holds(self, label: str) -> bool:
        if label == NO_FINDING:
            return not self.facts
        return not self.facts.isdisjoint(COMPOUND.get(label, (label,)))


def finding_probability(finding: str, diseases: frozenset[str], severity: float) -> float:
    """P(finding | diseases, severity)."""
    spared = 1.0
    for disease, p in zip(DISEASES, FINDINGS[finding], strict=True):
        if disease in diseases:
            spared *= 1 - min(0.97, p * (0.5 + severity))
    return 1 - spared


def resting_rates(age: float) -> tuple[float, float]:
    """Mean heart rate and breathing rate of a well person (Fleming et al., Lancet 2011, centile charts, smoothed)."""
    return 72 + 48 * float(np.exp(-age / 5.5)), 15 + 19 * float(np.exp(-age / 5.0))


def mean_rates(age: float, diseases: frozenset[str], severity: float) -> tuple[float, float]:
    """Mean heart rate and breathing rate of a patient."""
    heart, breathing = resting_rates(age)
    heart += severity * max((HEART_RISE[d] for d in diseases), default=0.0)
    breathing += severity * max((BREATHING_RISE[d] for d in diseases), default=0.0)
    return heart, breathing


def draw_patient(seed: int, condition: str | None = None) -> PhantomPatient:
    """Draw the patient of a seed; seeds 0, 1, 2 ... are a cohort.

    Args:
        seed: Non-negative.
        condition: Main condition; None draws it from :data:`PRIOR`.

    Raises:
        UsageError: If the seed is negative or the condition is none of the five.
    """
    if seed < 0:
        raise UsageError(f"Expected argument `seed` to be 0 or more, but got {seed}.")
    if condition is not None and condition not in PRIOR:
        raise UsageError(f"Expected argument `condition` to be one of {', '.join(PRIOR)}, but got {condition}.")
    rng = stream(seed, Stream.PATIENT)
    drawn = str(rng.choice(list(PRIOR), p=list(PRIOR.values())))
    condition = condition or drawn
    first, end = BANDS[rng.choice(len(BANDS), p=AGES[condition])]
    age = int(rng.integers(first, end))
    sex = "M" if rng.random() < MALE[condition] else "F"
    severity, diseases = 0.0, frozenset[str]()
    if condition != NO_FINDING:
        severity = float(rng.beta(2, 2))
        diseases = frozenset(d for d in DISEASES if d == condition or rng.random() < COMORBIDITY)
    facts = set(diseases)
    facts |= {f for f in FINDINGS if rng.random() < finding_probability(f, diseases, severity)}
    lesions: set[str] = set()
    while VALVULAR in diseases and not lesions:
        lesions = {lesion for lesion, p in LESIONS.items() if rng.random() < p}
    heart, breathing = mean_rates(age, diseases, severity)
    return PhantomPatient(
        seed=seed,
        condition=condition,
        severity=severity,
        age=age,
        sex=sex,
        heart_rate=int(np.clip(round(rng.normal(heart, HEART_SD)), 45, 180)),
        breathing_rate=int(np.clip(round(rng.normal(breathing, BREATHING_SD)), 8, 60)),
        facts=frozenset(facts | lesions),
    )
