from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_calibration_error

from multimodal import metrics
from multimodal.errors import UsageError

few = settings(max_examples=25, deadline=None)


@st.composite
def scored_rows(draw: st.DrawFn, levels: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Scores on a coarse grid, so that ties abound, with both classes present."""
    n = draw(st.integers(2, 60))
    scores = np.array(draw(st.lists(st.integers(0, levels), min_size=n, max_size=n))) / levels
    targets = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    assume(0 < targets.sum() < n)
    return scores, targets


class TestAgainstReferences:
    @few
    @given(scored_rows())
    def test_auroc(self, rows: tuple[np.ndarray, np.ndarray]) -> None:
        scores, targets = rows
        assert metrics.auroc(scores, targets) == pytest.approx(sklearn.metrics.roc_auc_score(targets, scores))

    @few
    @given(scored_rows())
    def test_auprc(self, rows: tuple[np.ndarray, np.ndarray]) -> None:
        scores, targets = rows
        expected = sklearn.metrics.average_precision_score(targets, scores)
        assert metrics.auprc(scores, targets) == pytest.approx(expected)

    @few
    @given(scored_rows(), st.integers(0, 2**32 - 1))
    def test_weighted_figures(self, rows: tuple[np.ndarray, np.ndarray], seed: int) -> None:
        scores, targets = rows
        weights = np.random.default_rng(seed).uniform(0.1, 3, (3, len(scores)))
        reference = [sklearn.metrics.roc_auc_score(targets, scores, sample_weight=w) for w in weights]
        np.testing.assert_allclose(metrics.auroc(scores, targets, weights), reference, atol=1e-12)
        reference = [sklearn.metrics.average_precision_score(targets, scores, sample_weight=w) for w in weights]
        np.testing.assert_allclose(metrics.auprc(scores, targets, weights), reference, atol=1e-12)
        reference = [sklearn.metrics.brier_score_loss(targets, scores, sample_weight=w) for w in weights]
        np.testing.assert_allclose(metrics.brier(scores, targets, weights), reference)

    @few
    @given(scored_rows(), st.integers(2, 20))
    def test_calibration_error(self, rows: tuple[np.ndarray, np.ndarray], bins: int) -> None:
        targets = rows[1]
        probabilities = np.random.default_rng(len(targets)).uniform(size=len(targets))
        reference = binary_calibration_error(torch.tensor(probabilities), torch.tensor(targets), n_bins=bins)
        ours = metrics.expected_calibration_error(probabilities, targets, bins=bins)
        assert ours == pytest.approx(float(reference), abs=1e-6)

    @few
    @given(scored_rows())
    def test_roc_curve(self, rows: tuple[np.ndarray, np.ndarray]) -> None:
        scores, targets = rows
        ours = metrics.roc_curve(scores, targets)
        for mine, theirs in zip(ours, sklearn.metrics.roc_curve(targets, scores, drop_intermediate=False), strict=True):
            np.testing.assert_allclose(mine, theirs)

    @few
    @given(scored_rows(), st.integers(0, 8))
    def test_sensitivity_specificity_accuracy(self, rows: tuple[np.ndarray, np.ndarray], level: int) -> None:
        scores, targets = rows
        tn, fp, fn, tp = sklearn.metrics.confusion_matrix(targets, scores >= level / 8, labels=[0, 1]).ravel()
        assert metrics.sensitivity(scores, targets, threshold=level / 8) == pytest.approx(tp / (tp + fn))
        assert metrics.specificity(scores, targets, threshold=level / 8) == pytest.approx(tn / (tn + fp))
        assert metrics.accuracy(scores, targets, threshold=level / 8) == pytest.approx((tp + tn) / len(targets))

    @few
    @given(st.integers(0, 40), st.integers(0, 40))
    def test_mcnemar_is_the_exact_binomial_test(self, only_first: int, only_second: int) -> None:
        first = np.repeat([1, 0, 1], [only_first, only_second, 5])
        second = np.repeat([0, 1, 1], [only_first, only_second, 5])
        test = metrics.mcnemar(first, second, np.ones(len(first)))
        assert (test.only_first, test.only_second) == (only_first, only_second)
        discordant = only_first + only_second
        expected = scipy.stats.binomtest(only_first, discordant).pvalue if discordant else 1.0
        assert test.p_value == pytest.approx(expected)

    def test_delong_variance_agrees_with_the_bootstrap(self) -> None:
        rng = np.random.default_rng(5)
        targets = rng.integers(0, 2, 400)
        first = targets + rng.normal(size=400)
        second = 0.7 * first + rng.normal(size=400)
        exact = metrics.delong(first, second, targets)
        drawn = metrics.paired_bootstrap(metrics.auroc, first, second, targets, np.arange(400), resamples=4000)
        assert exact.difference == pytest.approx(drawn.difference)
        assert exact.low == pytest.approx(drawn.low, abs=0.006)
        assert exact.high == pytest.approx(drawn.high, abs=0.006)

    def test_delong_by_the_definition(self) -> None:
        """Structural components computed pair by pair, as in DeLong et al. 1988, equations 4 to 6."""
        rng = np.random.default_rng(1)
        targets = np.repeat([0, 1], [13, 17])
        scores = np.round(rng.normal(size=(2, 30)) + targets, 1)
        wins = [(a[targets == 1][:, None] > a[targets == 0]) + 0.5 * (a[targets == 1][:, None] == a[targets == 0])
                for a in scores]  # fmt: skip
        covariance = np.cov([w.mean(1) for w in wins]) / 17 + np.cov([w.mean(0) for w in wins]) / 13
        error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
        difference = wins[0].mean() - wins[1].mean()
        test = metrics.delong(scores[0], scores[1], targets)
        assert test.difference == pytest.approx(difference)
        assert test.high - test.low == pytest.approx(2 * scipy.stats.norm.ppf(0.975) * error)
        assert test.p_value == pytest.approx(2 * scipy.stats.norm.sf(abs(difference) / error))

    def test_delong_of_a_model_with_itself(self) -> None:
        test = metrics.delong([0.1, 0.4, 0.3, 0.9], [0.1, 0.4, 0.3, 0.9], [0, 0, 1, 1])
        assert (test.difference, test.p_value) == (0.0, 1.0)

    def test_circor_weighted_accuracy_by_the_challenge_formula(self) -> None:
        """Reyna et al. 2023, equation 1, on a full confusion matrix: rows predicted, columns true."""
        classes = ["Present", "Unknown", "Absent"]
        matrix = np.array([[30, 4, 9], [3, 7, 2], [12, 5, 80]])
        predicted = [p for i, p in enumerate(classes) for j in range(3) for _ in range(matrix[i, j])]
        truth = [classes[j] for i in range(3) for j in range(3) for _ in range(matrix[i, j])]
        total = 5 * matrix[:, 0].sum() + 3 * matrix[:, 1].sum() + matrix[:, 2].sum()
        expected = (5 * 30 + 3 * 7 + 80) / total
        assert metrics.circor_weighted_accuracy(predicted, truth) == pytest.approx(expected)


class TestProperties:
    @few
    @given(scored_rows())
    def test_auroc_of_the_mirror(self, rows: tuple[np.ndarray, np.ndarray]) -> None:
        scores, targets = rows
        assert metrics.auroc(-scores, targets) == pytest.approx(1 - metrics.auroc(scores, targets))

    @few
    @given(scored_rows())
    def test_order_alone_matters_to_ranking(self, rows: tuple[np.ndarray, np.ndarray]) -> None:
        scores, targets = rows
        assert metrics.auroc(np.exp(3 * scores), targets) == metrics.auroc(scores, targets)
        assert metrics.auprc(np.exp(3 * scores), targets) == metrics.auprc(scores, targets)

    @few
    @given(scored_rows(), st.integers(0, 99))
    def test_a_weight_is_a_repetition(self, rows: tuple[np.ndarray, np.ndarray], seed: int) -> None:
        scores, targets = rows
        counts = np.random.default_rng(seed).integers(0, 4, len(scores))
        repeated, labels = np.repeat(scores, counts), np.repeat(targets, counts)
        assume(0 < labels.sum() < len(labels))
        for metric in (metrics.auroc, metrics.auprc, metrics.brier, metrics.expected_calibration_error):
            assert metric(scores, targets, counts) == pytest.approx(metric(repeated, labels))

    @few
    @given(scored_rows())
    def test_risk_coverage_ends_at_the_error_rate(self, rows: tuple[np.ndarray, np.ndarray]) -> None:
        scores, targets = rows
        coverage, risk = metrics.risk_coverage(scores, targets)
        assert coverage[-1] == 1
        assert np.all(np.diff(coverage) > 0)
        assert risk[-1] == pytest.approx(1 - metrics.accuracy(scores, targets, threshold=0.5))

    @few
    @given(st.lists(st.integers(1, 500), min_size=2, max_size=40, unique=True), st.data())
    def test_area_under_risk_coverage_is_the_mean_risk(self, sizes: list[int], data: st.DataObject) -> None:
        each = st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes))
        margins = np.array(sizes) * np.where(data.draw(each), 0.01, -0.01)
        targets = np.array(data.draw(each), dtype=int)
        risks = [
            np.mean((margins >= 0)[surest] != targets[surest].astype(bool))
            for kept in range(1, len(margins) + 1)
            for surest in [np.argsort(-np.abs(margins))[:kept]]
        ]
        assert metrics.aurc(margins, targets) == pytest.approx(np.mean(risks))

    @few
    @given(scored_rows())
    def test_reliability_curve_holds_every_row(self, rows: tuple[np.ndarray, np.ndarray]) -> None:
        scores, targets = rows
        said, so, rows_in = metrics.reliability_curve(scores, targets)
        assert rows_in.sum() == len(scores)
        assert (so * rows_in).sum() == pytest.approx(targets.sum())
        assert (said * rows_in).sum() == pytest.approx(scores.sum())

    def test_one_class_has_no_auroc(self) -> None:
        assert np.isnan(metrics.auroc([0.1, 0.2], [1, 1]))
        assert np.isnan(metrics.auprc([0.1, 0.2], [0, 0]))
        assert np.isnan(metrics.sensitivity([0.1, 0.2], [0, 0], threshold=0.5))


class TestBootstrap:
    def test_covers_the_truth_about_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(0)
        truth = scipy.stats.norm.cdf(1 / np.sqrt(2))
        hits = 0
        for trial in range(200):
            targets = np.repeat([0, 1], [40, 40])
            scores = targets + rng.normal(size=80)
            interval = metrics.bootstrap(
                lambda w, s=scores, t=targets: metrics.auroc(s, t, w), np.arange(80), resamples=400, seed=trial
            )
            hits += interval.low <= truth <= interval.high
        assert 0.89 <= hits / 200 <= 0.99

    def test_draws_patients_not_rows(self) -> None:
        rng = np.random.default_rng(3)
        targets = np.repeat(rng.integers(0, 2, 40), 25)
        scores = np.repeat(targets[::25] + rng.normal(size=40), 25)

        def width(patients: np.ndarray) -> float:
            interval = metrics.bootstrap(lambda w: metrics.auroc(scores, targets, w), patients)
            return interval.high - interval.low

        assert width(np.repeat(np.arange(40), 25)) > 3 * width(np.arange(1000))

    def test_is_the_same_for_the_same_seed(self) -> None:
        targets = [0, 1, 0, 1, 1]
        scores = [0.2, 0.3, 0.4, 0.6, 0.7]
        first = metrics.bootstrap(lambda w: metrics.auroc(scores, targets, w), list("abcde"))
        assert first == metrics.bootstrap(lambda w: metrics.auroc(scores, targets, w), list("abcde"))
        assert first != metrics.bootstrap(lambda w: metrics.brier(scores, targets, w), list("abcde"), seed=1)

    def test_an_empty_part_draws_nothing(self) -> None:
        rng = np.random.default_rng(0)
        targets = rng.integers(0, 2, 60)
        scores = targets + rng.normal(size=60)
        one = np.array([f"p{i}" for i in range(60)])
        both = np.stack([one, np.full(60, "")], axis=1)

        def statistic(weights: np.ndarray) -> np.ndarray:
            return metrics.auroc(scores, targets, weights)

        assert metrics.bootstrap(statistic, one) == metrics.bootstrap(statistic, both)

    def test_composed_rows_give_wider_intervals_than_their_count_suggests(self) -> None:
        rng = np.random.default_rng(0)
        quality = rng.normal(size=(2, 20))
        targets = rng.integers(0, 2, 20)
        left, right = rng.integers(0, 20, (2, 2000))
        right = np.where(targets[left] == targets[right], right, left)
        scores = targets[left] + quality[0, left] + quality[1, right]

        def width(patients: np.ndarray) -> float:
            interval = metrics.bootstrap(lambda w: metrics.auroc(scores, targets[left], w), patients, resamples=500)
            return interval.high - interval.low

        parts = np.stack([left.astype(str), np.char.add("b", right.astype(str))], axis=1)
        assert width(parts) > 3 * width(np.arange(2000))

    def test_nothing_to_draw_is_nan(self) -> None:
        interval = metrics.bootstrap(lambda w: metrics.auroc([0.1, 0.2], [1, 1], w), ["a", "b"])
        assert np.isnan([interval.value, interval.low, interval.high]).all()
        comparison = metrics.paired_bootstrap(metrics.auroc, [0.1, 0.2], [0.1, 0.2], [1, 1], ["a", "b"])
        assert np.isnan(comparison.p_value)

    @few
    @given(scored_rows())
    def test_no_difference_from_itself(self, rows: tuple[np.ndarray, np.ndarray]) -> None:
        scores, targets = rows
        test = metrics.paired_bootstrap(metrics.auroc, scores, scores, targets, np.arange(len(scores)), resamples=50)
        assert (test.difference, test.low, test.high, test.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.auroc([[0.1]], [1]), "`scores` to be of shape"),
        (lambda: metrics.auroc([], []), "`scores` to be of shape"),
        (lambda: metrics.auroc([0.1, np.nan], [0, 1]), "`scores` to be finite"),
        (lambda: metrics.auroc([0.1, 0.2], [0, np.nan]), "`targets` to be 0 or 1"),
        (lambda: metrics.auroc([0.1, 0.2], [0]), "`targets` to be of shape"),
        (lambda: metrics.auroc([0.1, 0.2], [0, 1], [1]), "`weights` to be of shape"),
        (lambda: metrics.auroc([0.1, 0.2], [0, 1], [1, -1]), "`weights` to be finite and not negative"),
        (lambda: metrics.brier([0.1, 1.2], [0, 1]), "`probabilities` to be in 0..1"),
        (lambda: metrics.delong([0.1, 0.2], [0.1, 0.2], [0, 1]), "two or more of each class"),
        (lambda: metrics.circor_weighted_accuracy(["Present"], []), "`predicted` to have 0 entries"),
        (lambda: metrics.circor_weighted_accuracy(["present"], ["Present"]), "but got present"),
        (lambda: metrics.bootstrap(lambda w: w.sum(-1), []), "`patients` to be of shape"),
    ],
)
def test_errors_name_the_argument(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=message):
        call()
