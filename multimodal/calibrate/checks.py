"""What every fit of this package asks of its sample."""

from __future__ import annotations

import numpy.typing as npt

from multimodal.errors import UsageError
from multimodal.metrics.checks import FloatArray, check_scores, check_targets, check_weights


def check_sample(
    scores: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scores, targets and weights of mean 1, each (N,) float64.

    Args:
        scores: (N,).
        targets: (N,), 0 or 1.
        weights: (N,), or None for equal weights.

    Raises:
        UsageError: If one is not of its shape or range, or either class weighs nothing.
    """
    x = check_scores(scores)
    y, w = check_targets(targets, x.size), check_weights(weights, x.size)
    if w.ndim != 1:
        raise UsageError(f"Expected argument `weights` to be of shape ({x.size},), but got {w.shape}.")
    if not ((w * y).sum() > 0 and (w * (1 - y)).sum() > 0):
        raise UsageError("Expected positives and negatives that weigh something, but got one class.")
    return x, y, w / w.mean()
