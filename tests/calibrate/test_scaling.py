from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from multimodal.calibrate import fit_label, fit_platt
from multimodal.metrics import expected_calibration_error
from tests.calibrate.samples import drawn, rows

few = settings(max_examples=30, deadline=None)


def test_finds_the_true_posterior() -> None:
    logits, targets = drawn(20_000, 0.3)
    scale, bias = fit_platt(5 * logits + 7, targets)
    assert scale == pytest.approx(2 / 5, rel=0.05)
    assert bias + 7 * scale == pytest.approx(float(logit(0.3)), abs=0.05)


def test_agrees_with_logistic_regression_where_smoothing_is_nothing() -> None:
    logits, targets = drawn(5_000, 0.4)
    weights = np.random.default_rng(1).uniform(0.5, 2, 5_000)
    reference = LogisticRegression(C=np.inf).fit(logits[:, None], targets, sample_weight=weights)
    scale, bias = fit_platt(logits, targets, weights)
    assert scale == pytest.approx(float(reference.coef_[0, 0]), rel=0.01)
    assert bias == pytest.approx(float(reference.intercept_[0]), abs=0.01)


def test_calibrates() -> None:
    logits, targets = drawn(4_000, 0.3)
    fresh, truth = drawn(4_000, 0.3, seed=1)
    calibration = fit_label(9 * logits - 3, targets)
    raw = expected_calibration_error(expit(9 * fresh - 3), truth)
    assert raw > 0.1
    assert expected_calibration_error(calibration.probability(9 * fresh - 3), truth) < 0.03


@few
@given(rows(), st.floats(0.1, 20), st.floats(-30, 30))
def test_forgets_the_scale_of_the_logits(
    given_rows: tuple[np.ndarray, np.ndarray], stretch: float, shift: float
) -> None:
    logits, targets = given_rows
    plain, moved = fit_platt(logits, targets), fit_platt(stretch * logits + shift, targets)
    np.testing.assert_allclose(
        expit(plain[0] * logits + plain[1]), expit(moved[0] * (stretch * logits + shift) + moved[1]), atol=1e-3
    )


def test_perfect_separation_stays_finite() -> None:
    scale, bias = fit_platt([-1.0, -1.0, 1.0, 1.0], [0, 0, 1, 1])
    assert expit(scale + bias) == pytest.approx(3 / 4, abs=1e-4)


def test_never_turns_the_order_round() -> None:
    logits, targets = drawn(400, 0.3)
    scale, bias = fit_platt(-logits, targets)
    assert scale == 0
    assert expit(bias) == pytest.approx(targets.mean(), abs=0.01)
