"""The best answer: a calibrated posterior, better with more modalities."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from multimodal.labels import LABELS, Modality
from multimodal.phantom import answer
from multimodal.phantom.note import CUTS, READING_NOISE, Style, Told, draw_told
from multimodal.phantom.patient import DISEASES, Stream, draw_patient, stream
from multimodal.phantom.signs import SIGN, Source, draw_signs

N = 120
SUBSETS = [frozenset(c) for n in range(4) for c in combinations(Modality, n)]


@cache
def answers(modalities: frozenset[Modality]) -> dict[str, np.ndarray]:
    rows = []
    for seed in range(N):
        patient = draw_patient(seed)
        signs = draw_signs(patient)
        told = draw_told(signs, stream(seed, Stream.DRAWING, Stream.NOTE))
        rows.append(answer.best_answer(patient, signs, told, modalities))
    return {label: np.array([row[label] for row in rows]) for label in LABELS}


@cache
def truth(label: str) -> np.ndarray:
    return np.array([draw_patient(seed).labels[label] for seed in range(N)])


@pytest.mark.parametrize("modalities", SUBSETS, ids=lambda s: "+".join(sorted(s)) or "prior")
def test_probabilities_add_up_to_the_cases(modalities: frozenset[Modality]) -> None:
    """A posterior's mean is the share of positives, within four standard errors."""
    for label, p in answers(modalities).items():
        assert p.min() >= 0
        assert p.max() <= 1 + 1e-9
        error = np.sqrt(np.mean(p * (1 - p)) / N)
        assert p.mean() == pytest.approx(truth(label).mean(), abs=4 * error + 0.005), label


@pytest.mark.parametrize("label", ["no_finding", *DISEASES])
def test_fusion_beats_each_modality(label: str) -> None:
    scores = {m: roc_auc_score(truth(label), answers(frozenset({m}))[label]) for m in Modality}
    fused = roc_auc_score(truth(label), answers(frozenset(Modality))[label])
    assert fused > max(scores.values())
    assert fused > 0.95
    assert all(score < 0.97 for score in scores.values())


def test_agrees_with_direct_sampling() -> None:
    """Of many patients whose note says no more than severe ankle swelling, as many fail as the answer says.

    The note tells one sign, so rejection sampling is possible.
    """
    told = Told(Style.TERSE, {"symptom.ankle_swelling": 3}, vitals=False)
    failing, expected = [], []
    for seed in range(4000):
        patient = draw_patient(seed)
        strength = draw_signs(patient)["symptom.ankle_swelling"]
        if strength + READING_NOISE[Source.SYMPTOM] * stream(seed, 99).standard_normal() >= CUTS[2]:
            failing.append(patient.labels["heart_failure"])
            expected.append(answer.best_answer(patient, {}, told, [Modality.TEXT])["heart_failure"])
    assert len(failing) > 50
    assert np.mean(failing) == pytest.approx(np.mean(expected), abs=4 * np.std(failing) / np.sqrt(len(failing)))


def test_film_and_a_note_that_restates_it_are_not_two_proofs() -> None:
    """Adding a report of the same film moves the answer less than a second, independent film would."""
    patient = draw_patient(2)
    signs = dict.fromkeys(SIGN, 0.0) | {"film.oedema": 0.6}
    film_only = Told(Style.REPORT, {}, vitals=False)
    report = Told(Style.REPORT, {"film.oedema": 2}, vitals=False)

    def log_odds(told: Told, modalities: list[Modality]) -> float:
        p = answer.best_answer(patient, signs, told, modalities)["heart_failure"]
        return float(np.log(p / (1 - p)))

    prior, film = log_odds(film_only, []), log_odds(film_only, [Modality.IMAGE])
    text, both = log_odds(report, [Modality.TEXT]), log_odds(report, [Modality.IMAGE, Modality.TEXT])
    assert both - film < 0.5 * (text - prior)
