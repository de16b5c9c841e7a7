"""Masked-language-model pretraining of a text encoder (Devlin et al., NAACL 2019)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset as TorchDataset
from transformers import Trainer

from multimodal.branches.text import TextBranch
from multimodal.case import Text
from multimodal.errors import UsageError
from multimodal.prepare import TextPreparation, stack
from multimodal.prepare.text import MASK, pad_id, prepare_text
from multimodal.train.fit import training_arguments
from multimodal.train.recipe import Recipe

_MASKED = 0.15
_IGNORED = -100


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
    """Train the encoder in place to fill in hidden words.

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
    trainer = Trainer(
        model=task,
        args=training_arguments(out / "pretraining", replace(recipe, epochs=epochs), evaluate=False, save=False),
        train_dataset=_Notes(notes, settings, tokenizer),
        data_collator=_Masking(tokenizer),
    )
    trainer.train()
    shutil.rmtree(out / "pretraining", ignore_errors=True)
