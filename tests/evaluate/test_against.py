"""Two branches on the same rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from multimodal import zoo
from multimodal.bundle import write_config
from multimodal.errors import UsageError
from multimodal.evaluate import BranchEvaluation, evaluate_against, evaluate_branch, score
from multimodal.labels import Modality
from multimodal.metrics import delong
from tests.engine.tiny import save_branch
from tests.evaluate.rows import dataset

N = 40
TRUTH = np.tile([0.0, 1.0, 1.0, 0.0], N // 4)


@pytest.fixture
def answer(zoo_root: Path) -> BranchEvaluation:
    save_branch(zoo_root, "image", "other", seed=1)
    answer = evaluate(patient=[f"made/{i}" for i in range(N)])
    for name in ("tiny_image", "other"):  # half of the rows are called
        bundle = zoo.find("image", name)
        entries = dict(bundle.config.calibration)
        entries["pneumonia"] = {**entries["pneumonia"], "threshold": float(np.median(evidence(name, answer)))}
        write_config(bundle.folder, replace(bundle.config, calibration=entries))
    return evaluate(patient=[f"made/{i}" for i in range(N)])


def evaluate(**columns: object) -> BranchEvaluation:
    data = dataset(Modality.IMAGE, {"pneumonia": TRUTH}, **columns)
    return evaluate_branch(zoo.find("image", "tiny_image"), [data], device="cpu", resamples=30)


def evidence(name: str, answer: BranchEvaluation) -> np.ndarray:
    scored = score(zoo.load(zoo.find("image", name)), answer.scored.data, device="cpu")
    return scored.scores[:, scored.labels.index("pneumonia")]


def threshold(name: str) -> float:
    return float(zoo.find("image", name).config.calibration["pneumonia"]["threshold"])


def test_the_other_is_ranked_and_tested_on_the_same_rows(answer: BranchEvaluation) -> None:
    found = evaluate_against(answer, [zoo.find("image", "other")], device="cpu", resamples=50)
    json.dumps(found, allow_nan=False)
    entry = found["labels"]["pneumonia"]
    this, that = evidence("tiny_image", answer), evidence("other", answer)
    assert entry["auroc"] == pytest.approx(roc_auc_score(TRUTH, that))
    difference = roc_auc_score(TRUTH, this) - roc_auc_score(TRUTH, that)
    assert entry["difference"]["difference"] == pytest.approx(difference)
    assert found["mean_difference"]["value"] == pytest.approx(difference)
    assert entry["delong"]["p_value"] == pytest.approx(delong(this, that, TRUTH).p_value)
    right = [(this >= threshold("tiny_image")) == TRUTH, (that >= threshold("other")) == TRUTH]
    first, second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    assert first + second > 0
    assert (entry["mcnemar"]["only_first"], entry["mcnemar"]["only_second"]) == (first, second)
    assert entry["mcnemar"]["p_value"] == pytest.approx(binomtest(first, first + second).pvalue)
    assert entry["mcnemar"]["patients"] == N


def test_an_ensemble_is_averaged_in_log_odds(answer: BranchEvaluation) -> None:
    both = [zoo.find("image", name) for name in ("tiny_image", "other")]
    found = evaluate_against(answer, both, device="cpu", resamples=20)
    mean = (evidence("tiny_image", answer) + evidence("other", answer)) / 2
    assert found["bundle"]["name"] == "tiny_image+other"
    assert found["labels"]["pneumonia"]["auroc"] == pytest.approx(roc_auc_score(TRUTH, mean))


def test_a_branch_is_no_better_than_itself(answer: BranchEvaluation) -> None:
    entry = evaluate_against(answer, [zoo.find("image", "tiny_image")], device="cpu", resamples=20)["labels"][
        "pneumonia"
    ]
    assert entry["difference"]["difference"] == 0
    assert entry["difference"]["ci"] == [0, 0]
    assert (entry["mcnemar"]["only_first"], entry["mcnemar"]["only_second"]) == (0, 0)


def test_tests_of_independent_rows_take_each_patients_first(answer: BranchEvaluation) -> None:
    pairs = evaluate(
        patient=[f"made/{i // 4}" for i in range(N)], side_px=[float(64 + 192 * (i % 2)) for i in range(N)]
    )
    entry = evaluate_against(pairs, [zoo.find("image", "other")], device="cpu", resamples=20)["labels"]["pneumonia"]
    assert entry["mcnemar"]["patients"] == N // 4
    assert entry["delong"] is None  # films of two sizes are ranked apart


@pytest.mark.parametrize(("kind", "name"), [("audio", "tiny_audio"), ("fusion", "tiny_gated")])
def test_what_cannot_be_compared_is_refused(answer: BranchEvaluation, kind: str, name: str) -> None:
    with pytest.raises(UsageError, match="Expected branches of image"):
        evaluate_against(answer, [zoo.find(kind, name)], device="cpu")
