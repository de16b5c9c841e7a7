"""From a logit to log-odds: Platt scaling and temperature."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from multimodal.calibrate.checks import check_sample
from multimodal.metrics.checks import FloatArray


def fit_platt(
    logits: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> tuple[float, float]:
    """Scale and bias that make ``sigmoid(scale * logit + bias)`` a probability.

    Logistic regression on the logit with Platt's smoothed targets (Platt 1999; Lin, Lin and Weng,
    Machine Learning 2007), the scale held at 0 or above: a calibration never turns the order round.

    Args:
        logits: (N,).
        targets: (N,), 0 or 1, both present.
        weights: (N,), or None for equal weights.

    Raises:
        UsageError: If an argument is not as described.
    """
    x, y, w = check_sample(logits, targets, weights)
    centre, spread = x.mean(), x.std() or 1.0
    z = (x - centre) / spread
    positives, negatives = (w * y).sum(), (w * (1 - y)).sum()
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        log_odds = parameters[0] * z + parameters[1]
        error = w * (expit(log_odds) - target)
        value = (w * (np.logaddexp(0, log_odds) - target * log_odds)).sum()
        return float(value / w.sum()), np.array([error @ z, error.sum()]) / w.sum()

    start = np.array([1.0, float(logit(positives / w.sum()))])
    fit = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)], tol=1e-12)
    scale = float(fit.x[0]) / spread
    return float(scale), float(fit.x[1] - scale * centre)


def fit_temperature(evidence: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """The scale that makes ``sigmoid(scale * evidence)`` a probability where positives and negatives are as many.

    Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017), the scale being 1 / T and
    kept between 1/4 and 4.

    Args:
        evidence: (N,).
        targets: (N,), 0 or 1, both present; each class weighs as much as the other.

    Raises:
        UsageError: If an argument is not as described.
    """
    x, y, _ = check_sample(evidence, targets, None)
    w = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y).mean())
    fit = minimize_scalar(
        lambda log_scale: float((w * np.logaddexp(0, np.exp(log_scale) * np.where(y == 1, -x, x))).mean()),
        bounds=(-math.log(4), math.log(4)),
        method="bounded",
    )
    return float(np.exp(fit.x))
