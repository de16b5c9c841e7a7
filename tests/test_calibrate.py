from __future__ import annotations

import doctest
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from multimodal import calibrate
from multimodal.calibrate import Conformal, LabelCalibration, choose_threshold, fit_conformal, fit_label, fit_platt
from multimodal.errors import BundleInvalidError, UsageError
from multimodal.metrics import expected_calibration_error

few = settings(max_examples=30, deadline=None)


def drawn(n: int, prevalence: float, seed: int = 0, separation: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Two normals of unit variance: the true evidence is ``separation * x``."""
    rng = np.random.default_rng(seed)
    targets = (rng.uniform(size=n) < prevalence).astype(float)
    return rng.normal((targets - 0.5) * separation, 1.0), targets


@st.composite
def rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 60))
    scores = np.array(draw(st.lists(st.integers(-12, 12), min_size=n, max_size=n))) / 4
    targets = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    assume(0 < targets.sum() < n)
    return scores, targets


def test_docstring_examples_print_what_they_say() -> None:
    result = doctest.testmod(calibrate)
    assert result.attempted > 0
    assert result.failed == 0


class TestPlatt:
    def test_finds_the_true_posterior(self) -> None:
        logits, targets = drawn(20_000, 0.3)
        scale, bias = fit_platt(5 * logits + 7, targets)
        assert scale == pytest.approx(2 / 5, rel=0.05)
        assert bias + 7 * scale == pytest.approx(float(logit(0.3)), abs=0.05)

    def test_agrees_with_logistic_regression_where_smoothing_is_nothing(self) -> None:
        logits, targets = drawn(5_000, 0.4)
        weights = np.random.default_rng(1).uniform(0.5, 2, 5_000)
        reference = LogisticRegression(C=np.inf).fit(logits[:, None], targets, sample_weight=weights)
        scale, bias = fit_platt(logits, targets, weights)
        assert scale == pytest.approx(float(reference.coef_[0, 0]), rel=0.01)
        assert bias == pytest.approx(float(reference.intercept_[0]), abs=0.01)

    def test_calibrates(self) -> None:
        logits, targets = drawn(4_000, 0.3)
        fresh, truth = drawn(4_000, 0.3, seed=1)
        calibration = fit_label(9 * logits - 3, targets)
        raw = expected_calibration_error(expit(9 * fresh - 3), truth)
        assert raw > 0.1
        assert expected_calibration_error(calibration.probability(9 * fresh - 3), truth) < 0.03

    @few
    @given(rows(), st.floats(0.1, 20), st.floats(-30, 30))
    def test_forgets_the_scale_of_the_logits(
        self, given_rows: tuple[np.ndarray, np.ndarray], stretch: float, shift: float
    ) -> None:
        logits, targets = given_rows
        plain, moved = fit_platt(logits, targets), fit_platt(stretch * logits + shift, targets)
        np.testing.assert_allclose(
            expit(plain[0] * logits + plain[1]), expit(moved[0] * (stretch * logits + shift) + moved[1]), atol=1e-3
        )

    def test_perfect_separation_stays_finite(self) -> None:
        scale, bias = fit_platt([-1.0, -1.0, 1.0, 1.0], [0, 0, 1, 1])
        assert expit(scale + bias) == pytest.approx(3 / 4, abs=1e-4)

    def test_never_turns_the_order_round(self) -> None:
        logits, targets = drawn(400, 0.3)
        scale, bias = fit_platt(-logits, targets)
        assert scale == 0
        assert expit(bias) == pytest.approx(targets.mean(), abs=0.01)


class TestThreshold:
    @few
    @given(rows())
    def test_is_within_one_error_of_the_best_youden(self, given_rows: tuple[np.ndarray, np.ndarray]) -> None:
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

    def test_is_near_0_for_calibrated_scores(self) -> None:
        logits, targets = drawn(2_000, 0.2)
        assert fit_label(3 * logits + 5, targets).threshold == pytest.approx(0, abs=0.1)

    def test_is_inside_the_gap(self) -> None:
        assert choose_threshold([-4, -3, -2, -1], [0, 0, 1, 1]) == -2.5
        assert choose_threshold([-4, -3, 2, 3], [0, 0, 1, 1]) == 0

    def test_weights_count(self) -> None:
        scores, targets = np.array([-3.0, 1.0, 2.0, 3.0, 4.0, 5.0] * 50), np.array([0, 0, 1, 0, 1, 1] * 50)
        for heavy, expected in ((1, 1.5), (3, 3.5)):
            weights = np.where((scores == heavy) & (targets == 0), 1e6, 1)
            assert choose_threshold(scores, targets, weights) == expected

    def test_transfers_to_another_prevalence(self) -> None:
        logits, targets = drawn(4_000, 0.5)
        fresh, truth = drawn(40_000, 0.05, seed=2)
        calibration = fit_label(logits, targets)
        for prevalence in (0.05, 0.5):
            called = calibration.probability(fresh, prevalence) >= calibration.threshold_at(prevalence)
            assert called[truth == 1].mean() == pytest.approx(expit(0) + 0.341, abs=0.03)
            assert called[truth == 0].mean() == pytest.approx(0.159, abs=0.03)
            assert called.tolist() == [calibration.present(e) for e in calibration.evidence(fresh)]


class TestConformal:
    @pytest.mark.parametrize(("n", "separation", "alpha"), [(60, 1.0, 0.1), (200, 2.0, 0.1), (200, 0.3, 0.2)])
    def test_covers_each_class(self, n: int, separation: float, alpha: float) -> None:
        """Mean coverage over many calibration samples is at least 1 - alpha for each class."""
        hits = {0: [], 1: []}
        for seed in range(150):
            calibration = fit_label(*drawn(n, 0.4, seed, separation), alpha=alpha)
            if calibration.conformal is None:
                continue
            fresh, truth = drawn(200, 0.4, 10_000 + seed, separation)
            held = [int(t) in calibration.set(e) for e, t in zip(calibration.evidence(fresh), truth, strict=True)]
            for value in (0, 1):
                hits[value].append(np.mean(np.array(held)[truth == value]))
        assert min(len(hits[0]), len(hits[1])) > 50
        assert np.mean(hits[0]) >= 1 - alpha - 0.012
        assert np.mean(hits[1]) >= 1 - alpha - 0.012

    def test_is_not_needlessly_wide(self) -> None:
        """With much data and little overlap the cut-offs are the class quantiles."""
        logits, targets = drawn(20_000, 0.5, separation=1.0)
        calibration = fit_label(logits, targets)
        evidence = calibration.evidence(logits)
        sets = [calibration.set(e) for e in evidence]
        misses = np.mean([int(t) not in s for s, t in zip(sets, targets, strict=True)])
        assert misses == pytest.approx(0.1, abs=0.005)

    @pytest.mark.parametrize("few_of", [0, 1])
    def test_too_few_of_a_class_give_both(self, few_of: int) -> None:
        logits, targets = drawn(400, 0.5)
        keep = np.r_[np.flatnonzero(targets != few_of), np.flatnonzero(targets == few_of)[: calibrate.MIN_PATIENTS]]
        assert fit_label(logits[keep], targets[keep]).conformal is not None
        short = fit_label(logits[keep[:-1]], targets[keep[:-1]])
        assert short.conformal is None
        assert short.set(9.0) == short.set(-9.0) == (0, 1)

    def test_too_small_an_alpha_for_the_patients_gives_both(self) -> None:
        logits, targets = drawn(100, 0.5)
        assert fit_conformal(logits, targets, 0.0, alpha=0.01) is None

    @few
    @given(st.integers(0, 1000), st.floats(-3, 3), st.floats(0.1, 4))
    def test_holds_the_verdict_and_is_never_empty(self, seed: int, evidence: float, separation: float) -> None:
        calibration = fit_label(*drawn(120, 0.5, seed, separation))
        assert int(calibration.present(evidence)) in calibration.set(evidence)

    @few
    @given(st.integers(0, 1000))
    def test_a_monotone_calibration_leaves_the_sets_alone(self, seed: int) -> None:
        logits, targets = drawn(120, 0.5, seed)
        first, second = fit_label(logits, targets), fit_label(50 * logits - 20, targets)
        # to within the tolerance of the fit, which the edges of the sets may cross
        left = [first.set(e) for e in first.evidence(logits + 1e-4)]
        right = [second.set(e) for e in second.evidence(50 * (logits + 1e-4) - 20)]
        assert np.mean([a == b for a, b in zip(left, right, strict=True)]) > 0.97


class TestStorage:
    def test_round_trip_through_json(self) -> None:
        calibration = fit_label(*drawn(200, 0.5))
        assert LabelCalibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration
        short = replace(calibration, conformal=None)
        assert LabelCalibration.from_dict(json.loads(json.dumps(short.to_dict()))) == short

    @pytest.mark.parametrize(
        "change",
        [
            {"scale": -1.0},
            {"scale": float("nan")},
            {"scale": "1"},
            {"bias": True},
            {"prevalence": 0.0},
            {"prevalence": 1.0},
            {"extra": 1.0},
            {"conformal": {"alpha": 0.1}},
            {"conformal": 3},
        ],
    )
    def test_refuses_what_it_did_not_write(self, change: dict[str, object]) -> None:
        raw = LabelCalibration(1.0, 0.0, 0.5, 0.0, Conformal(0.1, -1.0, 1.0, 30, 30)).to_dict()
        with pytest.raises(BundleInvalidError):
            LabelCalibration.from_dict({**raw, **change})

    def test_refuses_a_missing_key(self) -> None:
        raw = LabelCalibration(1.0, 0.0, 0.5, 0.0, None).to_dict()
        raw.pop("conformal")
        with pytest.raises(BundleInvalidError, match="conformal"):
            LabelCalibration.from_dict(raw)


@pytest.mark.parametrize(
    ("logits", "targets", "weights", "message"),
    [
        ([0.0, 1.0], [0], None, "shape"),
        ([0.0, np.inf], [0, 1], None, "finite scores"),
        ([0.0, 1.0], [0, np.nan], None, "0 and 1"),
        ([0.0, 1.0], [1, 1], None, "positives and negatives"),
        ([0.0, 1.0], [0, 1], [1, 0], "positives and negatives"),
        ([0.0, 1.0], [0, 1], [1, -1], "none negative"),
    ],
)
def test_errors(logits: list[float], targets: list[float], weights: list[float] | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fit_label(logits, targets, weights)


def test_alpha_is_a_share() -> None:
    with pytest.raises(UsageError, match="`alpha`"):
        fit_conformal([0.0, 1.0], [0, 1], 0.0, alpha=1.0)
