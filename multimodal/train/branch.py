"""Train one branch: from folders to a calibrated bundle."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import set_seed

from multimodal.branches import Branch, create
from multimodal.branches.image import ImageBranch
from multimodal.branches.text import TextBranch
from multimodal.calibrate import LabelCalibration
from multimodal.datasets import PHANTOM, Dataset, join, terms
from multimodal.errors import UsageError
from multimodal.labels import Modality, labels_of
from multimodal.prepare import TextPreparation, settings_from
from multimodal.prepare.text import train_tokenizer
from multimodal.train.calibration import BoolArray, calibrate_branch, halves
from multimodal.train.data import (
    EvaluationSet,
    Examples,
    as_note,
    balanced_weights,
    evaluation_set,
    joined,
    sites,
    targets,
)
from multimodal.train.decode import cache_folder, decode
from multimodal.train.fit import Fitted, fit, scores_by_source, writing
from multimodal.train.predict import Prediction, joined_predictions, predict_set
from multimodal.train.pretrain import pretrain_encoder, pretrain_films
from multimodal.train.recipe import RECIPES, Recipe
from multimodal.zoo import Bundle, LoadedBranch, at, load, save

MIN_POSITIVE_PATIENTS = 10
"""A label is claimed only where the network learned from so many real patients that have it."""

PHANTOM_SEED = 1_000_000
"""Seeds of the phantoms that train branches: far from those of samples, of tests and of fusion heads."""

OUT_OF_FOLD = "out_of_fold.npz"


@dataclass(frozen=True)
class Start:
    """What a branch starts from.

    Attributes:
        preparation: Settings that differ from the kind's defaults.
        options: Options of the architecture that differ from its defaults.
        pretrained: As :func:`multimodal.branches.create` takes it.
        init: Folder of a bundle of the same architecture, whose weights are taken but for the heads.
        pretrain_epochs: Epochs of pretraining without labels on training items: a text encoder fills in hidden
            words, an image encoder knows a film again.
    """

    preparation: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    pretrained: bool | str = False
    init: Path | None = None
    pretrain_epochs: int = 0


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
        folds: Also cross-validate by the ``fold`` column, this many folds: writes
            ``out_of_fold.npz`` and its scores into ``training``.
        cache: Folder for decoded items; by default the user's cache folder.
        half: Whether matrices are stored as float16.
        command: What the user typed, for the card.

    Returns:
        The bundle.

    Raises:
        UsageError: If nothing can be learned: no label with ``MIN_POSITIVE_PATIENTS``
            positive real patients in train; or if the data has not so many folds.
    """
    modality = Modality(kind)
    data = join(datasets)
    if data.modality is not modality:
        raise UsageError(f"Expected data of {modality}, but got {data.modality}.")
    train, validation = data.in_split("train"), data.in_split("val")
    run = _Run(
        modality, arch, claimed_labels(train), recipe or RECIPES[modality], start or Start(), cache or cache_folder()
    )
    chooses = bool(run.recipe.patience) and not folds
    choosing = halves(validation.rows["patient"].to_numpy()) & chooses
    branch, fitted = run.fit(train, validation.where(choosing) if chooses else validation, out)
    training = _describe(run, data, fitted, command)
    if folds:
        scored, prediction = run.cross_validate(data.in_split("train", "val"), folds, out)
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


@dataclass(frozen=True)
class _Run:
    """What the final training and every fold have in common."""

    modality: Modality
    arch: str
    labels: tuple[str, ...]
    recipe: Recipe
    start: Start
    cache: Path

    def fit(self, train: Dataset, validation: Dataset | None, out: Path) -> tuple[Branch, Fitted]:
        """Train a network; rows without a known label serve pretraining alone."""
        out.mkdir(parents=True, exist_ok=True)
        set_seed(self.recipe.seed)
        branch = self._network(train, out)
        labelled = train.where(~np.isnan(targets(train, branch.labels).numpy()).all(axis=1))
        examples = Examples(
            decode(labelled, branch.preparation, margin=True, cache=self.cache),
            targets(labelled, branch.labels),
            sites(labelled),
            branch.preparation,
            branch.tokenizer,
        )
        chooser = self.evaluation(validation, branch) if validation is not None and len(validation) else None
        sampling = balanced_weights(labelled, branch.labels, self.recipe.phantom_share)
        set_seed(self.recipe.seed)
        return branch, fit(branch, examples, sampling, chooser, out, self.recipe)

    def cross_validate(self, data: Dataset, folds: int, out: Path) -> tuple[EvaluationSet, Prediction]:
        """Answers for every row by a network that saw no row of its patient; kept in ``OUT_OF_FOLD``."""
        numbers = data.rows["fold"].to_numpy()
        if set(numbers) != set(range(folds)):
            raise UsageError(f"Expected a fold column with 0 to {folds - 1}, but got {sorted(set(numbers.tolist()))}.")
        parts = [self.answers_of_fold(data, fold, out) for fold in range(folds)]
        scored, prediction = joined([part[0] for part in parts]), joined_predictions([part[1] for part in parts])
        with writing() as first:
            if first:
                answers = _arrays(scored, prediction)
                np.savez(out / OUT_OF_FOLD, allow_pickle=False, labels=np.array(self.labels), **answers)
                for fold in range(folds):
                    shutil.rmtree(out / f"fold{fold}")
        return scored, prediction

    def answers_of_fold(self, data: Dataset, fold: int, out: Path) -> tuple[EvaluationSet, Prediction]:
        """Answers for the rows of one fold by a network trained on the others; kept, so that a killed run goes on."""
        folder = out / f"fold{fold}"
        kept = folder / OUT_OF_FOLD
        if not kept.exists():
            numbers = data.rows["fold"].to_numpy()
            branch, _ = self.fit(data.where(numbers != fold), None, folder)
            held_out = self.evaluation(data.where(numbers == fold), branch)
            answers = _arrays(held_out, predict_set(branch, held_out))
            with writing() as first:
                if first:
                    np.savez(kept, allow_pickle=False, **answers)
        with np.load(kept) as found:
            scored = EvaluationSet((), torch.from_numpy(found["targets"]), found["sources"], found["patients"])
            return scored, Prediction(torch.from_numpy(found["embeddings"]), torch.from_numpy(found["logits"]))

    def evaluation(self, data: Dataset, branch: Branch) -> EvaluationSet:
        """Rows ready to be scored by the branch."""
        decoded = decode(data, branch.preparation, margin=False, cache=self.cache)
        return evaluation_set(data, decoded, branch.labels, branch.preparation, branch.tokenizer)

    def _network(self, train: Dataset, out: Path) -> Branch:
        """A network with its first weights and, for notes, a tokenizer that has seen training notes only."""
        settings = settings_from(self.modality, self.start.preparation)
        options = dict(self.start.options)
        notes, tokenizer = [], None
        if isinstance(settings, TextPreparation):
            notes = [as_note(item) for item in decode(train, settings, margin=False, cache=self.cache)]
        if isinstance(settings, TextPreparation) and not self.start.pretrained:
            known = None if self.start.init is None else _loaded(self.start.init).tokenizer
            tokenizer = known or train_tokenizer(note.text for note in notes)
            options["vocab_size"] = tokenizer.get_vocab_size()
        branch = create(
            self.modality,
            self.arch,
            labels=self.labels,
            preparation=settings,
            options=options,
            pretrained=self.start.pretrained,
        )
        branch.tokenizer = branch.tokenizer or tokenizer
        if self.start.init is not None:
            _take_weights(branch, self.start.init)
        epochs = self.start.pretrain_epochs
        if epochs and isinstance(branch, TextBranch):
            pretrain_encoder(branch, notes, out, self.recipe, epochs)
        elif epochs and isinstance(branch, ImageBranch):
            pretrain_films(branch, decode(train, settings, margin=True, cache=self.cache), out, self.recipe, epochs)
        elif epochs:
            raise UsageError("Expected an image or text branch to pretrain; a sound branch has no pretraining.")
        return branch


def _arrays(scored: EvaluationSet, prediction: Prediction) -> dict[str, npt.NDArray[Any]]:
    """Out-of-fold answers, and what is known of their rows."""
    return {
        "patients": scored.patients.astype(str),
        "sources": scored.sources.astype(str),
        "targets": scored.labels.numpy(),
        "logits": prediction.logits.numpy(),
        "embeddings": prediction.embeddings.numpy(),
    }


def _loaded(folder: Path) -> LoadedBranch:
    """A branch bundle to start from."""
    loaded = load(at(folder))
    if not isinstance(loaded, LoadedBranch):
        raise UsageError(f"Expected a branch to start from, but {folder.name} is a fusion head.")
    return loaded


def _take_weights(branch: Branch, folder: Path) -> None:
    """Take a bundle's weights, but for the heads, which speak of other labels.

    Raises:
        UsageError: If the bundle is of another architecture.
    """
    state = {
        name: value for name, value in _loaded(folder).network.state_dict().items() if "head" not in name.split(".")[0]
    }
    own = branch.state_dict()
    if any(name not in own or own[name].shape != value.shape for name, value in state.items()):
        raise UsageError(f"The bundle {folder.name} is not of the architecture {branch.arch} with these options.")
    branch.load_state_dict(state, strict=False)


def _describe(run: _Run, data: Dataset, fitted: Fitted, command: str) -> dict[str, Any]:
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
