from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from multimodal import zoo
from multimodal.bundle import OUT_OF_FOLD, write_config
from multimodal.calibrate import LabelCalibration
from multimodal.datasets import join
from multimodal.errors import UsageError
from multimodal.evaluate import evaluate_folds
from multimodal.labels import Modality
from multimodal.zoo import Bundle
from tests.evaluate.rows import dataset

N = 40
TRUTH = np.tile([0.0, 1.0], N // 2)
FOLD = np.arange(N) // 2 % 5
SPLIT = np.where(np.arange(N) < 35, "train", "test")

Left = Callable[..., Bundle]


@pytest.fixture
def left(zoo_root: Path) -> Left:
    """A text bundle as a cross-validation leaves it, with answers to 35 notes and to the indications of some."""
    bundle = zoo.find("text", "tiny_text")

    def leave(**changed: object) -> Bundle:
        order = [i for fold in range(5) for i in range(35) if FOLD[i] == fold]
        rng = np.random.default_rng(0)
        logits = rng.normal(size=(N, len(bundle.config.labels))) + TRUTH[:, None]
        rows = np.array([*order, *order[:7], 0, 1])
        sources = ["made"] * 35 + ["made (indication)"] * 7 + ["other"] * 2
        patients = [f"made/{i}" for i in rows[:42]] + ["other/0", "other/1"]
        answers = {"labels": bundle.config.labels, "patients": patients, "sources": sources, "logits": logits[rows]}
        arrays = {name: np.array(part) for name, part in (answers | changed).items()}
        np.savez(bundle.folder / OUT_OF_FOLD, allow_pickle=False, **arrays)
        write_config(bundle.folder, replace(bundle.config, training={"cross_validation": {"folds": 5}}))
        return bundle

    return leave


def test_every_row_of_train_and_val_has_its_own_answer(left: Left) -> None:
    data = dataset(Modality.TEXT, {"pneumonia": TRUTH.tolist()}, fold=FOLD, split=SPLIT, sex=["F", "M"] * (N // 2))
    bundle = left()
    found = evaluate_folds(bundle, [data], resamples=20).figures
    logits = np.random.default_rng(0).normal(size=(N, len(bundle.config.labels))) + TRUTH[:, None]
    column = bundle.config.labels.index("pneumonia")
    evidence = LabelCalibration.from_dict(bundle.config.calibration["pneumonia"]).evidence(logits[:35, column])
    expected = roc_auc_score(TRUTH[:35], evidence.clip(-8, 8))
    assert found["labels"]["pneumonia"]["auroc"] == pytest.approx(expected)
    assert found["data"] == {"source": "made", "split": "5 folds", "rows": 35, "patients": 35}
    assert found["baselines"]["metadata"]["labels"]["pneumonia"]["auroc"] == 1  # sex is the label here


def test_other_rows_than_those_answered_are_refused(left: Left) -> None:
    data = dataset(Modality.TEXT, {"pneumonia": TRUTH.tolist()}, fold=FOLD, split=SPLIT)
    more = replace(data, rows=data.rows.assign(patient=[f"more/{i}" for i in range(N)]))
    for given in ([join([data, more])], [replace(data, rows=data.rows.assign(fold=0))]):
        with pytest.raises(UsageError, match="the rows that tiny_text was cross-validated on"):
            evaluate_folds(left(), given, resamples=20)
    with pytest.raises(UsageError, match="the rows that tiny_text was cross-validated on"):
        evaluate_folds(left(labels=["murmur"]), [data], resamples=20)


def test_a_bundle_without_such_answers_is_told(zoo_root: Path) -> None:
    data = dataset(Modality.TEXT, {"pneumonia": TRUTH.tolist()}, fold=FOLD, split=SPLIT)
    with pytest.raises(UsageError, match="train it with --folds"):
        evaluate_folds(zoo.find("text", "tiny_text"), [data])
