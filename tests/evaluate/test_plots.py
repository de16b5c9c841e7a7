from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from multimodal import zoo
from multimodal.errors import UsageError
from multimodal.evaluate import evaluate_branch, evaluate_fusion, plot
from multimodal.labels import Modality
from tests.evaluate.rows import dataset
from tests.evaluate.test_fusion import full_cohort

TRUTH = np.tile([0.0, 1.0], 12)


def test_a_branch_has_four_pictures(zoo_root: Path, tmp_path: Path) -> None:
    data = dataset(Modality.IMAGE, {"pneumonia": TRUTH, "no_finding": 1 - TRUTH}, side_px=np.repeat([64.0, 256], 12))
    evaluation = evaluate_branch(zoo.find("image", "tiny_image"), [data], device="cpu", resamples=5)
    paths = plot(evaluation, tmp_path / "plots")
    assert [path.name for path in paths] == ["roc.png", "reliability.png", "confusion.png", "risk_coverage.png"]
    for path in paths:
        with PIL.Image.open(path) as picture:
            assert np.asarray(picture).std() > 5


def test_a_fusion_has_the_missing_modality_curve(zoo_root: Path, tmp_path: Path) -> None:
    paths = plot(evaluate_fusion(None, full_cohort(), device="cpu", resamples=5), tmp_path, file_format="svg")
    assert [path.name for path in paths] == [
        f"{name}.svg" for name in ("roc", "reliability", "confusion", "risk_coverage", "missing")
    ]
    assert all(path.read_text().rstrip().endswith("</svg>") for path in paths)


def test_unknown_format(zoo_root: Path, tmp_path: Path) -> None:
    evaluation = evaluate_fusion(None, full_cohort(2), device="cpu", resamples=5)
    with pytest.raises(UsageError, match="out of png, svg"):
        plot(evaluation, tmp_path, file_format="pdf")
