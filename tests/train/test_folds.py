from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multimodal.bundle import OUT_OF_FOLD
from multimodal.datasets import Dataset
from multimodal.errors import UsageError
from multimodal.labels import Modality
from multimodal.train import train_branch
from multimodal.train.run import Run
from multimodal.zoo import at, verify
from tests.train.conftest import QUICK, TINY


def test_folds_answer_every_row_by_a_network_that_never_saw_the_patient(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[str], set[str]]] = []
    fit = Run.fit

    def watch(self: Run, train: Dataset, validation: Dataset | None, out: Path) -> object:
        seen.append((set(train.rows["patient"]), set(train.rows["split"])))
        return fit(self, train, validation, out)

    monkeypatch.setattr(Run, "fit", watch)
    data = datasets[Modality.AUDIO]
    bundle = train_branch(
        "audio", "lstm", [data], tmp_path / "a", recipe=replace(QUICK, epochs=1), start=TINY[Modality.AUDIO],
        folds=5, cache=cache,
    )  # fmt: skip
    assert bundle.config.training["cross_validation"]["folds"] == 5
    with np.load(bundle.folder / OUT_OF_FOLD) as stored:
        assert sorted(stored["patients"]) == sorted(data.in_split("train", "val").rows["patient"])
        assert len(stored["embeddings"]) == len(stored["logits"]) == len(stored["patients"])
    assert len(seen) == 6
    assert not any("test" in splits for _, splits in seen)
    assert not set.intersection(*(patients for patients, _ in seen[1:]))


def test_folds_that_the_data_does_not_have_are_refused(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path
) -> None:
    with pytest.raises(UsageError, match="fold column with 0 to 2"):
        train_branch(
            "audio", "lstm", [datasets[Modality.AUDIO]], tmp_path / "a", recipe=replace(QUICK, epochs=1),
            start=TINY[Modality.AUDIO], folds=3, cache=cache,
        )  # fmt: skip


def test_a_fold_starts_from_the_same_fold_of_the_bundle_to_start_from(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, recipe, start = [datasets[Modality.AUDIO]], replace(QUICK, epochs=1), TINY[Modality.AUDIO]
    first = train_branch("audio", "lstm", data, tmp_path / "a", recipe=recipe, start=start, folds=5, cache=cache)
    started: list[Path | None] = []
    fit = Run.fit

    def watch(self: Run, train: Dataset, validation: Dataset | None, out: Path) -> object:
        started.append(self.start.init)
        return fit(self, train, validation, out)

    monkeypatch.setattr(Run, "fit", watch)
    on_top = replace(start, init=first.folder)
    train_branch("audio", "lstm", data, tmp_path / "b", recipe=recipe, start=on_top, folds=5, cache=cache)
    assert started == [first.folder, *(first.folder / f"fold{fold}" for fold in range(5))]
    for fold in range(5):
        assert verify(at(first.folder / f"fold{fold}")).training == {"fold": fold}


def test_a_bundle_that_knows_the_patients_held_out_is_no_start_for_folds(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path
) -> None:
    data, recipe, start = [datasets[Modality.AUDIO]], replace(QUICK, epochs=1), TINY[Modality.AUDIO]
    first = train_branch("audio", "lstm", data, tmp_path / "a", recipe=recipe, start=start, cache=cache)
    on_top = replace(start, init=first.folder)
    with pytest.raises(UsageError, match="knows patients of"):
        train_branch("audio", "lstm", data, tmp_path / "b", recipe=recipe, start=on_top, folds=5, cache=cache)
    assert not (tmp_path / "b").exists()


def test_a_bundle_whose_folds_are_gone_is_no_start_for_folds(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path
) -> None:
    data, recipe, start = [datasets[Modality.AUDIO]], replace(QUICK, epochs=1), TINY[Modality.AUDIO]
    first = train_branch("audio", "lstm", data, tmp_path / "a", recipe=recipe, start=start, folds=5, cache=cache)
    shutil.rmtree(first.folder / "fold3")  # as in a zoo, where only the bundle itself is shipped
    on_top = replace(start, init=first.folder)
    with pytest.raises(UsageError, match="knows patients of"):
        train_branch("audio", "lstm", data, tmp_path / "b", recipe=recipe, start=on_top, folds=5, cache=cache)
