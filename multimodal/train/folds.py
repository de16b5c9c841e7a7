"""Cross-validate a branch by patient: every row is answered by a network that never saw its patient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from multimodal.bundle import OUT_OF_FOLD
from multimodal.datasets import PHANTOM, Dataset
from multimodal.errors import UsageError
from multimodal.train.data import EvaluationSet, joined
from multimodal.train.fit import writing
from multimodal.train.predict import Prediction, joined_predictions, predict_set
from multimodal.train.run import Run
from multimodal.zoo import at, save


def check_folds(run: Run, data: Dataset, folds: int) -> None:
    """Refuse folds that the data does not have, or that a network to start from has seen."""
    numbers = set(data.rows["fold"].tolist())
    if numbers != set(range(folds)):
        raise UsageError(f"Expected a fold column with 0 to {folds - 1}, but got {sorted(numbers)}.")
    if run.start.init is None:
        return
    init, trained = run.start.init, at(run.start.init).config.training
    shared = sorted({name for name, _ in data.sources()} & set(trained.get("sources", {})) - {PHANTOM})
    same = trained.get("cross_validation", {}).get("folds") == folds and all(
        _fold(init, fold).exists() for fold in range(folds)
    )
    if shared and not same:
        raise UsageError(
            f"Expected the bundles of the same {folds} folds beside {init.name}: it knows patients of"
            f" {', '.join(shared)}, which these folds hold out."
        )


def cross_validate(run: Run, data: Dataset, folds: int, out: Path) -> tuple[EvaluationSet, Prediction]:
    """Answers for every row by a network that saw no row of its patient; kept in ``OUT_OF_FOLD``."""
    parts = [answers_of_fold(run, data, fold, out) for fold in range(folds)]
    scored, prediction = joined([part[0] for part in parts]), joined_predictions([part[1] for part in parts])
    with writing() as first:
        if first:
            answers = _arrays(scored, prediction)
            np.savez(out / OUT_OF_FOLD, allow_pickle=False, labels=np.array(run.labels), **answers)
    return scored, prediction


def answers_of_fold(run: Run, data: Dataset, fold: int, out: Path) -> tuple[EvaluationSet, Prediction]:
    """Answers for the rows of one fold by a network trained on the others; kept, so that a killed run goes on."""
    folder = _fold(out, fold)
    kept = folder / OUT_OF_FOLD
    if not kept.exists():
        numbers = data.rows["fold"].to_numpy()
        init = run.start.init and _of_fold(run.start.init, fold)
        of_fold = replace(run, start=replace(run.start, init=init))
        branch, _ = of_fold.fit(data.where(numbers != fold), None, folder)
        held_out = run.evaluation(data.where(numbers == fold), branch)
        answers = _arrays(held_out, predict_set(branch, held_out))
        with writing() as first:
            if first:
                save(folder, branch, branch.describe(folder.name, training={"fold": fold}), half=True)
                np.savez(kept, allow_pickle=False, **answers)
    with np.load(kept) as found:
        scored = EvaluationSet((), torch.from_numpy(found["targets"]), found["sources"], found["patients"])
        return scored, Prediction(torch.from_numpy(found["embeddings"]), torch.from_numpy(found["logits"]))


def _fold(folder: Path, fold: int) -> Path:
    """Where a run keeps the bundle of one of its folds."""
    return folder / f"fold{fold}"


def _of_fold(init: Path, fold: int) -> Path:
    """What a fold starts from: the same fold of that bundle, or the bundle itself where it has no folds."""
    return folder if (folder := _fold(init, fold)).exists() else init


def _arrays(scored: EvaluationSet, prediction: Prediction) -> dict[str, npt.NDArray[Any]]:
    """Out-of-fold answers, and what is known of their rows."""
    return {
        "patients": scored.patients.astype(str),
        "sources": scored.sources.astype(str),
        "targets": scored.labels.numpy(),
        "logits": prediction.logits.numpy(),
        "embeddings": prediction.embeddings.numpy(),
    }
