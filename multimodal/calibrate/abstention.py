"""How sure a verdict is, and how sure it must be to be given."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multimodal.errors import UsageError
from multimodal.metrics.checks import FloatArray

RISK = 0.1
"""Share of the verdicts given that may be wrong, where a bundle abstains when it is not sure enough."""


def sureness(margin: npt.ArrayLike, spread: npt.ArrayLike) -> FloatArray:
    """How sure a verdict is: its distance from the threshold, less where the networks themselves are unsure.

    The moderated log-odds of a logit with a normal spread (MacKay, "The evidence framework applied to classification
    networks", Neural Computation 1992).

    Args:
        margin: Evidence less its threshold, of any shape.
        spread: Standard deviation of the evidence.

    >>> print(sureness([-2.0, 2.0], [0.0, 3.0]).round(2))
    [2.   0.94]
    """
    return np.asarray(np.abs(margin) / np.sqrt(1 + np.pi / 8 * np.square(spread)))


def fit_least_sure(
    sure: npt.ArrayLike, wrong: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, risk: float = RISK
) -> float:
    """How sure a verdict must be so that no more than a share of those given is wrong.

    Of all limits that keep the risk the one that keeps most verdicts (selective prediction: Geifman and El-Yaniv,
    NeurIPS 2017), but at least half of them: where even the surer half is wrong more often, half are given.

    Args:
        sure: (N,) :func:`sureness` of validation verdicts.
        wrong: (N,) whether they are wrong.
        weights: (N,), such as one over the label's rows; None for equal weights.
        risk: Share of wrong verdicts among those given.

    Raises:
        UsageError: If an argument is not as described.

    >>> fit_least_sure([0.1, 0.2, 0.9, 1.5, 2.0], [1, 1, 0, 0, 0])
    0.9
    """
    x, y = np.asarray(sure, dtype=np.float64), np.asarray(wrong, dtype=np.float64)
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if x.ndim != 1 or not x.size or not x.shape == y.shape == w.shape or not np.isfinite(x).all():
        raise UsageError(f"Expected finite arguments of shape (N,), but got {x.shape}, {y.shape}, {w.shape}.")
    order = np.argsort(-x, kind="stable")
    kept, errors = np.cumsum(w[order]), np.cumsum((w * y)[order])
    if errors[-1] <= risk * kept[-1]:
        return 0.0
    good = np.flatnonzero((errors <= risk * kept) | (kept <= kept[-1] / 2))
    return float(x[order][good[-1]]) if len(good) else float(x[order][0])
