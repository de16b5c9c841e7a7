"""From evidence to a prediction set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multimodal.calibrate.checks import check_sample
from multimodal.errors import UsageError

ALPHA = 0.1
"""Share of the patients whose true state a prediction set may miss."""

MIN_PATIENTS = 20
"""Fewest positives, and fewest negatives, for a prediction set. Given n of a class, the coverage
that a set really has follows Beta(n + 1 - k, k), k = floor((n + 1) alpha) (Vovk, ACML 2012): with
20 it is under 0.8 one time in 14, with the bare minimum of 9 one time in 7."""


@dataclass(frozen=True)
class Conformal:
    """Class-conditional split-conformal cut-offs, in evidence.

    Of the patients that have the label the set holds 1 for at least 1 - alpha, of those that
    do not it holds 0 for at least 1 - alpha (label-conditional conformal predictors: Vovk,
    "Conditional validity of inductive conformal predictors", ACML 2012; Sadinle, Lei and
    Wasserman, JASA 2019). The verdict at the threshold is always in the set, so it is never empty.

    Attributes:
        alpha: Target share of misses.
        least_present: 1 is in the set at or above this evidence.
        most_absent: 0 is in the set at or below this evidence.
        positives: Calibration patients that have the label.
        negatives: Calibration patients that do not.
    """

    alpha: float
    least_present: float
    most_absent: float
    positives: int
    negatives: int


def fit_conformal(
    evidence: npt.ArrayLike, targets: npt.ArrayLike, threshold: float, *, alpha: float = ALPHA
) -> Conformal | None:
    """Class-conditional cut-offs; None with fewer than :data:`MIN_PATIENTS` of a class.

    Each cut-off is the k-th most atypical score of its class, k = floor((n + 1) alpha), widened to
    the threshold where that lies beyond it.

    Args:
        evidence: (N,), one row a patient.
        targets: (N,), 0 or 1, both present.
        threshold: Of the verdict, in evidence.
        alpha: Target share of misses.

    Raises:
        UsageError: If an argument is not as described.
    """
    x, y, _ = check_sample(evidence, targets, None)
    if not 0 < alpha < 1:
        raise UsageError(f"Expected argument `alpha` to be between 0 and 1, but got {alpha}.")
    present, absent = np.sort(x[y == 1]), np.sort(x[y == 0])[::-1]
    ranks = [math.floor((len(group) + 1) * alpha) for group in (present, absent)]
    if min(len(present), len(absent)) < MIN_PATIENTS or min(ranks) < 1:
        return None
    return Conformal(
        alpha=alpha,
        least_present=min(float(present[ranks[0] - 1]), threshold),
        most_absent=max(float(absent[ranks[1] - 1]), threshold),
        positives=len(present),
        negatives=len(absent),
    )
