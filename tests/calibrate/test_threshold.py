from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import expit, logit

from multimodal.calibrate import choose_threshold, fit_label
from tests.calibrate.samples import drawn, rows

few = settings(max_examples=30, deadline=None)


@few
@given(rows())
def test_is_within_one_error_of_the_best_youden(given_rows: tuple[np.ndarray, np.ndarray]) -> None:
    scores, targets = given_rows
    positive, negative = scores[targets == 1], scores[targets == 0]

    def youden(threshold: float) -> tuple[float, float]:
        sens, spec = (positive >= threshold).mean(), (negative < threshold).mean()
        return sens + spec, sens * (1 - sens) / len(positive) + spec * (1 - spec) / len(negative)

    values = np.unique(scores)
    candidates = np.r_[0.0, (values[1:] + values[:-1]) / 2]
    best = max(youden(c)[0] for c in candidates)
    errors = max(youden(c)[1] for c in candidates if youden(c)[0] >= best - 1e-9)
    chosen = choose_threshold(scores, targets)
    assert youden(chosen)[0] >= best - np.sqrt(errors) - 1e-9
    assert abs(chosen) <= min(abs(c) for c in candidates if youden(c)[0] >= best - 1e-9)


def test_is_near_0_for_calibrated_scores() -> None:
    logits, targets = drawn(2_000, 0.2)
    assert fit_label(3 * logits + 5, targets).threshold == pytest.approx(0, abs=0.1)


def test_is_inside_the_gap() -> None:
    assert choose_threshold([-4, -3, -2, -1], [0, 0, 1, 1]) == -2.5
    assert choose_threshold([-4, -3, 2, 3], [0, 0, 1, 1]) == 0


def test_weights_count() -> None:
    scores, targets = np.array([-3.0, 1.0, 2.0, 3.0, 4.0, 5.0] * 50), np.array([0, 0, 1, 0, 1, 1] * 50)
    for heavy, expected in ((1, 1.5), (3, 3.5)):
        weights = np.where((scores == heavy) & (targets == 0), 1e6, 1)
        assert choose_threshold(scores, targets, weights) == expected


def test_transfers_to_another_prevalence() -> None:
    logits, targets = drawn(4_000, 0.5)
    fresh, truth = drawn(40_000, 0.05, seed=2)
    calibration = fit_label(logits, targets)
    for prevalence in (0.05, 0.5):
        threshold = expit(logit(prevalence) + calibration.threshold)
        called = calibration.probability(fresh, prevalence) >= threshold
        assert called[truth == 1].mean() == pytest.approx(expit(0) + 0.341, abs=0.03)
        assert called[truth == 0].mean() == pytest.approx(0.159, abs=0.03)
        assert called.tolist() == (calibration.evidence(fresh) >= calibration.threshold).tolist()
