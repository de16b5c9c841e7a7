from __future__ import annotations

import numpy as np
import pytest

from multimodal.train.calibration import by_patient, calibrate_branch, halves


def test_halves_keep_patients_together_and_are_about_even() -> None:
    patients = np.repeat([f"a/{i}" for i in range(400)], 2)
    half = halves(patients)
    assert (half[::2] == half[1::2]).all()
    assert 0.4 < half.mean() < 0.6
    np.testing.assert_array_equal(half, halves(patients))


def test_a_patient_counts_once_for_each_answer() -> None:
    logits, targets = by_patient(
        np.array([1.0, 3.0, 5.0, 7.0, 9.0]), np.array([1, 1, 0, np.nan, 1]), np.array(["a", "a", "a", "b", "c"])
    )
    assert sorted(zip(targets.tolist(), logits.tolist(), strict=True)) == [(0, 5), (1, 2), (1, 9)]


def test_probabilities_are_right_on_average_and_rare_labels_borrow_the_scale() -> None:
    rng = np.random.default_rng(0)
    truth = np.column_stack([rng.random(4000) < 0.3, np.arange(4000) < 5]).astype(float)
    logits = 2 * truth - 1 + rng.normal(size=truth.shape)
    patients = np.arange(4000).astype(str)
    found = calibrate_branch(logits, truth, patients, ("pneumonia", "atelectasis"))
    common = found["pneumonia"]
    assert common.scale == pytest.approx(2, rel=0.1)
    assert common.probability(logits[:, 0]).mean() == pytest.approx(truth[:, 0].mean(), abs=0.01)
    rare = found["atelectasis"]
    assert rare.scale == pytest.approx(common.scale, rel=0.2)
    assert rare.probability(logits[:, 1]).mean() == pytest.approx(rare.prevalence, rel=0.01)
    assert rare.conformal is None


def test_a_label_without_both_answers_is_left_out() -> None:
    logits = np.random.default_rng(0).normal(size=(40, 2))
    truth = np.column_stack([np.arange(40) % 2, np.zeros(40)]).astype(float)
    assert set(calibrate_branch(logits, truth, np.arange(40).astype(str), ("pneumonia", "murmur"))) == {"pneumonia"}
