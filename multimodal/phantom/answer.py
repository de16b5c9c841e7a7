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

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np
from scipy.special import logsumexp
from scipy.stats import beta, norm

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
from multimodal.phantom.signs import SIGN, SIGNS, FloatArray, Source, false_density, keys_of, true_density

MEASURING_NOISE = {Source.FILM: 0.10, Source.HEART: 0.10, Source.LUNG: 0.10}
_SOURCES = {Modality.IMAGE: (Source.FILM,), Modality.AUDIO: (Source.HEART, Source.LUNG), Modality.TEXT: ()}

_STRENGTHS = (np.arange(100) + 0.5) / 100
_SEVERITIES = (np.arange(12) + 0.5) / 12


@dataclass(frozen=True)
class _Hypothesis:
    """Diseases and lesions, with their prior given age and sex; findings are summed over."""

    diseases: frozenset[str]
    lesions: frozenset[str]
    log_prior: float


@cache
def _hypotheses(band: int, sex: str) -> tuple[_Hypothesis, ...]:
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
    total = sum(weights.values())
    return tuple(
        _Hypothesis(diseases, lesions, float(np.log(weight / total * share)))
        for diseases, weight in weights.items()
        for lesions, share in (_lesion_sets() if VALVULAR in diseases else ((frozenset[str](), 1.0),))
    )


@cache
def _lesion_sets() -> tuple[tuple[frozenset[str], float], ...]:
    sets = [frozenset(c) for n in range(1, len(LESIONS) + 1) for c in combinations(LESIONS, n)]
    weights = [np.prod([p if lesion in s else 1 - p for lesion, p in LESIONS.items()]) for s in sets]
    return tuple((s, float(w / sum(weights))) for s, w in zip(sets, weights, strict=True))


def _strength_likelihoods(
    patient: PhantomPatient, signs: Mapping[str, float], told: Told, modalities: Collection[Modality]
) -> dict[str, tuple[float, FloatArray]]:
    """Per observed sign: likelihood of its readings at strength 0 and at each strength of the grid."""
    found: dict[str, tuple[float, FloatArray]] = {}
    points = np.concatenate(([0.0], _STRENGTHS))
    rng = stream(patient.seed, Stream.READER)
    errors = dict(zip(SIGN, rng.standard_normal(len(SIGN)), strict=True))
    measured = keys_of(source for m in modalities for source in _SOURCES[m])
    for key in SIGN:
        likelihood = np.ones_like(points)
        if key in measured:
            sd = MEASURING_NOISE[SIGN[key].source]
            likelihood *= norm.pdf(signs[key] + sd * errors[key], points, sd)
        if Modality.TEXT in modalities and key in told.levels:
            edges = (-np.inf, *CUTS, np.inf)
            low, high = edges[told.levels[key]], edges[told.levels[key] + 1]
            sd = READING_NOISE[SIGN[key].source]
            likelihood *= norm.cdf(high, points, sd) - norm.cdf(low, points, sd)
        if key in measured or (Modality.TEXT in modalities and key in told.levels):
            found[key] = (float(likelihood[0]), likelihood[1:])
    return found


@cache
def _densities(severity: float) -> tuple[FloatArray, FloatArray]:
    """Weights of the grid of strengths for a true sign and for a look-alike."""
    true, false = true_density(_STRENGTHS, severity), false_density(_STRENGTHS)
    return true / true.sum(), false / false.sum()


def _sign_terms(
    observed: Mapping[str, tuple[float, FloatArray]], severity: float
) -> Iterator[tuple[tuple[str, ...], float, float]]:
    """Per observed sign: its causes and its likelihood without and with one of them."""
    true, false = _densities(severity)
    for sign in SIGNS:
        if sign.key in observed:
            none, at = observed[sign.key]
            shows = sign.shows(severity)
            without = (1 - sign.false) * none + sign.false * float(false @ at)
            yield sign.causes, without, (1 - shows) * none + shows * float(true @ at)


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
    observed = _strength_likelihoods(patient, signs, told, modalities)
    rates = Modality.AUDIO in modalities or (Modality.TEXT in modalities and told.vitals)
    band = next(i for i, (first, end) in enumerate(BANDS) if first <= patient.age < end)
    logs: list[float] = []
    facts: list[dict[str, float]] = []
    weights = beta.pdf(_SEVERITIES, 2, 2)
    well = [(0.0, 1.0)]
    ill = list(zip(_SEVERITIES.tolist(), (weights / weights.sum()).tolist(), strict=True))
    terms = {s: list(_sign_terms(observed, s)) for s, _ in (*well, *ill)}
    for hypothesis in _hypotheses(band, patient.sex):
        held = hypothesis.diseases | hypothesis.lesions
        for severity, weight in ill if hypothesis.diseases else well:
            log = hypothesis.log_prior + np.log(weight)
            if rates:
                heart, breathing = mean_rates(patient.age, hypothesis.diseases, severity)
                log += norm.logpdf(patient.heart_rate, heart, HEART_SD)
                log += norm.logpdf(patient.breathing_rate, breathing, BREATHING_SD)
            fact = dict.fromkeys(held, 1.0)
            pairs = {f: [1.0, 1.0] for f in FINDINGS}
            for causes, without, given in terms[severity]:
                if causes[0] in pairs:
                    pairs[causes[0]][0] *= without if held.isdisjoint(causes) else given
                    pairs[causes[0]][1] *= given
                else:
                    log += np.log(without if held.isdisjoint(causes) else given)
            for finding, (absent, present) in pairs.items():
                p = finding_probability(finding, hypothesis.diseases, severity)
                evidence = (1 - p) * absent + p * present
                log += np.log(evidence)
                fact[finding] = p * present / evidence
            logs.append(float(log))
            facts.append(fact)
    posterior = np.exp(np.asarray(logs) - logsumexp(logs))
    return {label: float(posterior @ np.array([_holds(label, fact) for fact in facts])) for label in LABELS}


def _holds(label: str, fact: Mapping[str, float]) -> float:
    """Probability of a label given the independent probabilities of facts."""
    if label == NO_FINDING:
        return float(not fact.keys() & set(DISEASES))
    parts = COMPOUND.get(label, (label,))
    return 1 - float(np.prod([1 - fact.get(part, 0.0) for part in parts]))
