"""Figures of the order of scores alone: ROC and precision-recall."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multimodal.metrics.checks import FloatArray, check_scores, check_targets, check_weights, ratio


def _mass_by_score(
    scores: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distinct scores (G,), falling, and the weight of positives and of negatives at each, (..., G)."""
    x = check_scores(scores)
    y = check_targets(targets, x.size)
    w = check_weights(weights, x.size)
    order = np.argsort(-x, kind="stable")
    x, y, w = x[order], y[order], w[..., order]
    starts = np.flatnonzero(np.r_[True, x[1:] != x[:-1]])
    return x[starts], np.add.reduceat(w * y, starts, axis=-1), np.add.reduceat(w * (1 - y), starts, axis=-1)


def auroc(scores: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties half.

    Args:
        scores: (N,), higher = more likely positive; any scale.
        targets: (N,), 0 or 1.
        weights: (..., N), or None for equal weights.

    Returns:
        The leading shape of ``weights``; NaN where a class has no weight.

    Raises:
        UsageError: If an argument is not as described.

    >>> print(auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]))
    0.75
    """
    _, positive, negative = _mass_by_score(scores, targets, weights)
    below = negative.sum(-1, keepdims=True) - np.cumsum(negative, axis=-1)
    wins = (positive * (below + negative / 2)).sum(-1)
    return ratio(wins, positive.sum(-1) * negative.sum(-1))


def auprc(scores: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Average precision: precision at each score, weighted by the recall gained there.

    No interpolation between points, which flatters (Davis and Goadrich, ICML 2006).

    Args:
        scores: (N,), higher = more likely positive; any scale.
        targets: (N,), 0 or 1.
        weights: (..., N), or None for equal weights.

    Returns:
        The leading shape of ``weights``; NaN where no positive has weight.

    Raises:
        UsageError: If an argument is not as described.

    >>> print(f"{auprc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]):.3f}")
    0.833
    """
    _, positive, negative = _mass_by_score(scores, targets, weights)
    hits = np.cumsum(positive, axis=-1)
    precision = np.nan_to_num(ratio(hits, hits + np.cumsum(negative, axis=-1)))
    return ratio((positive * precision).sum(-1), positive.sum(-1))


def roc_curve(scores: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points of the ROC curve, from (0, 0) to (1, 1).

    Returns:
        (false positive rate, sensitivity, threshold), each (G + 1,) for G distinct scores; a row
        is positive where its score is at or above the threshold, the first of which is infinity.

    Raises:
        UsageError: If an argument is not as described, or a class is missing.

    >>> fpr, tpr, _ = roc_curve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    >>> print(fpr, tpr)
    [0.  0.  0.5 0.5 1. ] [0.  0.5 0.5 1.  1. ]
    """
    thresholds, positive, negative = _mass_by_score(scores, targets, None)
    sensitivities = ratio(np.cumsum(positive), np.full(positive.shape, positive.sum()))
    false_positives = ratio(np.cumsum(negative), np.full(negative.shape, negative.sum()))
    return np.r_[0.0, false_positives], np.r_[0.0, sensitivities], np.r_[np.inf, thresholds]
