"""Pretraining without labels, on training patients only.

A text encoder fills in hidden words (masked language model: Devlin et al., NAACL 2019) and learns what sentences of no
patient say (:mod:`multimodal.train.statements`); an image encoder tells what two augmentations of one film have in
common (SimSiam: Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021, which needs neither
negatives nor a large batch).
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy
from torch.utils.data import Dataset as TorchDataset
from transformers import Trainer

from multimodal.branches.image import ImageBranch
from multimodal.branches.text import TextBranch
from multimodal.case import Text
from multimodal.errors import UsageError
from multimodal.labels import SAID
from multimodal.prepare import ImagePreparation, TextPreparation, stack
from multimodal.prepare.text import MASK, pad_id, prepare_text
from multimodal.train.data import BalancedSampler, Collate, Examples
from multimodal.train.decode import Decoded
from multimodal.train.fit import SampledTrainer, Task, training_arguments
from multimodal.train.recipe import Recipe
from multimodal.train.statements import statements

_MASKED = 0.15
_IGNORED = -100
_DRAWS = 8_000
"""Of sentences, an epoch."""
_FOLDER = "pretraining"


class _Notes(TorchDataset[Tensor]):
    """One random window of each note."""

    def __init__(self, notes: Sequence[Text], preparation: TextPreparation, tokenizer: Tokenizer) -> None:
        self.windows = [prepare_text(note, preparation, tokenizer) for note in notes]

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, i: int) -> Tensor:
        return self.windows[i][int(torch.randint(len(self.windows[i]), ()))]


class _Masking:
    """Hide 15 % of the tokens: 80 % of them as the mask, 10 % as another token, 10 % as they are."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.mask, self.pad, self.size = _mask_id(tokenizer), pad_id(tokenizer), tokenizer.get_vocab_size()

    def __call__(self, windows: Sequence[Tensor]) -> dict[str, Tensor]:
        x = stack([window.unsqueeze(0) for window in windows], self.pad)
        hidden = (torch.rand(x.shape) < _MASKED) & (x != self.pad)
        labels = torch.where(hidden, x, _IGNORED)
        kind = torch.rand(x.shape)
        x = torch.where(hidden & (kind < 0.8), self.mask, x)
        x = torch.where(hidden & (kind >= 0.9), torch.randint(self.size, x.shape), x)
        return {"x": x, "labels": labels}


class _MaskedLanguageModel(nn.Module):
    """The encoder under a prediction head that is thrown away; output weights are the input embeddings."""

    def __init__(self, branch: TextBranch) -> None:
        super().__init__()
        self.branch = branch
        width = branch.embedding_dim
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        states = self.transform(self.branch.features(x)[labels != _IGNORED])
        logits = states @ self.branch.encoder.get_input_embeddings().weight.T  # type: ignore[operator]
        return {"loss": cross_entropy(logits, labels[labels != _IGNORED])}


def _mask_id(tokenizer: Tokenizer) -> int:
    """The id of the mask token."""
    found: int | None = tokenizer.token_to_id(MASK)
    if found is None:
        raise UsageError(f"Expected a tokenizer with the token {MASK} to pretrain with.")
    return found


def pretrain_encoder(branch: TextBranch, notes: Sequence[Text], out: Path, recipe: Recipe, epochs: int) -> None:
    """Train the encoder in place to fill in hidden words, then the branch to understand statements.

    Args:
        branch: With its tokenizer; a tokenizer without a mask token is refused.
        notes: Of training patients, and of no others.
        out: Gets checkpoints while the run lasts.
        recipe: Batch size, learning rate and seed are taken from it.
        epochs: Passes over the notes.

    Raises:
        UsageError: If the tokenizer has no mask token.
    """
    tokenizer = branch.tokenizer
    if tokenizer is None:
        raise UsageError("Expected a text branch with its tokenizer to pretrain.")
    settings = cast("TextPreparation", branch.preparation)
    task = _MaskedLanguageModel(branch)
    lengths = torch.tensor([len(note.text) for note in notes])
    sampler = BalancedSampler(np.ones(len(notes)), len(notes), recipe.seed, lengths, recipe.batch_size)
    make = partial(SampledTrainer, sampler, data_collator=_Masking(tokenizer))
    _fit(make, task, _Notes(notes, settings, tokenizer), out, recipe, epochs)
    if any(label in SAID for label in branch.labels):
        _pretrain_statements(branch, tokenizer, out, recipe, epochs)


class _Statements(TorchDataset[dict[str, Tensor]]):
    """Sentences that say of some labels whether they are present, drawn anew each time."""

    def __init__(self, branch: TextBranch, tokenizer: Tokenizer) -> None:
        self.labels, self.tokenizer = branch.labels, tokenizer
        self.preparation = cast("TextPreparation", branch.preparation)

    def __len__(self) -> int:
        return _DRAWS

    def __getitem__(self, _: int) -> dict[str, Tensor]:
        text, said = statements(self.labels)
        window = prepare_text(Text("note", "", text), self.preparation, self.tokenizer)[0]
        truth = torch.tensor([float(said.get(label, math.nan)) for label in self.labels])
        return {"x": window, "labels": truth, "site": torch.tensor(math.nan)}


def _pretrain_statements(branch: TextBranch, tokenizer: Tokenizer, out: Path, recipe: Recipe, epochs: int) -> None:
    """Teach the branch what it means that something is there, or is not."""
    even = torch.ones(len(branch.labels))
    make = partial(Trainer, data_collator=Collate(branch.preparation, tokenizer))
    _fit(make, Task(branch, even, even, recipe), _Statements(branch, tokenizer), out, recipe, epochs)


class _Pairs(TorchDataset[dict[str, Tensor]]):
    """Two augmentations of each film."""

    def __init__(self, films: Sequence[Decoded], preparation: ImagePreparation) -> None:
        blank = torch.full((len(films), 1), torch.nan)
        self.examples = Examples(films, blank, blank[:, 0], preparation)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {"first": self.examples[i]["x"], "second": self.examples[i]["x"]}


class Siamese(nn.Module):
    """An encoder under a projection and a predictor that are thrown away."""

    def __init__(self, branch: ImageBranch, width: int = 256) -> None:
        super().__init__()
        self.branch = branch
        self.projection = nn.Sequential(
            nn.Linear(branch.embedding_dim, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width, affine=False),
        )
        self.predictor = nn.Sequential(
            nn.Linear(width, width // 4, bias=False),
            nn.BatchNorm1d(width // 4),
            nn.ReLU(),
            nn.Linear(width // 4, width),
        )

    def forward(self, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """The loss of a batch: -1 where the two are told to be one, 0 where they have nothing in common."""
        projected = [self.projection(self.branch(view)[0]) for view in (first, second)]
        predicted = [self.predictor(each) for each in projected]
        agreement = [
            cosine_similarity(ahead, behind.detach()).mean()
            for ahead, behind in zip(predicted, reversed(projected), strict=True)
        ]
        return {"loss": -(agreement[0] + agreement[1]) / 2}


def pretrain_films(branch: ImageBranch, films: Sequence[Decoded], out: Path, recipe: Recipe, epochs: int) -> None:
    """Train the encoder in place to know a film again under augmentation.

    Args:
        branch: An image branch.
        films: Of training patients, and of no others, decoded with a margin.
        out: Gets checkpoints while the run lasts.
        recipe: Batch size, learning rate and seed are taken from it.
        epochs: Passes over the films.
    """
    pairs = _Pairs(films, cast("ImagePreparation", branch.preparation))
    _fit(Trainer, Siamese(branch), pairs, out, recipe, epochs)


def _fit(
    make: Callable[..., Trainer], task: nn.Module, data: TorchDataset[Any], out: Path, recipe: Recipe, epochs: int
) -> None:
    """Train a task by the recipe, and leave nothing of it behind but its weights."""
    arguments = training_arguments(out / _FOLDER, replace(recipe, epochs=epochs), evaluate=False, save=False)
    make(model=task, args=arguments, train_dataset=data).train()
    shutil.rmtree(out / _FOLDER, ignore_errors=True)
