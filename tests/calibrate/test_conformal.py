from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.calibrate import MIN_PATIENTS, fit_conformal, fit_label
from multimodal.errors import UsageError
from tests.calibrate.samples import drawn

few = settings(max_examples=30, deadline=None)


@pytest.mark.parametrize(("n", "separation", "alpha"), [(60, 1.0, 0.1), (200, 2.0, 0.1), (200, 0.3, 0.2)])
def test_covers_each_class(n: int, separation: float, alpha: float) -> None:
    """Mean coverage over many calibration samples is at least 1 - alpha for each class."""
    hits = {0: [], 1: []}
    for seed in range(150):
        calibration = fit_label(*drawn(n, 0.4, seed, separation), alpha=alpha)
        if calibration.conformal is None:
            continue
        fresh, truth = drawn(200, 0.4, 10_000 + seed, separation)
        held = [int(t) in calibration.set(e) for e, t in zip(calibration.evidence(fresh), truth, strict=True)]
        for value in (0, 1):
            hits[value].append(np.mean(np.array(held)[truth == value]))
    assert min(len(hits[0]), len(hits[1])) > 50
    assert np.mean(hits[0]) >= 1 - alpha - 0.012
    assert np.mean(hits[1]) >= 1 - alpha - 0.012


def test_is_not_needlessly_wide() -> None:
    """With much data and little overlap the cut-offs are the class quantiles."""
    logits, targets = drawn(20_000, 0.5, separation=1.0)
    calibration = fit_label(logits, targets)
    evidence = calibration.evidence(logits)
    sets = [calibration.set(e) for e in evidence]
    misses = np.mean([int(t) not in s for s, t in zip(sets, targets, strict=True)])
    assert misses == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("few_of", [0, 1])
def test_too_few_of_a_class_give_both(few_of: int) -> None:
    logits, targets = drawn(400, 0.5)
    keep = np.r_[np.flatnonzero(targets != few_of), np.flatnonzero(targets == few_of)[:MIN_PATIENTS]]
    assert fit_label(logits[keep], targets[keep]).conformal is not None
    short = fit_label(logits[keep[:-1]], targets[keep[:-1]])
    assert short.conformal is None
    assert short.set(9.0) == short.set(-9.0) == (0, 1)


def test_too_small_an_alpha_for_the_patients_gives_both() -> None:
    logits, targets = drawn(100, 0.5)
    assert fit_conformal(logits, targets, 0.0, alpha=0.01) is None


@few
@given(st.integers(0, 1000), st.floats(-3, 3), st.floats(0.1, 4))
def test_holds_the_verdict_and_is_never_empty(seed: int, evidence: float, separation: float) -> None:
    calibration = fit_label(*drawn(120, 0.5, seed, separation))
    assert int(evidence >= calibration.threshold) in calibration.set(evidence)


@few
@given(st.integers(0, 1000))
def test_a_monotone_calibration_leaves_the_sets_alone(seed: int) -> None:
    logits, targets = drawn(120, 0.5, seed)
    first, second = fit_label(logits, targets), fit_label(50 * logits - 20, targets)
    # to within the tolerance of the fit, which the edges of the sets may cross
    left = [first.set(e) for e in first.evidence(logits + 1e-4)]
    right = [second.set(e) for e in second.evidence(50 * (logits + 1e-4) - 20)]
    assert np.mean([a == b for a, b in zip(left, right, strict=True)]) > 0.97


def test_alpha_is_a_share() -> None:
    with pytest.raises(UsageError, match="`alpha`"):
        fit_conformal([0.0, 1.0], [0, 1], 0.0, alpha=1.0)
