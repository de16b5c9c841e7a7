from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from multimodal import zoo
from multimodal.calibrate import LabelCalibration
from multimodal.engine import run
from multimodal.errors import UsageError
from multimodal.evaluate import evaluate_branch, evaluate_scored, score, units
from multimodal.labels import Modality
from multimodal.metrics import circor_weighted_accuracy
from tests.evaluate.rows import dataset, item

N = 24
TRUTH = np.tile([0.0, 1.0], N // 2)


def test_scores_are_the_engines_evidence(zoo_root: Path) -> None:
    branch = zoo.load(zoo.find("image", "tiny_image"))
    data = dataset(Modality.IMAGE, {"pneumonia": TRUTH})
    scored = score(branch, data, device="cpu")
    outputs = run(branch, [item(Modality.IMAGE, i) for i in range(N)], device="cpu")
    for column, label in enumerate(branch.config.labels):
        calibration = LabelCalibration.from_dict(branch.config.calibration[label])
        expected = calibration.evidence([output.logits[column] for output in outputs]).clip(-8, 8)
        np.testing.assert_allclose(scored.scores[:, column], expected)


def test_the_answer_is_that_of_the_command_line_contract(zoo_root: Path) -> None:
    split = ["train"] * 12 + ["val"] * 12
    data = dataset(Modality.TEXT, {"pneumonia": TRUTH, "murmur": [np.nan] * N}, split=split, sex=["F", "M"] * 12)
    bundle = zoo.find("text", "tiny_text")
    evaluation = evaluate_branch(bundle, [data], split="val", text_column="indication", device="cpu", resamples=50)
    figures = json.loads(json.dumps(evaluation.figures, allow_nan=False))
    assert list(figures["labels"]) == ["pneumonia"]
    entry = figures["labels"]["pneumonia"]
    assert (entry["n"], entry["patients"], entry["positives"]) == (12, 12, 6)
    assert entry["auroc_ci"][0] <= entry["auroc"] <= entry["auroc_ci"][1]
    assert {"auprc", "ece", "sensitivity", "specificity"} <= set(entry)
    assert figures["bundle"] == {"kind": "text", "name": "tiny_text", "sha256": bundle.config.sha256}
    expected = {"source": "made", "split": "val", "rows": 12, "patients": 12, "text_column": "indication"}
    assert figures["data"] == expected
    assert set(figures["baselines"]) == {"metadata", "bag_of_words"}
    # sex is the label here: the metadata baseline must find that out
    assert figures["baselines"]["metadata"]["labels"]["pneumonia"]["auroc"] == 1
    assert figures["by_group"] == {}


def test_groups_with_enough_of_both_classes_get_figures(zoo_root: Path) -> None:
    data = dataset(Modality.TEXT, {"pneumonia": TRUTH}, sex=["F"] * 12 + ["M"] * 12, age=[20.0] * 23 + [70.0])
    scored = score(zoo.load(zoo.find("text", "tiny_text")), data, device="cpu")
    config = zoo.find("text", "tiny_text").config
    groups = evaluate_scored(scored, config, resamples=20).figures["by_group"]
    assert set(groups) == {"sex=F", "sex=M", "age_group=18-39"}
    assert groups["sex=F"]["pneumonia"]["n"] == 12


def test_murmur_is_also_scored_as_the_challenge_scores_it(zoo_root: Path) -> None:
    truth = ["Present", "Absent", "Unknown", "Absent", "Present", "Absent"]
    murmur = [1.0, 0, np.nan, 0, 1, 0]
    data = dataset(Modality.AUDIO, {"murmur": murmur}, murmur_patient=truth)
    loaded = zoo.load(zoo.find("audio", "tiny_audio"))
    scored = score(loaded, data, device="cpu")
    prevalence = loaded.config.calibration["murmur"]["prevalence"]
    even = np.log(1 / 5) - np.log(prevalence / (1 - prevalence))  # a miss costs five false alarms
    scored.scores[:, loaded.config.labels.index("murmur")] = even + np.array([0.1, -0.1, 0.1, 0.1, -0.1, -0.1])
    evaluation = evaluate_scored(scored, loaded.config, train=data.where([False] * 6), resamples=20)
    called = ["Present", "Absent", "Present", "Present", "Absent", "Absent"]
    answer = evaluation.figures["circor_weighted_accuracy"]
    assert answer["value"] == pytest.approx(float(circor_weighted_accuracy(called, truth)))
    assert answer["patients"] == 6
    assert "baselines" not in evaluation.figures


def test_predictions_hold_each_unit_once_and_no_patient_key(zoo_root: Path) -> None:
    data = dataset(Modality.AUDIO, {"murmur": TRUTH}, patient=[f"made/{i % 8}" for i in range(N)])
    evaluation = evaluate_branch(zoo.find("audio", "tiny_audio"), [data], device="cpu", resamples=5)
    table = evaluation.predictions()
    assert len(table) == table["patient"].nunique() == 8
    assert not table["patient"].str.contains("made").any()
    found = units(evaluation.scored, "murmur")
    calibration = evaluation.calibrations["murmur"]
    np.testing.assert_allclose(table["evidence"], found.scores)
    expected = 1 / (1 + (1 - calibration.prevalence) / calibration.prevalence * np.exp(-found.scores))
    np.testing.assert_allclose(table["probability"], expected)


def test_errors(zoo_root: Path) -> None:
    data = dataset(Modality.TEXT, {"pneumonia": TRUTH})
    with pytest.raises(UsageError, match="split out of val, but got 'test'"):
        evaluate_branch(zoo.find("text", "tiny_text"), [data], split="test")
    with pytest.raises(UsageError, match="Expected data of image"):
        evaluate_branch(zoo.find("image", "tiny_image"), [data])
    with pytest.raises(UsageError, match="is a fusion head"):
        evaluate_branch(zoo.find("fusion", "tiny_gated"), [data])
    unknown = dataset(Modality.IMAGE, {"murmur": TRUTH})
    with pytest.raises(UsageError, match="has a known value"):
        evaluate_branch(zoo.find("image", "tiny_image"), [unknown], device="cpu")
