"""Every figure of one label, with patient-level intervals, as plain numbers for JSON."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from multimodal.evaluate.units import Units
from multimodal.metrics import (
    Comparison,
    Interval,
    auprc,
    aurc,
    auroc,
    bootstrap,
    expected_calibration_error,
    sensitivity,
    specificity,
)
from multimodal.metrics.checks import FloatArray, ratio
from multimodal.metrics.intervals import Metric, paired_bootstrap

RESAMPLES = 2000


def within(metric: Metric, strata: npt.NDArray[np.str_]) -> Metric:
    """The metric within each stratum, averaged by the stratum's pairs of a positive and a negative.

    For AUROC that is the chance that a positive scores above a negative of the same stratum.
    """
    names = np.unique(strata)
    if len(names) < 2:
        return metric

    def averaged(scores: npt.ArrayLike, targets: npt.ArrayLike, weights: FloatArray) -> FloatArray:
        x, y = np.asarray(scores), np.asarray(targets)
        total, pairs = np.zeros(weights.shape[:-1]), np.zeros(weights.shape[:-1])
        for name in names:
            rows = strata == name
            w = weights[..., rows]
            mass = (w @ y[rows]) * (w @ (1 - y[rows]))
            total += mass * np.nan_to_num(metric(x[rows], y[rows], w))
            pairs += mass
        return ratio(total, pairs)

    return averaged


def label_figures(
    units: Units, margins: FloatArray, sets: Sequence[tuple[int, ...]], *, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """All figures of one label.

    ``auroc`` and ``auprc`` are within strata (:data:`multimodal.evaluate.units.STRATA`), over the
    strata that hold both classes; ``ece`` is of the probability at the prevalence of these very units,
    which the answer also gives, since a calibrated answer's prevalence is its user's to state; ``aurc`` is the
    error rate among the surest verdicts, averaged over how many are given;
    ``sensitivity`` and ``specificity`` are at the threshold that the bundle carries; ``coverage`` is the
    share of each class whose prediction set holds it, and ``decided`` the share of sets that name one answer.

    Args:
        units: With evidence as scores, :meth:`~multimodal.evaluate.units.Units.comparable`.
        margins: (N,) evidence less its threshold.
        sets: N prediction sets.
        resamples: Of the bootstrap.

    Returns:
        Plain numbers, each figure with ``<figure>_ci``; None for a figure that the units cannot give.
    """
    x, y = units.scores, units.targets
    answer = counts(units)
    figures: dict[str, tuple[Metric, FloatArray]] = {
        "auroc": (within(auroc, units.strata), x),
        "auprc": (within(auprc, units.strata), x),
        "sensitivity": (partial(sensitivity, threshold=0.0), margins),
        "specificity": (partial(specificity, threshold=0.0), margins),
        "aurc": (aurc, margins),
    }
    for name, (metric, scores) in figures.items():
        answer |= _with_interval(name, _bootstrap(metric, scores, units, resamples))
    prevalence = float(y.mean())
    answer["prevalence"] = prevalence
    if 0 < prevalence < 1:
        p = np.asarray(expit(x + float(logit(prevalence))))
        answer |= _with_interval("ece", _bootstrap(expected_calibration_error, p, units, resamples))
    else:
        answer |= {"ece": None, "ece_ci": None}
    held = np.array([t in s for t, s in zip(y, sets, strict=True)])
    answer["coverage"] = [finite(held[y == value].mean()) if (y == value).any() else None for value in (0, 1)]
    answer["decided"] = float(np.mean([len(s) == 1 for s in sets]))
    return answer


def ranking(units: Units, *, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Counts, AUROC and its interval: what is given for a group or a baseline."""
    units = units.comparable()
    if not len(units.scores):
        return counts(units)
    interval = _bootstrap(within(auroc, units.strata), units.scores, units, resamples)
    return counts(units) | _with_interval("auroc", interval)


def counts(units: Units) -> dict[str, Any]:
    """How many units, patients and positives, and what a unit is."""
    return {
        "n": len(units.scores),
        "patients": int((np.unique(units.patients) != "").sum()),
        "positives": int(units.targets.sum()),
        "unit": "patient" if units.by_patient else "item",
    }


def compare(first: Units, second: npt.ArrayLike, *, resamples: int = RESAMPLES) -> dict[str, Any]:
    """AUROC of the first less that of the second scores on the same units, by paired bootstrap.

    Args:
        first: Units with the first scores.
        second: (N,) the second scores, of the same units.
        resamples: Of the bootstrap.
    """
    metric = within(auroc, first.strata)
    test = paired_bootstrap(metric, first.scores, second, first.targets, first.patients, resamples=resamples)
    return comparison(test)


def mean_auroc(
    by_label: Mapping[str, Units], others: Mapping[str, npt.ArrayLike] | None = None, *, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Mean AUROC over labels, patients drawn once for all labels.

    Args:
        by_label: The units of each label, of which each has one patient.
        others: Other scores of the same units: the answer is then the mean difference to them.
        resamples: Of the bootstrap.

    Returns:
        ``value`` and ``ci``; a label without both classes does not count.
    """
    usable = {label: rows for label, rows in by_label.items() if 0 < rows.targets.mean() < 1}
    if not usable:
        return {"value": None, "ci": None}
    patients = np.unique(np.concatenate([rows.patients for rows in usable.values()]))
    where = {label: np.searchsorted(patients, rows.patients) for label, rows in usable.items()}

    def mean(weights: FloatArray) -> FloatArray:
        values = []
        for label, rows in usable.items():
            metric, w = within(auroc, rows.strata), weights[..., where[label]]
            value = metric(rows.scores, rows.targets, w)
            values.append(value if others is None else value - metric(others[label], rows.targets, w))
        return np.asarray(np.mean(values, axis=0))

    interval = bootstrap(mean, patients, resamples=resamples)
    return {"value": finite(interval.value), "ci": _pair(interval.low, interval.high)}


def comparison(test: Comparison) -> dict[str, Any]:
    """A paired difference as plain numbers."""
    return {
        "difference": finite(test.difference),
        "ci": _pair(test.low, test.high),
        "p_value": finite(test.p_value),
    }


def pseudonym(key: str) -> str:
    """A patient's key as twelve hexadecimal digits, for tables that leave the machine."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def finite(value: float) -> float | None:
    """The number, or None where it is NaN: JSON has no NaN."""
    return float(value) if math.isfinite(value) else None


def _bootstrap(metric: Metric, scores: FloatArray, units: Units, resamples: int) -> Interval:
    return bootstrap(lambda weights: metric(scores, units.targets, weights), units.patients, resamples=resamples)


def _with_interval(name: str, interval: Interval) -> dict[str, Any]:
    return {name: finite(interval.value), f"{name}_ci": _pair(interval.low, interval.high)}


def _pair(low: float, high: float) -> list[float] | None:
    return [low, high] if math.isfinite(low) and math.isfinite(high) else None
