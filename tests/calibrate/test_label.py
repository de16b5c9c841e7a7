from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from multimodal.calibrate import Conformal, LabelCalibration, fit_label
from multimodal.errors import BundleInvalidError, UsageError
from tests.calibrate.samples import drawn


def test_round_trip_through_json() -> None:
    calibration = fit_label(*drawn(200, 0.5))
    assert LabelCalibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration
    short = replace(calibration, conformal=None)
    assert LabelCalibration.from_dict(json.loads(json.dumps(short.to_dict()))) == short


@pytest.mark.parametrize(
    "change",
    [
        {"scale": -1.0},
        {"scale": float("nan")},
        {"scale": "1"},
        {"bias": True},
        {"prevalence": 0.0},
        {"prevalence": 1.0},
        {"extra": 1.0},
        {"conformal": {"alpha": 0.1}},
        {"conformal": 3},
    ],
)
def test_refuses_what_it_did_not_write(change: dict[str, object]) -> None:
    raw = LabelCalibration(1.0, 0.0, 0.5, 0.0, Conformal(0.1, -1.0, 1.0, 30, 30)).to_dict()
    with pytest.raises(BundleInvalidError):
        LabelCalibration.from_dict({**raw, **change})


def test_refuses_a_missing_key() -> None:
    raw = LabelCalibration(1.0, 0.0, 0.5, 0.0, None).to_dict()
    raw.pop("conformal")
    with pytest.raises(BundleInvalidError, match="conformal"):
        LabelCalibration.from_dict(raw)


@pytest.mark.parametrize(
    ("logits", "targets", "weights", "message"),
    [
        ([0.0, 1.0], [0], None, "shape"),
        ([0.0, np.inf], [0, 1], None, "`scores` to be finite"),
        ([0.0, 1.0], [0, np.nan], None, "0 or 1"),
        ([0.0, 1.0], [1, 1], None, "positives and negatives"),
        ([0.0, 1.0], [0, 1], [1, 0], "positives and negatives"),
        ([0.0, 1.0], [0, 1], [1, -1], "not negative"),
        ([0.0, 1.0], [0, 1], [[1, 1], [1, 1]], "`weights` to be of shape"),
    ],
)
def test_errors(logits: list[float], targets: list[float], weights: list[object] | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fit_label(logits, targets, weights)
