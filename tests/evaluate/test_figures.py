from __future__ import annotations

import json

import numpy as np
import pytest
import sklearn.metrics

from multimodal.evaluate.figures import compare, label_figures, mean_auroc, ranking, within
from multimodal.evaluate.units import Units
from multimodal.metrics import auroc


def made(n: int = 200, seed: int = 0, strata: int = 1, shift: float = 0.0) -> Units:
    """Units whose strata differ in score and prevalence by ``shift``, a shortcut that says nothing within one."""
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, strata, n)
    targets = (rng.uniform(size=n) < 0.3 + 0.4 * (stratum / max(1, strata - 1) if shift else 0)).astype(float)
    scores = rng.normal(size=n) + 0.5 * targets + shift * stratum
    names = np.array([f"s{i}" for i in stratum])
    return Units(False, scores, targets, np.array([f"p{i // 2}" for i in range(n)]), names, {})


def test_within_one_stratum_is_the_metric_itself() -> None:
    assert within(auroc, np.array(["a", "a"])) is auroc


def test_within_strata_by_counting_pairs() -> None:
    units = made(60, strata=3, shift=2.0)
    wins = pairs = 0.0
    for i in np.flatnonzero(units.targets == 1):
        for j in np.flatnonzero(units.targets == 0):
            if units.strata[i] == units.strata[j]:
                pairs += 1
                wins += (units.scores[i] > units.scores[j]) + 0.5 * (units.scores[i] == units.scores[j])
    value = within(auroc, units.strata)(units.scores, units.targets, np.ones((1, 60)))
    assert value == pytest.approx([wins / pairs])


def test_a_shortcut_between_strata_does_not_count() -> None:
    units = made(2000, seed=3, strata=2, shift=3.0)
    assert float(auroc(units.scores, units.targets)) > 0.7
    assert ranking(units)["auroc"] == pytest.approx(0.64, abs=0.04)


def test_label_figures() -> None:
    units = made()
    sets = [(1,) if score > 1 else (0, 1) if score > -1 else (0,) for score in units.scores]
    figures = label_figures(units, units.scores - 0.5, sets, resamples=300)
    assert figures["auroc"] == pytest.approx(sklearn.metrics.roc_auc_score(units.targets, units.scores))
    assert figures["auprc"] == pytest.approx(sklearn.metrics.average_precision_score(units.targets, units.scores))
    assert figures["sensitivity"] == pytest.approx((units.scores[units.targets == 1] >= 0.5).mean())
    assert figures["specificity"] == pytest.approx((units.scores[units.targets == 0] < 0.5).mean())
    assert (figures["n"], figures["patients"], figures["positives"]) == (200, 100, int(units.targets.sum()))
    assert figures["prevalence"] == pytest.approx(units.targets.mean())
    assert figures["coverage"] == pytest.approx(
        [(units.scores[units.targets == 0] <= 1).mean(), (units.scores[units.targets == 1] > -1).mean()]
    )
    assert figures["decided"] == pytest.approx((np.abs(units.scores) > 1).mean(), abs=0.01)
    for name in ("auroc", "auprc", "ece", "sensitivity", "specificity"):
        low, high = figures[f"{name}_ci"]
        assert low <= figures[name] <= high or name == "ece"


def test_calibrated_evidence_has_no_calibration_error_at_any_prevalence() -> None:
    rng = np.random.default_rng(0)
    for prevalence in (0.1, 0.6):
        targets = (rng.uniform(size=20_000) < prevalence).astype(float)
        evidence = rng.normal(targets - 0.5, 1)
        units = Units(False, evidence, targets, np.arange(20_000).astype(str), np.full(20_000, ""), {})
        assert label_figures(units, evidence, [(0, 1)] * 20_000, resamples=2)["ece"] < 0.02


def test_one_class_gives_no_figure_but_what_it_can() -> None:
    units = made().where(made().targets == 0)
    figures = label_figures(units, units.scores, [(0, 1)] * len(units.scores), resamples=50)
    assert figures["auroc"] is figures["auprc"] is figures["ece"] is figures["sensitivity"] is None
    assert figures["auroc_ci"] is None
    assert figures["coverage"] == [1.0, None]
    assert 0 < figures["specificity"] < 1
    json.dumps(figures, allow_nan=False)


def test_compare_says_which_is_better() -> None:
    units = made(600)
    noise = units.scores + 2 * np.random.default_rng(1).normal(size=600)
    test = compare(units, noise)
    assert test["ci"][0] > 0
    assert test["p_value"] < 0.05
    assert compare(units, units.scores) == {"difference": 0.0, "ci": [0.0, 0.0], "p_value": 1.0}


def test_mean_over_labels() -> None:
    first, second = made(seed=1), made(seed=2)
    hopeless = made().where(made().targets == 1)
    both = {"a": first, "b": second, "c": hopeless}
    expected = np.mean([ranking(units)["auroc"] for units in (first, second)])
    found = mean_auroc(both)
    assert found["value"] == pytest.approx(expected)
    assert found["ci"][0] < expected < found["ci"][1]
    same = mean_auroc(both, {name: units.scores for name, units in both.items()})
    assert same == {"value": 0.0, "ci": [0.0, 0.0]}
    assert mean_auroc({"c": hopeless}) == {"value": None, "ci": None}
