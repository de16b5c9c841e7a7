"""Calibrate a network on patients that neither trained it nor chose its epoch."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit

from multimodal.calibrate import (
    LabelCalibration,
    choose_threshold,
    fit_conformal,
    fit_label,
    fit_platt,
    fit_temperature,
)
from multimodal.train.data import FloatArray

BoolArray = npt.NDArray[np.bool_]

MIN_PATIENTS = 8
"""Fewest positive, and fewest negative, patients for a label to get a scale of its own."""


def halves(patients: npt.NDArray[Any]) -> BoolArray:
    """(N,) which half a patient falls into, the same in every run: True chooses epochs, False calibrates."""
    return np.array([hashlib.sha256(str(patient).encode()).digest()[0] % 2 == 0 for patient in patients], dtype=bool)


def calibrate_branch(
    logits: FloatArray,
    targets: FloatArray,
    patients: npt.NDArray[Any],
    labels: tuple[str, ...],
) -> dict[str, LabelCalibration]:
    """One calibration a label.

    A patient with many recordings weighs as much as one with a single one, and conformal
    cut-offs see one row a patient and answer: the mean of its logits. A label with too few patients shares the
    scale of all labels together, and its bias makes the mean probability its prevalence.

    Args:
        logits: (N, L).
        targets: (N, L), NaN where unknown.
        patients: (N,) keys.
        labels: The L labels.

    Returns:
        Label -> calibration; a label without a positive or a negative is left out.
    """
    columns = {
        label: by_patient(logits[:, column], targets[:, column], patients) for column, label in enumerate(labels)
    }
    usable = {label: rows for label, rows in columns.items() if 0 < rows[1].mean() < 1}
    common = _common_scale(list(usable.values()))
    return {
        label: fit_label(x, y) if min(y.sum(), (1 - y).sum()) >= MIN_PATIENTS else _with_scale(x, y, common)
        for label, (x, y) in usable.items()
    }


def calibrate_head(relative: FloatArray, targets: FloatArray, labels: tuple[str, ...]) -> dict[str, LabelCalibration]:
    """One calibration a label of a fusion head, for one pattern of modalities.

    All labels share a temperature: they are sums of calibrated evidence, whose scale is what fusion can get wrong.
    A label with too few patients is called present at evidence 0, and its prediction set holds both answers.

    Args:
        relative: (N, L) fused log-odds relative to the reference.
        targets: (N, L), NaN where unknown; rows of a label are independent patients.
        labels: The L labels.

    Returns:
        Label -> calibration; empty where too few patients are known.
    """
    known = ~np.isnan(targets)
    x, y = relative[known], targets[known]
    if min(y.sum(), (1 - y).sum()) < MIN_PATIENTS:
        return {}
    scale = fit_temperature(x, y)
    found = {}
    for column, label in enumerate(labels):
        rows = known[:, column]
        evidence, truth = scale * relative[rows, column], targets[rows, column]
        enough = min(truth.sum(), (1 - truth).sum()) >= MIN_PATIENTS
        threshold = choose_threshold(evidence, truth) if enough else 0.0
        sets = fit_conformal(evidence, truth, threshold) if enough else None
        found[label] = LabelCalibration(scale=scale, bias=0.0, prevalence=0.5, threshold=threshold, conformal=sets)
    return found


def by_patient(logits: FloatArray, targets: FloatArray, patients: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """Mean logit and answer of each patient and answer, unknown rows left out: (M,) and (M,)."""
    known = ~np.isnan(targets)
    keys = np.array([f"{patient}|{target:.0f}" for patient, target in zip(patients, targets, strict=True)])[known]
    unique, group = np.unique(keys, return_inverse=True)
    counts = np.bincount(group, minlength=len(unique))
    means = np.bincount(group, weights=logits[known], minlength=len(unique)) / np.maximum(counts, 1)
    answers = np.array([float(key.rsplit("|", 1)[1]) for key in unique])
    return means, answers if len(answers) else np.zeros(0)


def _common_scale(columns: list[tuple[FloatArray, FloatArray]]) -> float:
    """Platt's scale over all labels together.

    Each label is centred between its two classes, which weigh as much as the rarer has patients:
    else a label's prevalence would pass for the scale.
    """
    if not columns:
        return 1.0
    centred = [x - (x[y == 1].mean() + x[y == 0].mean()) / 2 for x, y in columns]
    weights = [np.where(y == 1, (1 - y).sum(), y.sum()) / max(y.sum(), (1 - y).sum()) for _, y in columns]
    return fit_platt(np.concatenate(centred), np.concatenate([y for _, y in columns]), np.concatenate(weights))[0]


def _with_scale(x: FloatArray, y: FloatArray, scale: float) -> LabelCalibration:
    """The scale given, the bias by the mean; called present above its prevalence."""
    prevalence = float((y.sum() + 0.5) / (len(y) + 1))
    scores = scale * x
    spread = float(np.abs(scores).max()) + 20.0
    bias = float(brentq(lambda b: expit(scores + b).mean() - prevalence, -spread, spread))
    return LabelCalibration(scale=scale, bias=bias, prevalence=prevalence, threshold=0.0, conformal=None)
