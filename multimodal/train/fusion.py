"""Train a fusion head on what its branches say of patients that trained none of them."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, set_seed

from multimodal.datasets import LABEL_NAMES, Dataset, terms
from multimodal.fusion import FusionHead, Late, create, drop_modalities
from multimodal.labels import Modality
from multimodal.train.answers import FusionCases
from multimodal.train.calibration import calibrate_head
from multimodal.train.cases import Cohorts, HeadData, Tell, head_data, shared_labels, silent
from multimodal.train.fit import training_arguments
from multimodal.train.loss import masked_bce
from multimodal.train.recipe import Recipe
from multimodal.zoo import Bundle, BundleConfig, save

FUSION_RECIPE = Recipe(epochs=20, batch_size=128, learning_rate=1e-4, weight_decay=0.1, patience=3)
"""A head is small and its embeddings are ready: seconds to minutes. Few patients teach it, so it learns slowly."""

LATE_RECIPE = replace(FUSION_RECIPE, learning_rate=1e-2, weight_decay=0.0)
"""Of the weights of late pooling: a few numbers, which start at 1."""


def train_fusion(
    arch: str,
    branches: Mapping[Modality, Bundle],
    datasets: Mapping[Modality, Dataset],
    out: Path,
    *,
    cohorts: Cohorts | None = None,
    options: Mapping[str, Any] | None = None,
    recipe: Recipe | None = None,
    cache: Path | None = None,
    command: str = "",
) -> Bundle:
    """Train a head and write its bundle.

    The branches are scored on split "val", whose patients trained none of them, so that the
    head sees them as they are on new patients. One half of these patients fits the head, a
    quarter chooses the epoch, a quarter calibrates; "test" is never touched. Cases are composed
    within a part; phantoms, of seeds that no branch saw, bring cases of one patient.

    Args:
        arch: Registered head with weights to train.
        branches: One bundle for each modality, two at least.
        datasets: Folders of the same modalities; notes best as their indications.
        out: Folder of the bundle; its name is the bundle's.
        cohorts: What to train on.
        options: Of the head.
        recipe: Default: that of :func:`default_recipe`.
        cache: Folder for decoded items.
        command: What the user typed, for the card.

    Raises:
        UsageError: If no label is spoken of by two branches, or none can be composed.
    """
    data = head_data(branches, datasets, cohorts or Cohorts(), cache=cache)
    return fit_head(arch, data, out, options=options, recipe=recipe, command=command)


def fit_head(
    arch: str,
    data: HeadData,
    out: Path,
    *,
    options: Mapping[str, Any] | None = None,
    recipe: Recipe | None = None,
    command: str = "",
    tell: Tell = silent,
) -> Bundle:
    """Fit a head on scored cases and write its bundle; see :func:`train_fusion`.

    Args:
        arch: Registered head with weights to train.
        data: From :func:`head_data`.
        out: Folder of the bundle; its name is the bundle's.
        options: Of the head.
        recipe: As in :func:`train_fusion`; a batch is never larger than the cohort.
        command: What the user typed, for the card.
        tell: Hears how far it is.
    """
    labels, branches = shared_labels(data.branches), data.branches
    cases = sum(len(part.truth) for part in data.fitting)
    recipe = recipe or default_recipe(arch)
    recipe = replace(recipe, batch_size=min(recipe.batch_size, cases))
    set_seed(recipe.seed)
    head = create(
        arch,
        labels=labels,
        embedding_dims={m: bundle.config.embedding_dim for m, bundle in branches.items()},
        options=options,
    )
    late, best = _fit(head, data, out, recipe, tell)
    head.eval()
    config = BundleConfig(
        kind="fusion",
        name=out.name,
        arch=arch,
        labels=labels,
        options=dict(options or {}),
        calibration=_calibration(head, data),
        training={
            "command": command,
            "date": datetime.now(UTC).date().isoformat(),
            "cohorts": asdict(data.cohorts),
            "recipe": asdict(recipe),
            "sources": dict(data.sources),
            "late_loss": late,
            "validation_loss": best,
        },
        licence=terms(dict.fromkeys(name for m in branches for name in branches[m].config.training.get("sources", ()))),
        branches={
            m.value: {"name": b.config.name, "sha256": b.config.sha256, "embedding_dim": b.config.embedding_dim}
            for m, b in branches.items()
        },
    )
    return save(out, head, config)


def _calibration(head: FusionHead, data: HeadData) -> dict[str, dict[str, Any]]:
    """Label -> pattern of modalities -> calibration, as a bundle's config holds it."""
    columns = [LABEL_NAMES.index(name) for name in head.labels]
    found: dict[str, dict[str, Any]] = {}
    for pattern, cases in data.calibrating.items():
        given = cases.given
        with torch.inference_mode():
            relative = head(given.embeddings, given.evidence[:, :, columns], given.speaks[:, :, columns], given.present)
        entries = calibrate_head(relative.double().numpy(), cases.truth[:, columns].double().numpy(), head.labels)
        for label, entry in entries.items():
            found.setdefault(label, {})[pattern] = entry.to_dict()
    return {label: found[label] for label in head.labels if label in found}


def default_recipe(arch: str) -> Recipe:
    """The recipe of a head that is asked for without one."""
    return LATE_RECIPE if arch == Late.arch else FUSION_RECIPE


class _Cases(TorchDataset[dict[str, Tensor]]):
    """Cases of several origins as one, over a head's labels."""

    def __init__(self, parts: Sequence[FusionCases], labels: tuple[str, ...]) -> None:
        columns = [LABEL_NAMES.index(name) for name in labels]
        self.columns = {
            "evidence": torch.cat([part.given.evidence[:, :, columns] for part in parts]),
            "speaks": torch.cat([part.given.speaks[:, :, columns] for part in parts]),
            "present": torch.cat([part.given.present for part in parts]),
            "truth": torch.cat([part.truth[:, columns] for part in parts]),
            "prior": torch.cat([part.prior[:, columns] for part in parts]),
            **{m.value: torch.cat([part.given.embeddings[m] for part in parts]) for m in parts[0].given.embeddings},
        }

    def __len__(self) -> int:
        return len(self.columns["truth"])

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {name: column[i] for name, column in self.columns.items()}


class _HeadTask(nn.Module):
    """A head with its loss, as the trainer wants it."""

    def __init__(self, head: FusionHead, dropout: float) -> None:
        super().__init__()
        self.head = head
        self.dropout = dropout
        self.register_buffer("ones", torch.ones(len(head.labels)), persistent=False)

    ones: Tensor

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        present, speaks = batch["present"], batch["speaks"]
        if self.training:
            present = drop_modalities(present, self.dropout)
        embeddings = {m: batch[m.value] for m in self.head.embedding_dims}
        relative = self.head(embeddings, batch["evidence"], speaks, present)
        heard = (speaks & present.unsqueeze(-1)).any(dim=1)
        truth = torch.where(heard, batch["truth"], torch.nan)
        loss = masked_bce(relative + batch["prior"], truth, self.ones, self.ones)
        return {"loss": loss, "logits": relative.detach()}


class _Telling(TrainerCallback):
    """Says how far the fit is, an epoch at a time."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        done = (state.epoch or 0.0) / args.num_train_epochs
        self.tell(f"Fitting the head, epoch {int(state.epoch or 0) + 1} of at most {args.num_train_epochs:.0f}", done)


def _fit(head: FusionHead, data: HeadData, out: Path, recipe: Recipe, tell: Tell) -> tuple[float, float]:
    """Train the head in place; its loss on the choosing cases as late pooling, untrained, and as it is kept.

    A fresh head is late pooling, and stays so if no epoch is better.
    """
    checkpoints = out / "checkpoints"
    arguments = training_arguments(checkpoints, recipe, evaluate=True, keep_best=True)
    arguments.metric_for_best_model, arguments.greater_is_better = "eval_loss", False
    arguments.label_names = ["truth"]
    arguments.dataloader_drop_last = False
    task, choosing = _HeadTask(head, data.cohorts.dropout), _Cases(data.choosing, head.labels)
    with torch.inference_mode():
        late = float(task.eval()(**choosing.columns)["loss"])
    arguments.per_device_eval_batch_size = len(choosing)  # one mean over all known labels, as for `late`
    fresh = copy.deepcopy(head.state_dict())
    trainer = Trainer(
        model=task,
        args=arguments,
        train_dataset=_Cases(data.fitting, head.labels),
        eval_dataset=choosing,
        callbacks=[EarlyStoppingCallback(recipe.patience), _Telling(tell)],
    )
    trainer.train()
    shutil.rmtree(checkpoints, ignore_errors=True)
    best = late if trainer.state.best_metric is None else float(trainer.state.best_metric)
    if best >= late:
        head.load_state_dict(fresh)
    return late, min(best, late)
