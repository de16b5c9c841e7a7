"""The best answer that the generator allows.

An ideal reader knows the generative model of :mod:`~multimodal.phantom.patient` and
:mod:`~multimodal.phantom.signs` and, of one phantom, observes

- the film, the heart and the lung sound: the strength of every sign that was drawn, each with an independent
  Gaussian error of :data:`MEASURING_NOISE`, and the two rates from the sounds exactly;
- the note: exactly what it says (the level of every sign told, the rates if given);
- the patient's age and sex, always.

The answer is the exact Bayes posterior of every label given what the chosen modalities show, by summing over the
main condition, companions, valve lesions, findings and sign strengths (a grid of 100) and over severity (a grid
of 12). Where a note restates the film, film and note are two readings of one strength, not two pieces of
evidence. Chance correlations that an observer could use beyond this (such as the pitch of a sound) do
not depend on disease, so no reader of pixels and samples with those errors does better on average.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np
from scipy.special import logsumexp, ndtr
from scipy.stats import beta

from multimodal.labels import LABELS, NO_FINDING, Modality
from multimodal.phantom.note import CUTS, READING_NOISE, Told
from multimodal.phantom.patient import (
    AGES,
    BANDS,
    BREATHING_SD,
    COMORBIDITY,
    COMPOUND,
    DISEASES,
    FINDINGS,
    HEART_SD,
    LESIONS,
    MALE,
    PRIOR,
    VALVULAR,
    PhantomPatient,
    Stream,
    finding_probability,
    mean_rates,
    stream,
)
from multimodal.phantom.signs import SIGN, FloatArray, Source, false_density, keys_of, true_density

MEASURING_NOISE = {Source.FILM: 0.12, Source.HEART: 0.15, Source.LUNG: 0.15}
_SOURCES = {Modality.IMAGE: (Source.FILM,), Modality.AUDIO: (Source.HEART, Source.LUNG), Modality.TEXT: ()}

_POINTS = np.concatenate(([0.0], (np.arange(100) + 0.5) / 100))  # strength: none, then the grid
_SEVERITIES = np.concatenate(([0.0], (np.arange(12) + 0.5) / 12))  # well, then the grid


@dataclass(frozen=True)
class _Hypotheses:
    """What could be true: H sets of diseases and lesions, each at S severities.

    Attributes:
        facts: (H, number of facts) float 0 or 1, columns by :data:`_FACTS`.
        findings: (F, H, S) prior probability of each finding.
        severities: (H, S) weight of each severity: a well patient has the first only.
        diseases: The diseases of each hypothesis.
        share: (H,) prior of the lesions given the diseases.
    """

    facts: FloatArray
    findings: FloatArray
    severities: FloatArray
    diseases: tuple[frozenset[str], ...]
    share: FloatArray


_FACTS = (*DISEASES, *LESIONS)


def _lesion_sets() -> list[tuple[frozenset[str], float]]:
    sets = [frozenset(c) for n in range(1, len(LESIONS) + 1) for c in combinations(LESIONS, n)]
    weights = [np.prod([p if lesion in s else 1 - p for lesion, p in LESIONS.items()]) for s in sets]
    return [(s, float(w / sum(weights))) for s, w in zip(sets, weights, strict=True)]


@cache
def _hypotheses() -> _Hypotheses:
    rows: list[tuple[frozenset[str], frozenset[str], float]] = []
    for n in range(len(DISEASES) + 1):
        for chosen in combinations(DISEASES, n):
            lesions = _lesion_sets() if VALVULAR in chosen else [(frozenset[str](), 1.0)]
            rows += [(frozenset(chosen), held, share) for held, share in lesions]
    diseases = tuple(row[0] for row in rows)
    prior = beta.pdf(_SEVERITIES[1:], 2, 2)
    ill, well = np.concatenate(([0.0], prior / prior.sum())), np.eye(len(_SEVERITIES))[0]
    return _Hypotheses(
        facts=np.array([[float(fact in row[0] | row[1]) for fact in _FACTS] for row in rows]),
        findings=np.array([[[finding_probability(f, d, s) for s in _SEVERITIES] for d in diseases] for f in FINDINGS]),
        severities=np.array([ill if d else well for d in diseases]),
        diseases=diseases,
        share=np.array([row[2] for row in rows]),
    )


@cache
def _prior(band: int, sex: str) -> FloatArray:
    """(H,) prior of the hypotheses given age band and sex, up to a factor."""
    weights: dict[frozenset[str], float] = {}
    for condition, prior in PRIOR.items():
        who = prior * AGES[condition][band] * (MALE[condition] if sex == "M" else 1 - MALE[condition])
        if condition == NO_FINDING:
            weights[frozenset()] = who
            continue
        others = [d for d in DISEASES if d != condition]
        for has in product((False, True), repeat=len(others)):
            diseases = frozenset({condition, *(d for d, h in zip(others, has, strict=True) if h)})
            chance = float(np.prod([COMORBIDITY if h else 1 - COMORBIDITY for h in has]))
            weights[diseases] = weights.get(diseases, 0.0) + who * chance
    known = _hypotheses()
    return known.share * np.asarray([weights[d] for d in known.diseases], np.float64)


def _log_normal(x: float, mean: FloatArray, sd: float) -> FloatArray:
    """Log-density of a Gaussian up to a constant."""
    return -0.5 * ((x - mean) / sd) ** 2


def _readings(
    patient: PhantomPatient, signs: Mapping[str, float], told: Told, modalities: Collection[Modality]
) -> dict[str, FloatArray]:
    """Per observed sign: (1 + 100,) likelihood of its readings at strength 0 and at each strength of the grid."""
    errors = dict(zip(SIGN, stream(patient.seed, Stream.READER).standard_normal(len(SIGN)), strict=True))
    found: dict[str, FloatArray] = {}
    for key in keys_of(source for m in modalities for source in _SOURCES[m]):
        sd = MEASURING_NOISE[SIGN[key].source]
        found[key] = np.exp(_log_normal(signs[key] + sd * errors[key], _POINTS, sd))
    if Modality.TEXT in modalities:
        edges = (-np.inf, *CUTS, np.inf)
        for key, level in told.levels.items():
            sd = READING_NOISE[SIGN[key].source]
            said = ndtr((edges[level + 1] - _POINTS) / sd) - ndtr((edges[level] - _POINTS) / sd)
            found[key] = found.get(key, 1.0) * said
    return found


@cache
def _weights() -> tuple[FloatArray, FloatArray]:
    """(S, 100) and (100,) weights of the grid of strengths for true signs and for look-alikes."""
    true = np.array([true_density(_POINTS[1:], s) for s in _SEVERITIES])
    false = false_density(_POINTS[1:])
    return true / true.sum(axis=1, keepdims=True), false / false.sum()


def _rates(patient: PhantomPatient) -> FloatArray:
    """(H, S) log-likelihood of the two rates."""
    known = _hypotheses().diseases
    table = {d: [mean_rates(patient.age, d, s) for s in _SEVERITIES] for d in set(known)}
    means = np.array([table[d] for d in known])
    heart = _log_normal(patient.heart_rate, means[..., 0], HEART_SD)
    return heart + _log_normal(patient.breathing_rate, means[..., 1], BREATHING_SD)


def best_answer(
    patient: PhantomPatient, signs: Mapping[str, float], told: Told, modalities: Collection[Modality] = tuple(Modality)
) -> dict[str, float]:
    """Probability of every label, given what the chosen modalities show.

    Args:
        patient: The latent patient; only what can be observed of it is used (age, sex, rates).
        signs: Strength of every sign drawn.
        told: What the note says.
        modalities: What the reader is given; none gives the prior for age and sex.
    """
    known, (true, false) = _hypotheses(), _weights()
    band = next(i for i, (first, end) in enumerate(BANDS) if first <= patient.age < end)
    with np.errstate(divide="ignore"):
        log = np.log(_prior(band, patient.sex)[:, None] * known.severities)  # (H, S)
    if Modality.AUDIO in modalities or (Modality.TEXT in modalities and told.vitals):
        log = log + _rates(patient)
    # (H, S) likelihood of all signs of a finding, without and with it
    pairs = {finding: [np.ones_like(log), np.ones_like(log)] for finding in FINDINGS}
    for key, reading in _readings(patient, signs, told, modalities).items():
        sign = SIGN[key]
        shows = sign.shows(_SEVERITIES)
        given = (1 - shows) * reading[0] + shows * (true @ reading[1:])  # (S,)
        without = (1 - sign.false) * reading[0] + sign.false * float(false @ reading[1:])
        caused = known.facts[:, [fact in sign.causes for fact in _FACTS]].sum(axis=1, keepdims=True) > 0
        likelihood = np.where(caused, given, without)
        own = [cause for cause in sign.causes if cause in pairs]
        if own:
            pairs[own[0]][0] *= likelihood
            pairs[own[0]][1] *= given
        else:
            log = log + np.log(likelihood)
    present = {}
    for finding, prior in zip(FINDINGS, known.findings, strict=True):
        absent, held = pairs[finding]
        evidence = (1 - prior) * absent + prior * held
        log = log + np.log(evidence)
        present[finding] = prior * held / evidence
    posterior = np.exp(log - logsumexp(log))
    return {label: float((posterior * _holds(label, present)).sum()) for label in LABELS}


def _holds(label: str, findings: Mapping[str, FloatArray]) -> FloatArray:
    """(H, S) probability of a label, given the posterior of each finding."""
    known = _hypotheses()
    fact = {name: known.facts[:, [i]] for i, name in enumerate(_FACTS)} | dict(findings)
    if label == NO_FINDING:
        return np.asarray(1 - known.facts.max(axis=1, keepdims=True))
    absent = [1 - fact[part] for part in COMPOUND.get(label, (label,))]
    return 1 - np.asarray(np.prod(np.broadcast_arrays(*absent), axis=0))
