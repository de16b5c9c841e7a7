"""Train one branch: from folders to a calibrated bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from multimodal.calibrate import LabelCalibration
from multimodal.datasets import PHANTOM, Dataset, join, terms
from multimodal.errors import UsageError
from multimodal.labels import Modality, labels_of
from multimodal.train.calibration import BoolArray, calibrate_branch, halves
from multimodal.train.data import EvaluationSet
from multimodal.train.decode import cache_folder
from multimodal.train.fit import Fitted, scores_by_source, writing
from multimodal.train.folds import check_folds, cross_validate
from multimodal.train.predict import Prediction, predict_set
from multimodal.train.recipe import RECIPES, Recipe
from multimodal.train.run import Run, Start
from multimodal.zoo import Bundle, at, save

MIN_POSITIVE_PATIENTS = 10
"""A label is claimed only where the network learned from so many real patients that have it."""

PHANTOM_SEED = 1_000_000
"""Seeds of the phantoms that train branches: far from those of samples, of tests and of fusion heads."""


def train_branch(
    kind: Modality | str,
    arch: str,
    datasets: Sequence[Dataset],
    out: Path,
    *,
    recipe: Recipe | None = None,
    start: Start | None = None,
    folds: int = 0,
    cache: Path | None = None,
    half: bool = True,
    command: str = "",
) -> Bundle:
    """Train, calibrate and write a branch bundle.

    Rows of split "train" train it. Of "val", one half of the patients chooses the epoch and
    the other calibrates; where nothing is chosen (``patience`` 0) all of it calibrates; with
    ``folds`` the calibration comes from out-of-fold answers over train and val, and all of val
    may choose. "test" is never touched. Phantoms train but never calibrate: a probability is
    for real patients. Rows without any known label serve a text branch's tokenizer and
    pretraining.

    Args:
        kind: "image", "audio" or "text".
        arch: Registered architecture.
        datasets: Of that kind: folders and phantoms.
        out: Folder of the bundle; its name is the bundle's.
        recipe: Default: the kind's own.
        start: What the network starts from.
        folds: Also cross-validate by the ``fold`` column, this many folds: writes ``out_of_fold.npz`` and, as
            ``fold0`` and so on, the bundle of each fold; the scores go into ``training``.
        cache: Folder for decoded items; by default the user's cache folder.
        half: Whether matrices are stored as float16.
        command: What the user typed, for the card.

    Returns:
        The bundle.

    Raises:
        UsageError: If nothing can be learned: no label with ``MIN_POSITIVE_PATIENTS``
            positive real patients in train; if the data has not so many folds; or if the bundle to start
            from knows patients that a fold holds out.
    """
    modality = Modality(kind)
    data = join(datasets)
    if data.modality is not modality:
        raise UsageError(f"Expected data of {modality}, but got {data.modality}.")
    train, validation = data.in_split("train"), data.in_split("val")
    run = Run(
        modality, arch, claimed_labels(train), recipe or RECIPES[modality], start or Start(), cache or cache_folder()
    )
    chooses = bool(run.recipe.patience) and not folds
    choosing = halves(validation.rows["patient"].to_numpy()) & chooses
    both = data.in_split("train", "val")
    if folds:
        check_folds(run, both, folds)
    branch, fitted = run.fit(train, validation.where(choosing) if chooses else validation, out)
    training = _describe(run, data, fitted, command)
    if folds:
        scored, prediction = cross_validate(run, both, folds, out)
        scores = scores_by_source(prediction.logits.double().numpy(), scored, branch.labels)
        training["cross_validation"] = {"folds": folds, "auroc": scores}
    else:
        scored = run.evaluation(validation, branch)
        prediction = predict_set(branch, scored)
    apart = ~(halves(scored.patients) & chooses)
    calibration = _calibrate(scored, prediction, branch.labels, apart)
    config = branch.describe(
        out.name,
        calibration={label: entry.to_dict() for label, entry in calibration.items()},
        training=training,
        licence=terms(name for name, _ in data.sources()),
    )
    with writing() as first:
        if first:
            save(out, branch, config, half=half)
    return at(out)


def _calibrate(
    scored: EvaluationSet, prediction: Prediction, labels: tuple[str, ...], apart: BoolArray
) -> dict[str, LabelCalibration]:
    """Calibrate on the real patients set apart; a label that none of them has, or all, on every real patient."""
    real = ~np.char.startswith(scored.patients.astype(str), f"{PHANTOM}/")
    found: dict[str, LabelCalibration] = {}
    for rows in (real & apart, real):
        logits, truth = prediction.logits.double().numpy()[rows], scored.labels.double().numpy()[rows]
        found = calibrate_branch(logits, truth, scored.units[rows], labels) | found
    return {label: found[label] for label in labels if label in found}


def claimed_labels(train: Dataset) -> tuple[str, ...]:
    """The labels that enough real training patients have, of those that the modality can speak of.

    Raises:
        UsageError: If there is none.
    """
    real = train.where((train.rows["source"] != PHANTOM).to_numpy())
    labels = tuple(name for name in labels_of(train.modality) if real.positive_patients(name) >= MIN_POSITIVE_PATIENTS)
    if not labels:
        raise UsageError(f"No label has {MIN_POSITIVE_PATIENTS} real patients with it in split train.")
    return labels


def _describe(run: Run, data: Dataset, fitted: Fitted, command: str) -> dict[str, Any]:
    """The training block of the config."""
    sources = {}
    for name, part in data.sources():
        sources[name] = {
            split: {"items": len(rows), "patients": int(rows.rows["patient"].nunique())}
            for split in ("train", "val")
            if len(rows := part.in_split(split))
        }
        sources[name]["positive_patients"] = {
            label: part.in_split("train").positive_patients(label) for label in run.labels
        }
    start = asdict(run.start) | {"init": run.start.init.name if run.start.init else None}
    return {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "sources": sources,
        "recipe": asdict(run.recipe),
        "start": start,
        "epochs": fitted.epochs,
        "best_epoch": fitted.best_epoch,
        "validation_macro_auroc": fitted.macro_auroc,
    }
