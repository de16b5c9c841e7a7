"""How sure a figure is: patient-level bootstrap, paired bootstrap, DeLong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multimodal.errors import UsageError
from multimodal.metrics.checks import FloatArray, check_scores, check_targets

Statistic = Callable[[FloatArray], FloatArray]
Metric = Callable[[npt.ArrayLike, npt.ArrayLike, FloatArray], FloatArray]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval.

    Attributes:
        value: On all rows.
        low: 2.5th percentile of the resamples.
        high: 97.5th percentile.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """A paired difference, first minus second.

    Attributes:
        difference: On all rows.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p_value: Two-sided, against no difference.
    """

    difference: float
    low: float
    high: float
    p_value: float


def _resample(statistic: Statistic, patients: npt.ArrayLike, resamples: int, seed: int) -> tuple[float, FloatArray]:
    """The statistic on all rows, and on each resample that gives one, (R,)."""
    keys = np.asarray(patients)
    if keys.ndim not in (1, 2) or not keys.size:
        raise UsageError(f"Expected argument `patients` to be of shape (N,) or (N, K), but got {keys.shape}.")
    columns = [np.unique(column, return_inverse=True) for column in (keys.T if keys.ndim == 2 else [keys])]
    rng = np.random.default_rng(seed)
    chunk = max(1, 2_000_000 // len(keys))
    values = []
    for start in range(0, resamples, chunk):
        weights = np.ones((min(chunk, resamples - start), len(keys)))
        for names, rows in columns:
            counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=len(weights))
            counts[:, names == ""] = 1
            weights *= counts[:, rows]
        values.append(statistic(weights))
    drawn = np.concatenate(values)
    return float(statistic(np.ones((1, len(keys))))[0]), drawn[np.isfinite(drawn)]


def bootstrap(statistic: Statistic, patients: npt.ArrayLike, *, resamples: int = 2000, seed: int = 0) -> Interval:
    """Percentile interval of a figure, drawing whole patients with replacement.

    Rows of one patient are not independent, so patients are drawn, not rows (Efron and
    Tibshirani 1993, chapter 8). Where a row is composed of several patients, as in a composed
    cohort, ``patients`` has a column for each part and the columns are drawn independently, a
    row counting the product of its draws (the pigeonhole bootstrap: Owen, Annals of Applied
    Statistics 2007; it errs to the wide side).

    Args:
        statistic: Takes weights (R, N), answers (R,); NaN where a resample cannot give it.
        patients: (N,) or (N, K) keys; an empty string is a part that the row does not have.
        resamples: Number of resamples.
        seed: Of the generator.

    Raises:
        UsageError: If ``patients`` is not of that shape.

    >>> from multimodal.metrics import auroc
    >>> scores, targets = [0.2, 0.6, 0.5, 0.9, 0.1, 0.8], [0, 0, 1, 1, 0, 1]
    >>> interval = bootstrap(lambda weights: auroc(scores, targets, weights), ["a", "b", "c", "d", "e", "f"])
    >>> print(f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})")
    0.89 (0.50 to 1.00)
    """
    value, drawn = _resample(statistic, patients, resamples, seed)
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn.size else (math.nan, math.nan)
    return Interval(value, float(low), float(high))


def paired_bootstrap(
    metric: Metric,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    targets: npt.ArrayLike,
    patients: npt.ArrayLike,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Difference of one metric between two models, both scored on the same resamples.

    Args:
        metric: Such as :func:`~multimodal.metrics.auroc`.
        first: (N,) scores of the first model.
        second: (N,) scores of the second on the same rows.
        targets: (N,), 0 or 1.
        patients: As :func:`bootstrap`.
        resamples: Number of resamples.
        seed: Of the generator.

    Raises:
        UsageError: If an argument is not as described.

    >>> from multimodal.metrics import auroc
    >>> targets = [0, 1] * 20
    >>> first, second = [0.1, 0.9] * 20, [0.3, 0.8, 0.6, 0.5] * 10
    >>> test = paired_bootstrap(auroc, first, second, targets, list(range(40)))
    >>> print(f"{test.difference:.2f} ({test.low:.2f} to {test.high:.2f}), p = {test.p_value:.3f}")
    0.25 (0.11 to 0.42), p = 0.001
    """

    def difference(weights: FloatArray) -> FloatArray:
        return metric(first, targets, weights) - metric(second, targets, weights)

    value, drawn = _resample(difference, patients, resamples, seed)
    if not drawn.size:
        return Comparison(value, math.nan, math.nan, math.nan)
    low, high = np.percentile(drawn, [2.5, 97.5])
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    return Comparison(value, float(low), float(high), float(min(1.0, 2 * (tail + 1) / (drawn.size + 1))))


def _midranks(x: FloatArray) -> FloatArray:
    """Ranks from 1, ties sharing their mean rank."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse])


def delong(first: npt.ArrayLike, second: npt.ArrayLike, targets: npt.ArrayLike) -> Comparison:
    """DeLong's test of two AUROCs on the same rows, which are taken as independent patients.

    DeLong, DeLong and Clarke-Pearson, Biometrics 1988, by the midranks of Sun and Xu, IEEE
    Signal Processing Letters 2014.

    Args:
        first: (N,) scores of the first model.
        second: (N,) scores of the second.
        targets: (N,), 0 or 1, two or more of each.

    Raises:
        UsageError: If an argument is not as described.

    >>> test = delong([0.1, 0.2, 0.6, 0.7, 0.8, 0.9], [0.5, 0.1, 0.2, 0.6, 0.4, 0.3], [0, 0, 0, 1, 1, 1])
    >>> print(f"{test.difference:.3f} ({test.low:.3f} to {test.high:.3f}), p = {test.p_value:.2f}")
    0.222 (-0.265 to 0.709), p = 0.37
    """
    scores = np.stack([check_scores(first, name="first"), check_scores(second, name="second")])
    y = check_targets(targets, scores.shape[1]) == 1
    m, n = int(y.sum()), int((~y).sum())
    if m < 2 or n < 2:
        raise UsageError(f"Expected argument `targets` to hold two or more of each class, but got {m} and {n}.")
    overall = np.stack([_midranks(row) for row in scores])
    positive = (overall[:, y] - np.stack([_midranks(row[y]) for row in scores])) / n
    negative = 1 - (overall[:, ~y] - np.stack([_midranks(row[~y]) for row in scores])) / m
    difference = float(positive[0].mean() - positive[1].mean())
    covariance = np.cov(positive) / m + np.cov(negative) / n
    error = math.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0))
    if error == 0:
        return Comparison(difference, difference, difference, 1.0 if difference == 0 else 0.0)
    return Comparison(
        difference,
        difference - 1.959963984540054 * error,
        difference + 1.959963984540054 * error,
        math.erfc(abs(difference) / error / math.sqrt(2)),
    )
