"""Figures of decisions at a threshold: sensitivity, McNemar, the CirCor challenge's score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multimodal.errors import UsageError
from multimodal.metrics.checks import FloatArray, check_probabilities, check_scores, check_targets, check_weights, ratio


def sensitivity(
    scores: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, threshold: float
) -> FloatArray:
    """Share of the positives that score at or above the threshold.

    Args:
        scores: (N,).
        targets: (N,), 0 or 1.
        weights: (..., N), or None for equal weights.
        threshold: On the scale of ``scores``.

    Returns:
        The leading shape of ``weights``; NaN where no positive has weight.

    Raises:
        UsageError: If an argument is not as described.

    >>> print(sensitivity([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], threshold=0.5))
    0.5
    """
    x = check_scores(scores)
    positive = check_weights(weights, x.size) * check_targets(targets, x.size)
    return ratio(positive @ (x >= threshold), positive.sum(-1))


def specificity(
    scores: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, threshold: float
) -> FloatArray:
    """Share of the negatives that score below the threshold; arguments as :func:`sensitivity`.

    >>> print(specificity([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], threshold=0.5))
    1.0
    """
    x = check_scores(scores)
    negative = check_weights(weights, x.size) * (1 - check_targets(targets, x.size))
    return ratio(negative @ (x < threshold), negative.sum(-1))


def accuracy(
    scores: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, threshold: float
) -> FloatArray:
    """Share of the rows on their own side of the threshold; arguments as :func:`sensitivity`.

    >>> print(accuracy([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], threshold=0.5))
    0.75
    """
    x = check_scores(scores)
    right = (x >= threshold) == check_targets(targets, x.size)
    w = check_weights(weights, x.size)
    return ratio(w @ right, w.sum(-1))


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same rows.

    Attributes:
        only_first: Rows that only the first has right.
        only_second: Rows that only the second has right.
        p_value: Exact, two-sided.
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first: npt.ArrayLike, second: npt.ArrayLike, targets: npt.ArrayLike) -> McNemar:
    """Exact McNemar test: do two classifiers err equally often on the same rows?

    Under the null hypothesis the rows that one of them alone has right are a fair coin's
    (McNemar, Psychometrika 1947; the exact binomial form). Rows are taken as independent:
    give one row a patient.

    Args:
        first: (N,), 0 or 1: the first classifier's decisions.
        second: (N,), 0 or 1: the second's.
        targets: (N,), 0 or 1.

    Raises:
        UsageError: If an argument is not as described.

    >>> mcnemar([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0])
    McNemar(only_first=5, only_second=0, p_value=0.0625)
    """
    y = check_targets(targets, np.size(targets))
    right_first = check_targets(first, y.size) == y
    right_second = check_targets(second, y.size) == y
    a, b = int((right_first & ~right_second).sum()), int((right_second & ~right_first).sum())
    tail = sum(math.comb(a + b, k) for k in range(min(a, b) + 1))
    return McNemar(a, b, min(1.0, 2 * tail / 2 ** (a + b)))


def risk_coverage(probabilities: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Error rate among the surest cases, as fewer are left to a human.

    The curve of selective prediction (Geifman and El-Yaniv, NeurIPS 2017); a case is as sure as
    its probability is far from 1/2. Equally sure cases are taken together.

    Returns:
        (coverage, risk), each (G,) for G distinct degrees of sureness; coverage rises to 1.

    Raises:
        UsageError: If an argument is not as described.

    >>> print(*risk_coverage([0.95, 0.1, 0.6, 0.5], [1, 0, 0, 1]))
    [0.25 0.5  0.75 1.  ] [0.         0.         0.33333333 0.25      ]
    """
    p = check_probabilities(probabilities)
    wrong = (p >= 0.5) != check_targets(targets, p.size)
    sureness = np.abs(p - 0.5)
    order = np.argsort(-sureness, kind="stable")
    sureness, wrong = sureness[order], wrong[order]
    last = np.flatnonzero(np.r_[sureness[1:] != sureness[:-1], True])
    kept = last + 1.0
    return kept / p.size, np.cumsum(wrong)[last] / kept


def aurc(margins: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Area under the risk-coverage curve: the error rate among the surest cases, averaged over how many are kept.

    Geifman, Uziel and El-Yaniv, "Bias-reduced uncertainty estimation for deep neural classifiers", ICLR 2019.

    Args:
        margins: (N,) above 0 where the case is called positive; as sure as they are far from 0.
        targets: (N,), 0 or 1.
        weights: (..., N), or None for equal weights.

    Returns:
        The leading shape of ``weights``; the smaller the better.

    Raises:
        UsageError: If an argument is not as described.

    >>> print(aurc([3.0, -2.0, 1.0, -0.5], [1, 0, 0, 0]).round(3))
    0.146
    """
    x = check_scores(margins, name="margins")
    wrong = (x >= 0) != check_targets(targets, x.size)
    order = np.argsort(-np.abs(x), kind="stable")
    w = check_weights(weights, x.size)[..., order]
    risk = np.nan_to_num(ratio(np.cumsum(w * wrong[order], axis=-1), np.cumsum(w, axis=-1)))
    return ratio((w * risk).sum(-1), w.sum(-1))


MURMUR_CLASSES = {"Present": 5.0, "Unknown": 3.0, "Absent": 1.0}
"""What a patient of each class counts in :func:`circor_weighted_accuracy`."""


def circor_weighted_accuracy(
    predicted: Sequence[str], truth: Sequence[str], weights: npt.ArrayLike | None = None
) -> FloatArray:
    """Weighted accuracy of the George B. Moody PhysioNet Challenge 2022, one entry a patient.

    A patient counts 5 where experts heard a murmur, 3 where they could not tell and 1 where there
    was none, whatever is predicted (Reyna et al., "Heart murmur detection from phonocardiogram
    recordings", PLOS Digital Health 2023, equation 1).

    Args:
        predicted: N of "Present", "Unknown", "Absent".
        truth: N of the same.
        weights: (..., N), or None for equal weights.

    Returns:
        The leading shape of ``weights``.

    Raises:
        UsageError: If an entry is none of the three, or the numbers differ.

    >>> print(circor_weighted_accuracy(["Present", "Absent", "Absent", "Absent"],
    ...                                ["Present", "Present", "Unknown", "Absent"]).round(4))
    0.4286
    """
    if len(predicted) != len(truth):
        raise UsageError(f"Expected argument `predicted` to have {len(truth)} entries, but got {len(predicted)}.")
    unknown = sorted({*predicted, *truth} - set(MURMUR_CLASSES))
    if unknown:
        raise UsageError(f"Expected classes out of {', '.join(MURMUR_CLASSES)}, but got {', '.join(unknown)}.")
    value = np.array([MURMUR_CLASSES[name] for name in truth]) * check_weights(weights, len(truth))
    return ratio(value @ (np.asarray(predicted) == np.asarray(truth)), value.sum(-1))
