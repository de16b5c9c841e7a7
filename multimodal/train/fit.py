"""Fit one branch with transformers' Trainer: schedule, precision, checkpoints, several devices are its business."""

from __future__ import annotations

import csv
import math
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from multimodal.branches import Branch
from multimodal.branches.audio import AudioBranch
from multimodal.datasets import INDICATION, PHANTOM
from multimodal.labels import Modality
from multimodal.metrics import auroc
from multimodal.train.data import BalancedSampler, Collate, EvaluationSet, Examples, FloatArray
from multimodal.train.loss import class_weights, masked_bce, site_loss
from multimodal.train.predict import predict_set
from multimodal.train.recipe import Recipe

CHECKPOINTS = "checkpoints"
LOG = "log.csv"
_METRIC = "eval_macro_auroc"
_MIN_PATIENTS = 5


@dataclass(frozen=True)
class Fitted:
    """What a run came to.

    Attributes:
        epochs: Epochs trained.
        best_epoch: The one whose weights were kept.
        macro_auroc: On validation, at that epoch; None without a validation set.
    """

    epochs: int
    best_epoch: int
    macro_auroc: float | None


class Task(nn.Module):
    """A branch with its loss, as the trainer wants it."""

    def __init__(self, branch: Branch, label_weight: Tensor, positive_weight: Tensor, recipe: Recipe) -> None:
        super().__init__()
        self.branch = branch
        if branch.kind is Modality.IMAGE:  # the faster layout for convolutions, on CPUs too
            branch.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe = recipe
        self.register_buffer("label_weight", label_weight)
        self.register_buffer("positive_weight", positive_weight)
        if recipe.freeze:
            branch.requires_grad_(requires_grad=False)
            branch.head.requires_grad_(requires_grad=True)

    label_weight: Tensor
    positive_weight: Tensor

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """As usual, in the layout that safetensors can hold."""
        state = super().state_dict(*args, **kwargs)
        return {name: tensor.contiguous() for name, tensor in state.items()}

    def forward(self, x: Tensor, labels: Tensor, site: Tensor) -> dict[str, Tensor]:
        """The loss of a batch."""
        embedding, logits = self.branch(x)
        smoothing = self.recipe.label_smoothing
        soft = labels * (1 - 2 * smoothing) + smoothing
        loss = masked_bce(logits.float(), soft, self.label_weight, self.positive_weight)
        if isinstance(self.branch, AudioBranch):
            loss = loss + self.recipe.site_weight * site_loss(self.branch.site_logit(embedding).float(), site)
        return {"loss": loss, "logits": logits}


class SampledTrainer(Trainer):
    """Draws its examples by a sampler of ours."""

    def __init__(self, sampler: Sampler[int], **options: Any) -> None:
        super().__init__(**options)
        self.sampler = sampler

    def _get_train_sampler(self, train_dataset: TorchDataset[Any] | None = None) -> Sampler[int]:  # noqa: ARG002
        return self.sampler


class _BranchTrainer(SampledTrainer):
    """Evaluation by item instead of by window."""

    def __init__(self, validation: EvaluationSet | None, **options: Any) -> None:
        super().__init__(**options)
        self.validation = validation

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        if self.validation is None:
            return {}
        branch = self.accelerator.unwrap_model(self.model).branch
        scores = _scores(branch, self.validation)
        metrics = {_METRIC: _mean(scores)}
        metrics |= {f"eval_{name}": value for name, value in scores.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _CsvLog(TrainerCallback):
    """One row an epoch: loss, learning rate, validation scores."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self._write(state)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self._write(state)

    def _write(self, state: Any) -> None:
        if not state.is_world_process_zero:
            return
        history: list[dict[str, float]] = state.log_history
        epochs: dict[int, dict[str, float]] = {}
        for entry in history:
            epochs.setdefault(math.ceil(entry["epoch"]), {}).update(entry)
        columns = sorted({name for row in epochs.values() for name in row})
        with self.path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(epochs.values())


def macro_auroc(branch: Branch, data: EvaluationSet) -> float:
    """What epochs are chosen by."""
    return _mean(_scores(branch, data))


def _scores(branch: Branch, data: EvaluationSet) -> dict[str, float]:
    return scores_by_source(predict_set(branch, data).logits.numpy(), data, branch.labels)


def _mean(scores: Mapping[str, float]) -> float:
    return float(np.mean(list(scores.values()))) if scores else 0.5


def scores_by_source(logits: FloatArray, data: EvaluationSet, labels: tuple[str, ...]) -> dict[str, float]:
    """AUROC of each label within each source (and film size or sort of recording), where there are patients enough.

    Returns:
        "source/label" -> AUROC, phantoms left out. Their mean is what epochs are chosen by: pooled over sources
        a model would be rewarded for telling the source.
    """
    truth = data.labels.numpy()
    scores = {}
    for source in sorted(set(data.sources) - {PHANTOM, f"{PHANTOM}{INDICATION}"}):
        for column, label in enumerate(labels):
            rows = (data.sources == source) & ~np.isnan(truth[:, column])
            patients = [len(set(data.patients[rows & (truth[:, column] == value)])) for value in (0, 1)]
            if min(patients) >= _MIN_PATIENTS:
                scores[f"{source}/{label}"] = float(auroc(logits[rows, column], truth[rows, column]))
    return scores


def fit(
    branch: Branch,
    examples: Examples,
    sampling: FloatArray,
    validation: EvaluationSet | None,
    out: Path,
    recipe: Recipe,
) -> Fitted:
    """Train a branch in place; a run that was killed goes on from its last epoch.

    Args:
        branch: With fresh or given weights.
        examples: Training examples.
        sampling: (N,) share of the draws of each.
        validation: Chooses the epoch; None to keep the last.
        out: Gets ``log.csv``, and ``checkpoints`` while the run lasts.
        recipe: See there.
    """
    task = Task(branch, *class_weights(examples.labels, torch.from_numpy(sampling)), recipe)
    stopping = validation is not None and recipe.patience > 0
    checkpoints = out / CHECKPOINTS
    collate = Collate(examples.preparation, examples.tokenizer)
    draws = min(recipe.draws or len(examples), len(examples))
    trainer = _BranchTrainer(
        sampler=BalancedSampler(sampling, draws, recipe.seed, examples.lengths, recipe.batch_size),
        validation=validation,
        model=task,
        args=training_arguments(checkpoints, recipe, evaluate=validation is not None, keep_best=stopping),
        train_dataset=examples,
        eval_dataset=examples,
        data_collator=collate,
        callbacks=[_CsvLog(out / LOG), *([EarlyStoppingCallback(recipe.patience)] if stopping else [])],
    )
    last: str | None = get_last_checkpoint(str(checkpoints)) if checkpoints.exists() else None  # type: ignore[no-untyped-call]
    trainer.train(resume_from_checkpoint=last)
    fitted = _summary(trainer.state.log_history, stopping=stopping)
    branch.requires_grad_(requires_grad=True).cpu().eval()
    with writing() as first:
        if first:
            shutil.rmtree(checkpoints, ignore_errors=True)
    return fitted


@contextmanager
def writing() -> Iterator[bool]:
    """Whether this process is the one that writes, where several train together; at the end they wait for it."""
    state = PartialState()
    try:
        yield state.is_main_process
    finally:
        state.wait_for_everyone()


def training_arguments(
    folder: Path, recipe: Recipe, *, evaluate: bool, keep_best: bool = False, save: bool = True
) -> TrainingArguments:
    """The trainer's own settings.

    Args:
        folder: Of the checkpoints.
        recipe: See there.
        evaluate: Whether every epoch is evaluated.
        keep_best: Whether the best epoch by macro AUROC is kept; else the last.
        save: Whether every epoch is saved, so that a run can go on after it was killed.
    """
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        lr_scheduler_type="cosine",
        warmup_steps=0.05,
        max_grad_norm=1.0,
        bf16=torch.cuda.is_available(),
        use_cpu=not (torch.cuda.is_available() or torch.backends.mps.is_available()),  # else processes don't join
        eval_strategy="epoch" if evaluate else "no",
        save_strategy="epoch" if save else "no",
        logging_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=keep_best,
        metric_for_best_model=_METRIC,
        greater_is_better=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_drop_last=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=not sys.stderr.isatty(),
        report_to=[],
        seed=recipe.seed,
        data_seed=recipe.seed,
    )


def _summary(history: Sequence[Mapping[str, float]], *, stopping: bool) -> Fitted:
    evaluations = [(round(entry["epoch"]), entry[_METRIC]) for entry in history if _METRIC in entry]
    epochs = max((math.ceil(entry["epoch"]) for entry in history), default=0)
    if not evaluations:
        return Fitted(epochs, epochs, None)
    best = max(evaluations, key=lambda pair: pair[1]) if stopping else evaluations[-1]
    return Fitted(epochs, best[0], best[1])
