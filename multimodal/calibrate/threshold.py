"""From evidence to a verdict."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from multimodal.calibrate.checks import check_sample


def choose_threshold(evidence: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """The evidence at or above which a label is called present.

    Youden's J (sensitivity + specificity - 1; Cancer 1950) does not depend on prevalence, and for
    calibrated scores it is greatest at evidence 0. On few patients its maximum wanders, so of
    all thresholds whose J is within one standard error of the best the one nearest 0 is taken (the
    one-standard-error rule of Breiman et al. 1984). Candidates are 0 and the midpoints of
    neighbouring scores.

    Args:
        evidence: (N,).
        targets: (N,), 0 or 1, both present.
        weights: (N,), or None for equal weights.

    Raises:
        UsageError: If an argument is not as described.

    >>> choose_threshold([-2.0, -1.0, 1.0, 3.0, 5.0], [0, 0, 0, 1, 1])
    2.0
    """
    x, y, w = check_sample(evidence, targets, weights)
    values = np.unique(x)
    candidates = np.unique(np.r_[0.0, (values[1:] + values[:-1]) / 2])
    order = np.argsort(x)
    below = np.searchsorted(x[order], candidates, side="left")
    positive, negative = np.r_[0.0, np.cumsum((w * y)[order])], np.r_[0.0, np.cumsum((w * (1 - y))[order])]
    sensitivity, specificity = 1 - positive[below] / positive[-1], negative[below] / negative[-1]
    best = int(np.argmax(sensitivity + specificity))
    error = math.sqrt(
        max(0.0, sensitivity[best] * (1 - sensitivity[best])) / y.sum()
        + max(0.0, specificity[best] * (1 - specificity[best])) / (1 - y).sum()
    )
    good = candidates[sensitivity + specificity >= sensitivity[best] + specificity[best] - error - 1e-12]
    return float(good[np.argmin(np.abs(good))])
