"""Train a fusion head on what its branches say of patients that trained none of them."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, set_seed

from multimodal.datasets import LABEL_NAMES, PHANTOM, Dataset, compose, phantom_dataset, terms
from multimodal.errors import UsageError
from multimodal.fusion import FusionHead, Late, create, drop_modalities
from multimodal.labels import NO_FINDING, Modality
from multimodal.train.answers import (
    Answers,
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

FUSION_RECIPE = Recipe(epochs=20, batch_size=128, learning_rate=1e-4, weight_decay=0.1, patience=3)
"""A head is small and its embeddings are ready: seconds to minutes. Few patients teach it, so it learns slowly."""

LATE_RECIPE = replace(FUSION_RECIPE, learning_rate=1e-2, weight_decay=0.0)
"""Of the weights of late pooling: a few numbers, which start at 1."""

PHANTOM_SEED = 2_000_000
"""Seeds of the phantoms that train heads; branches are trained on others."""

Tell = Callable[[str, float], None]
"""Hears what is being done and the share of it that is done; what it raises stops the work."""

_FITTING, _CHOOSING = "fitting", "choosing"

_DRAWN_AT_ONCE = 8
"""Phantoms that are scored in one go, so that each is drawn once for all its branches."""


def _silent(words: str, done: float) -> None:
    """Tell nobody."""


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


@dataclass(frozen=True)
class HeadData:
    """What branches say of the cases that a head is trained on, computed once for any number of heads.

    Attributes:
        branches: The branches.
        cohorts: What the cases are.
        fitting: Cases that the weights are fitted on, a part for each origin.
        choosing: Cases that choose the epoch.
        sources: Counts by source, for the card.
    """

    branches: Mapping[Modality, Bundle]
    cohorts: Cohorts
    fitting: Sequence[FusionCases]
    choosing: Sequence[FusionCases]
    sources: Mapping[str, Any]


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
        recipe: Default: that of :func:`default_recipe`.
        cache: Folder for decoded items.
        command: What the user typed, for the card.

    Raises:
        UsageError: If no label is spoken of by two branches, or none can be composed.
    """
    data = head_data(branches, datasets, cohorts or Cohorts(), cache=cache)
    return fit_head(arch, data, out, options=options, recipe=recipe, command=command)


def head_data(
    branches: Mapping[Modality, Bundle],
    datasets: Mapping[Modality, Dataset],
    cohorts: Cohorts,
    *,
    cache: Path | None = None,
    tell: Tell = _silent,
) -> HeadData:
    """Score the cases that a head is trained on; see :func:`train_fusion`.

    Args:
        branches: One bundle for each modality, two at least.
        datasets: Folders of the same modalities; none for phantoms alone.
        cohorts: What to train on; without folders nothing is composed.
        cache: Folder for decoded items.
        tell: Hears how far it is.

    Raises:
        UsageError: If no label is spoken of by two branches, none can be composed, or there are no cases.
    """
    labels = shared_labels(branches)
    if not datasets:
        cohorts = replace(cohorts, composed=0)
    held_out = {m: _in_halves(datasets[m].in_split("val")) for m in branches if datasets}
    answers: dict[Modality, Answers] = {}
    for number, (m, rows) in enumerate(held_out.items()):
        tell(f"Scoring {len(rows)} held-out items of {m}", number / len(held_out))
        answers[m] = answer_rows(branches[m], rows, cache)
    parts: dict[str, list[FusionCases]] = {_FITTING: [], _CHOOSING: []}
    for part, count in ((_FITTING, cohorts.composed), (_CHOOSING, cohorts.composed // 4)):
        if datasets:
            cohort = compose(held_out, labels, count, cohorts.seed, split=part, min_patients=2)
            parts[part].append(make_cases(answers, *composed_members(cohort)))
    for part, cases in _phantom_cases(branches, cohorts, cache, tell):
        parts[part].append(cases)
    sizes = {part: sum(len(cases.truth) for cases in of) for part, of in parts.items()}
    if sizes[_FITTING] < 2 or sizes[_CHOOSING] < 1:
        raise UsageError("Expected cases to train a head on: folders of data, or four phantoms at least.")
    sources: dict[str, Any] = {
        name: {"val": {"items": len(rows), "patients": int(rows.rows["patient"].nunique())}}
        for data in held_out.values()
        for name, rows in data.sources()
    }
    if not datasets:
        sources[PHANTOM] = {"train": {"items": cohorts.phantoms, "patients": cohorts.phantoms}}
    return HeadData(branches, cohorts, parts[_FITTING], parts[_CHOOSING], sources)


def fit_head(
    arch: str,
    data: HeadData,
    out: Path,
    *,
    options: Mapping[str, Any] | None = None,
    recipe: Recipe | None = None,
    command: str = "",
    tell: Tell = _silent,
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
    config = BundleConfig(
        kind="fusion",
        name=out.name,
        arch=arch,
        labels=labels,
        options=dict(options or {}),
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
    return save(out, head.eval(), config)


def default_recipe(arch: str) -> Recipe:
    """The recipe of a head that is asked for without one."""
    return LATE_RECIPE if arch == Late.arch else FUSION_RECIPE


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
    branches: Mapping[Modality, Bundle], cohorts: Cohorts, cache: Path | None, tell: Tell
) -> Iterator[tuple[str, FusionCases]]:
    """Phantom patients: three quarters to fit, the others to choose."""
    if not cohorts.phantoms:
        return
    parts: dict[Modality, list[Answers]] = {m: [] for m in branches}
    for start in range(0, cohorts.phantoms, _DRAWN_AT_ONCE):
        tell(f"Drawing and scoring {cohorts.phantoms} phantoms", start / cohorts.phantoms)
        count = min(_DRAWN_AT_ONCE, cohorts.phantoms - start)
        for m, bundle in branches.items():
            parts[m].append(answer_rows(bundle, phantom_dataset(count, PHANTOM_SEED + start, m), cache))
    answers = {m: _joined(of) for m, of in parts.items()}
    members, truth = paired_members({m: phantom_dataset(cohorts.phantoms, PHANTOM_SEED, m) for m in branches})
    cut = 3 * len(members) // 4
    yield _FITTING, make_cases(answers, members[:cut], truth[:cut])
    yield _CHOOSING, make_cases(answers, members[cut:], truth[cut:])


def _joined(parts: Sequence[Answers]) -> Answers:
    return Answers(
        torch.cat([part.embeddings for part in parts]),
        torch.cat([part.evidence for part in parts]),
        torch.cat([part.speaks for part in parts]),
    )


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
