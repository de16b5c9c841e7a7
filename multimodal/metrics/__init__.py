"""How good a score is: pure functions over NumPy arrays, one row a case.

Every figure takes optional ``weights`` of shape (..., N) and answers with the weights'
leading shape, so one call scores a thousand bootstrap resamples at once: a resample is a
row of weights that counts how often each patient was drawn (:func:`bootstrap`).

A figure that the rows cannot give (an AUROC of one class) is NaN, never a guess.
"""

from multimodal.metrics.decisions import (
    McNemar,
    accuracy,
    aurc,
    circor_weighted_accuracy,
    mcnemar,
    risk_coverage,
    sensitivity,
    specificity,
)
from multimodal.metrics.intervals import Comparison, Interval, bootstrap, delong, paired_bootstrap
from multimodal.metrics.ranking import auprc, auroc, roc_curve
from multimodal.metrics.reliability import brier, expected_calibration_error, reliability_curve

__all__ = [
    "Comparison",
    "Interval",
    "McNemar",
    "accuracy",
    "auprc",
    "aurc",
    "auroc",
    "bootstrap",
    "brier",
    "circor_weighted_accuracy",
    "delong",
    "expected_calibration_error",
    "mcnemar",
    "paired_bootstrap",
    "reliability_curve",
    "risk_coverage",
    "roc_curve",
    "sensitivity",
    "specificity",
]
