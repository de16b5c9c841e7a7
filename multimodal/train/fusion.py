"""Train a fusion head on what its branches say of patients that trained none of them."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset
from transformers import EarlyStoppingCallback, Trainer, set_seed

from multimodal.datasets import LABEL_NAMES, Dataset, compose, phantom_dataset, terms
from multimodal.errors import UsageError
from multimodal.fusion import FusionHead, create, drop_modalities
from multimodal.labels import NO_FINDING, Modality
from multimodal.train.answers import (
    FusionCases,
    answer_rows,
    composed_members,
    make_cases,
    paired_members,
)
from multimodal.train.calibration import halves
from multimodal.train.fit import training_arguments
from multimodal.train.loss import masked_bce
from multimodal.train.recipe import Recipe
from multimodal.zoo import Bundle, BundleConfig, save

FUSION_RECIPE = Recipe(epochs=40, batch_size=128, learning_rate=1e-3, weight_decay=0.1, patience=6)
"""A head is small and its embeddings are ready: seconds to minutes."""

PHANTOM_SEED = 2_000_000
"""Seeds of the phantoms that train heads; branches are trained on others."""

_FITTING, _CHOOSING = "fitting", "choosing"


@dataclass(frozen=True)
class Cohorts:
    """What a head is trained on.

    Attributes:
        composed: Composed cases for fitting; a quarter as many choose the epoch.
        phantoms: Phantom patients, three quarters of them for fitting.
        dropout: Probability that a modality of a case is taken away in training.
        seed: Of the draws.
    """

    composed: int = 6000
    phantoms: int = 400
    dropout: float = 0.3
    seed: int = 0


def train_fusion(
    arch: str,
    branches: Mapping[Modality, Bundle],
    datasets: Mapping[Modality, Dataset],
    out: Path,
    *,
    cohorts: Cohorts | None = None,
    options: Mapping[str, Any] | None = None,
    recipe: Recipe = FUSION_RECIPE,
    cache: Path | None = None,
    command: str = "",
) -> Bundle:
    """Train a head and write its bundle.

    The branches are scored on split "val", whose patients trained none of them, so that the
    head sees them as they are on new patients. One half of these patients fits the head, the
    other chooses the epoch; "test" is never touched. Cases are composed within a half;
    phantoms, of seeds that no branch saw, bring cases of one patient.

    Args:
        arch: Registered head with weights to train.
        branches: One bundle for each modality, two at least.
        datasets: Folders of the same modalities; notes best as their indications.
        out: Folder of the bundle; its name is the bundle's.
        cohorts: What to train on.
        options: Of the head.
        recipe: See there.
        cache: Folder for decoded items.
        command: What the user typed, for the card.

    Raises:
        UsageError: If no label is spoken of by two branches, or none can be composed.
    """
    cohorts = cohorts or Cohorts()
    labels = shared_labels(branches)
    held_out = {m: _in_halves(datasets[m].in_split("val")) for m in branches}
    answers = {m: answer_rows(branches[m], held_out[m], cache) for m in branches}
    parts: dict[str, list[FusionCases]] = {_FITTING: [], _CHOOSING: []}
    for part, count in ((_FITTING, cohorts.composed), (_CHOOSING, cohorts.composed // 4)):
        cohort = compose(held_out, labels, count, cohorts.seed, split=part, min_patients=2)
        parts[part].append(make_cases(answers, *composed_members(cohort)))
    for part, cases in _phantom_cases(branches, cohorts, cache):
        parts[part].append(cases)
    set_seed(recipe.seed)
    head = create(
        arch,
        labels=labels,
        embedding_dims={m: bundle.config.embedding_dim for m, bundle in branches.items()},
        options=options,
    )
    history = _fit(head, parts[_FITTING], parts[_CHOOSING], out, recipe, cohorts.dropout)
    config = BundleConfig(
        kind="fusion",
        name=out.name,
        arch=arch,
        labels=labels,
        options=dict(options or {}),
        training={
            "command": command,
            "date": datetime.now(UTC).date().isoformat(),
            "cohorts": asdict(cohorts),
            "recipe": asdict(recipe),
            "sources": {
                name: {"val": {"items": len(rows), "patients": int(rows.rows["patient"].nunique())}}
                for data in held_out.values()
                for name, rows in data.sources()
            },
            "validation_loss": history,
        },
        licence=terms(dict.fromkeys(name for m in branches for name in branches[m].config.training.get("sources", ()))),
        branches={
            m.value: {"name": b.config.name, "sha256": b.config.sha256, "embedding_dim": b.config.embedding_dim}
            for m, b in branches.items()
        },
    )
    return save(out, head.eval(), config)


def shared_labels(branches: Mapping[Modality, Bundle]) -> tuple[str, ...]:
    """The labels that two branches or more speak of: the only ones for which there is anything to fuse.

    ``no_finding`` is a conjunction and is not pooled.

    Raises:
        UsageError: If there is none.
    """
    spoken = [set(bundle.config.calibration) for bundle in branches.values()]
    labels = tuple(n for n in LABEL_NAMES if n != NO_FINDING and sum(n in names for names in spoken) >= 2)
    if not labels:
        raise UsageError("Expected branches that share a label to fuse, but none is spoken of by two of them.")
    return labels


def _in_halves(dataset: Dataset) -> Dataset:
    """The rows with the half of their patient as their split."""
    rows = dataset.rows.assign(split=np.where(halves(dataset.rows["patient"].to_numpy()), _FITTING, _CHOOSING))
    return Dataset(dataset.modality, rows, dataset.labels, dataset.origins)


def _phantom_cases(
    branches: Mapping[Modality, Bundle], cohorts: Cohorts, cache: Path | None
) -> Iterator[tuple[str, FusionCases]]:
    """Phantom patients: three quarters to fit, the others to choose."""
    if not cohorts.phantoms:
        return
    drawn = {m: phantom_dataset(cohorts.phantoms, PHANTOM_SEED, m) for m in branches}
    answers = {m: answer_rows(branches[m], drawn[m], cache) for m in branches}
    members, truth = paired_members(drawn)
    cut = 3 * len(members) // 4
    yield _FITTING, make_cases(answers, members[:cut], truth[:cut])
    yield _CHOOSING, make_cases(answers, members[cut:], truth[cut:])


class _Cases(TorchDataset[dict[str, Tensor]]):
    """Cases of several origins as one, over a head's labels."""

    def __init__(self, parts: list[FusionCases], labels: tuple[str, ...]) -> None:
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


def _fit(
    head: FusionHead,
    fitting: list[FusionCases],
    choosing: list[FusionCases],
    out: Path,
    recipe: Recipe,
    dropout: float,
) -> float:
    """Train the head in place; the loss of the best epoch on the choosing cases."""
    checkpoints = out / "checkpoints"
    arguments = training_arguments(checkpoints, recipe, evaluate=True, keep_best=True)
    arguments.metric_for_best_model, arguments.greater_is_better = "eval_loss", False
    arguments.label_names = ["truth"]
    trainer = Trainer(
        model=_HeadTask(head, dropout),
        args=arguments,
        train_dataset=_Cases(fitting, head.labels),
        eval_dataset=_Cases(choosing, head.labels),
        callbacks=[EarlyStoppingCallback(recipe.patience)],
    )
    trainer.train()
    shutil.rmtree(checkpoints, ignore_errors=True)
    best = trainer.state.best_metric
    return math.nan if best is None else float(best)
