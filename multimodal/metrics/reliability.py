"""Does a probability mean what it says: calibration error and Brier score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multimodal.metrics.checks import FloatArray, check_probabilities, check_targets, check_weights, ratio


def _bins(
    probabilities: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None, bins: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weight, sum of probabilities and sum of targets in each bin, (..., bins)."""
    p = check_probabilities(probabilities)
    y = check_targets(targets, p.size)
    w = check_weights(weights, p.size)
    edges = np.linspace(0, 1, bins + 1)
    member = np.zeros((p.size, bins))
    member[np.arange(p.size), np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)] = 1
    return w @ member, (w * p) @ member, (w * y) @ member


def expected_calibration_error(
    probabilities: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, bins: int = 15
) -> FloatArray:
    """Mean distance between what is said and what is so, over equal bins of the probability.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, for the probability of
    the positive class. It is biased upwards on few rows: read it beside its interval.

    Args:
        probabilities: (N,), 0..1.
        targets: (N,), 0 or 1.
        weights: (..., N), or None for equal weights.
        bins: Number of equal bins, closed on the left.

    Returns:
        The leading shape of ``weights``.

    Raises:
        UsageError: If an argument is not as described.

    >>> print(f"{expected_calibration_error([0.25, 0.25, 0.55, 0.75, 0.75], [0, 0, 1, 1, 1], bins=2):.3f}")
    0.290
    """
    mass, said, so = _bins(probabilities, targets, weights, bins)
    return ratio(np.abs(said - so).sum(-1), mass.sum(-1))


def reliability_curve(
    probabilities: npt.ArrayLike, targets: npt.ArrayLike, *, bins: int = 10
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points of the reliability diagram: the bins that hold rows.

    Args:
        probabilities: (N,), 0 to 1.
        targets: (N,), 0 or 1.
        bins: Number of equal bins, closed on the left.

    Returns:
        (mean probability, share of positives, number of rows), each (G,) for G filled bins.

    Raises:
        UsageError: If an argument is not as described.

    >>> print(*reliability_curve([0.2, 0.3, 0.8, 0.9], [0, 1, 1, 1], bins=2))
    [0.25 0.85] [0.5 1. ] [2. 2.]
    """
    mass, said, so = _bins(probabilities, targets, None, bins)
    filled = mass > 0
    return said[filled] / mass[filled], so[filled] / mass[filled], mass[filled]


def brier(probabilities: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Mean squared distance between probability and target (Brier 1950).

    Args:
        probabilities: (N,), 0..1.
        targets: (N,), 0 or 1.
        weights: (..., N), or None for equal weights.

    Returns:
        The leading shape of ``weights``.

    Raises:
        UsageError: If an argument is not as described.

    >>> print(f"{brier([0.1, 0.9, 0.8, 0.3], [0, 1, 1, 0]):.4f}")
    0.0375
    """
    p = check_probabilities(probabilities)
    y = check_targets(targets, p.size)
    w = check_weights(weights, p.size)
    return ratio(w @ np.square(p - y), w.sum(-1))
