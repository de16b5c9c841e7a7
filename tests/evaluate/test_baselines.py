from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from multimodal.case import Image, Text
from multimodal.datasets import Dataset
from multimodal.evaluate.baselines import baselines
from multimodal.labels import Modality
from multimodal.metrics import auroc
from tests.evaluate.rows import Drawn, dataset

N = 80
TARGETS = np.tile([0.0, 1.0], N // 2)


def films(rim: bool) -> Dataset:
    """Films whose rim, or only whose inside, is brighter where the label is present."""
    rng = np.random.default_rng(0)
    data = dataset(Modality.IMAGE, {"pneumonia": TARGETS}, fold=np.arange(N) % 5)
    origins = []
    for i, target in enumerate(TARGETS):
        pixels = rng.uniform(0.3, 0.5, (224, 224)).astype(np.float32)
        inside = np.zeros((224, 224), bool)
        inside[20:-20, 20:-20] = True
        pixels[~inside if rim else inside] += 0.1 * target
        origins.append(Drawn(Image(f"{i}", "", pixels)))
    return replace(data, origins=tuple(origins))


@pytest.mark.parametrize(("rim", "low", "high"), [(True, 0.99, 1.0), (False, 0.2, 0.8)])
def test_the_rim_baseline_sees_the_rim_and_nothing_else(rim: bool, low: float, high: float) -> None:
    scores = baselines(films(rim), ("pneumonia",), None)["rim"][:, 0]
    assert low <= auroc(scores, TARGETS) <= high


def test_bag_of_words_reads_words() -> None:
    data = dataset(Modality.TEXT, {"pneumonia": TARGETS, "murmur": [np.nan] * N}, fold=np.arange(N) % 5)
    notes = [Drawn(Text(f"{i}", "", "infiltrate seen" if y else "lungs clear")) for i, y in enumerate(TARGETS)]
    found = baselines(replace(data, origins=tuple(notes)), ("pneumonia", "murmur"), None)["bag_of_words"]
    assert auroc(found[:, 0], TARGETS) == 1
    assert np.isnan(found[:, 1]).all()


def test_metadata_learns_from_the_training_rows_given() -> None:
    age = np.where(TARGETS == 1, 70.0, 30.0)
    age[:4] = np.nan
    train = dataset(Modality.AUDIO, {"murmur": TARGETS}, age=age, sex=["F", "M"] * (N // 2))
    found = baselines(train, ("murmur",), train)
    assert set(found) == {"metadata"}
    assert auroc(found["metadata"][:, 0], TARGETS) == 1
    turned = dataset(Modality.AUDIO, {"murmur": 1 - TARGETS}, age=age, sex=["F", "M"] * (N // 2))
    assert auroc(baselines(train, ("murmur",), turned)["metadata"][:, 0], TARGETS) == 0


def test_no_metadata_no_baseline() -> None:
    assert baselines(dataset(Modality.AUDIO, {"murmur": TARGETS}), ("murmur",), None) == {}


def test_cross_fitting_never_learns_from_the_fold_it_scores() -> None:
    """With labels that are pure chance a leak would score above one half."""
    rng = np.random.default_rng(0)
    targets = rng.permutation(TARGETS)
    data = dataset(Modality.TEXT, {"pneumonia": targets}, fold=np.arange(N) % 5)
    notes = [Drawn(Text(f"{i}", "", f"word{i} word{i} " + " ".join(rng.choice(list("abcdefgh"), 5)))) for i in range(N)]
    found = baselines(replace(data, origins=tuple(notes)), ("pneumonia",), None)["bag_of_words"][:, 0]
    assert 0.25 < auroc(found, targets) < 0.75
