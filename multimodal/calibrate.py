"""From a network's logit to a probability, a decision and a prediction set, label by label.

Everything is kept in *evidence*: the calibrated log-odds less the log-odds of the prevalence
q_m of the sample that the calibration was fitted on. Evidence is what the case itself says
(the log of a likelihood ratio), so it does not move when the reference prevalence does:
the probability at prevalence q is ``sigmoid(logit q + evidence)``, and a threshold or a
conformal cut-off held in evidence keeps its sensitivity and its coverage at any q.

One validation sample may fit all three parts of a :class:`LabelCalibration`: Platt scaling
is monotone, and the class-conditional cut-offs depend on the order of the logits alone, so
fitting both on the same patients costs the sets none of their coverage. The sample must
still be apart from the one that chose the weights or the epoch, with one row a patient
where rows of a patient are alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from multimodal.errors import BundleInvalidError, UsageError

FloatArray = npt.NDArray[np.float64]

ALPHA = 0.1
"""Share of the patients whose true state a prediction set may miss."""

RISK = 0.1
"""Share of the verdicts given that may be wrong, where a bundle abstains when it is not sure enough."""

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


@dataclass(frozen=True)
class LabelCalibration:
    """How a logit of one label is read.

    Attributes:
        scale: Of the logit; not negative, 0 where the logit tells nothing.
        bias: Added; ``scale * logit + bias`` is the log-odds at prevalence ``prevalence``.
        prevalence: q_m, the share of positives in the weighted calibration sample.
        threshold: Present at or above this evidence.
        conformal: Cut-offs of the prediction set; None where patients were too few, and the
            set is {0, 1}.
    """

    scale: float
    bias: float
    prevalence: float
    threshold: float
    conformal: Conformal | None

    def evidence(self, logits: npt.ArrayLike) -> FloatArray:
        """Calibrated log-odds less ``logit(prevalence)``, of any shape."""
        return self.scale * np.asarray(logits, dtype=np.float64) + (self.bias - float(logit(self.prevalence)))

    def probability(self, logits: npt.ArrayLike, prevalence: float | None = None) -> FloatArray:
        """Calibrated probability, at the reference prevalence if one is given, else at q_m."""
        prior = float(logit(self.prevalence if prevalence is None else prevalence))
        return np.asarray(expit(self.evidence(logits) + prior))

    def present(self, evidence: float) -> bool:
        """Whether the evidence reaches the threshold."""
        return evidence >= self.threshold

    def threshold_at(self, prevalence: float) -> float:
        """The threshold as a probability at a reference prevalence."""
        return float(expit(logit(prevalence) + self.threshold))

    def set(self, evidence: float) -> tuple[int, ...]:
        """The prediction set: (0,), (1,) or (0, 1)."""
        if self.conformal is None:
            return (0, 1)
        absent, present = evidence <= self.conformal.most_absent, evidence >= self.conformal.least_present
        return (*((0,) if absent else ()), *((1,) if present else ()))

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers, for a bundle's config."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> LabelCalibration:
        """The inverse of :meth:`to_dict`.

        Raises:
            BundleInvalidError: If a key is missing or unknown, or a value is out of range.
        """
        numbers = _numbers(cls, raw, apart="conformal")
        cut_offs = raw["conformal"]
        conformal = None if cut_offs is None else Conformal(**_numbers(Conformal, cut_offs))
        if numbers["scale"] < 0 or not 0 < numbers["prevalence"] < 1:
            raise BundleInvalidError("A calibration needs a scale of 0 or more and a prevalence between 0 and 1.")
        return cls(**numbers, conformal=conformal)


def _numbers(cls: type, raw: Mapping[str, Any], *, apart: str | None = None) -> dict[str, Any]:
    """The mapping with exactly the fields of the dataclass, each a finite number but ``apart``."""
    expected = {entry.name for entry in fields(cls)}
    if not isinstance(raw, Mapping) or set(raw) != expected:
        raise BundleInvalidError(f"Expected a calibration with {', '.join(sorted(expected))}, but got {raw!r:.200}.")
    numbers = {key: value for key, value in raw.items() if key != apart}
    if any(isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v) for v in numbers.values()):
        raise BundleInvalidError(f"Expected a calibration of finite numbers, but got {raw!r:.200}.")
    return numbers


def fit_label(
    logits: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, alpha: float = ALPHA
) -> LabelCalibration:
    """Calibrate one label: Platt scaling, threshold and conformal cut-offs.

    Args:
        logits: (N,) of validation patients; for a fused answer its log-odds relative to the reference.
        targets: (N,), 0 or 1, both present.
        weights: (N,) of the rows in the scaling and the threshold, such as one over the size of the
            row's source. The cut-offs take every row alike.
        alpha: Target share of misses of the prediction set.

    Raises:
        UsageError: If an argument is not as described.

    >>> calibration = fit_label([-2.0, -1.0, -1.5, 0.5, 1.0, 3.0], [0, 0, 0, 0, 1, 1])
    >>> print(calibration.probability([-2.0, 3.0]).round(2), calibration.set(0.0))
    [0.12 0.78] (0, 1)
    """
    x, y, w = _check(logits, targets, weights)
    scale, bias = fit_platt(x, y, w)
    prevalence = float((w * y).sum() / w.sum())
    evidence = scale * x + bias - float(logit(prevalence))
    threshold = choose_threshold(evidence, y, w)
    return LabelCalibration(scale, bias, prevalence, threshold, fit_conformal(evidence, y, threshold, alpha=alpha))


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
    x, y, w = _check(logits, targets, weights)
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
    x, y, _ = _check(evidence, targets, None)
    w = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y).mean())
    fit = minimize_scalar(
        lambda log_scale: float((w * np.logaddexp(0, np.exp(log_scale) * np.where(y == 1, -x, x))).mean()),
        bounds=(-math.log(4), math.log(4)),
        method="bounded",
    )
    return float(np.exp(fit.x))


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
    x, y, w = _check(evidence, targets, weights)
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
    x, y, _ = _check(evidence, targets, None)
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


def _check(
    scores: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scores, targets and weights of mean 1, each (N,) float64."""
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.shape != w.shape:
        raise UsageError(
            f"Expected scores, targets and weights of shape (N,), but got {x.shape}, {y.shape}, {w.shape}."
        )
    if not np.isfinite(x).all():
        raise UsageError("Expected finite scores, but got NaN or infinity.")
    if not np.isin(y, (0.0, 1.0)).all():
        raise UsageError("Expected targets of 0 and 1 (mask unknown rows first), but got other values.")
    if not (np.isfinite(w).all() and (w >= 0).all() and (w * y).sum() > 0 and (w * (1 - y)).sum() > 0):
        raise UsageError("Expected finite weights, none negative, and positives and negatives that weigh something.")
    return x, y, w / w.mean()
