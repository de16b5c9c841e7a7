"""One training run of a branch: its network with its first weights, fitted on rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import set_seed

from multimodal.branches import Branch, create
from multimodal.branches.image import ImageBranch
from multimodal.branches.text import TextBranch
from multimodal.datasets import Dataset
from multimodal.errors import UsageError
from multimodal.labels import Modality
from multimodal.prepare import TextPreparation, settings_from
from multimodal.prepare.text import train_tokenizer
from multimodal.train.data import EvaluationSet, Examples, as_note, balanced_weights, evaluation_set, sites, targets
from multimodal.train.decode import decode
from multimodal.train.fit import Fitted, fit, macro_auroc
from multimodal.train.pretrain import pretrain_encoder, pretrain_films
from multimodal.train.recipe import Recipe
from multimodal.zoo import LoadedBranch, at, load_branch


@dataclass(frozen=True)
class Start:
    """What a branch starts from.

    Attributes:
        preparation: Settings that differ from the kind's defaults.
        options: Options of the architecture that differ from its defaults.
        pretrained: As :func:`multimodal.branches.create` takes it.
        init: Folder of a bundle of the same architecture, whose weights are taken but for the heads. A fold starts
            from that bundle's network of the same fold, since the bundle itself may know the patients held out.
        pretrain_epochs: Epochs of pretraining without labels on training items: a text encoder fills in hidden
            words, an image encoder knows a film again.
    """

    preparation: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    pretrained: bool | str = False
    init: Path | None = None
    pretrain_epochs: int = 0


@dataclass(frozen=True)
class Run:
    """One way to train a network, which the final training and every fold share."""

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
            branch.labels,
            self.recipe.stretch,
        )
        chooser = self.evaluation(validation, branch) if validation is not None and len(validation) else None
        sampling = balanced_weights(labelled, branch.labels, self.recipe.phantom_share)
        first = {name: value.clone() for name, value in branch.state_dict().items()} if self.recipe.mix < 1 else {}
        set_seed(self.recipe.seed)
        fitted = fit(branch, examples, sampling, chooser, out, self.recipe)
        if first:
            _mix(branch, first, self.recipe.mix)
            fitted = replace(fitted, macro_auroc=None if chooser is None else macro_auroc(branch, chooser))
        return branch, fitted

    def evaluation(self, data: Dataset, branch: Branch) -> EvaluationSet:
        """Rows ready to be scored by the branch."""
        decoded = decode(data, branch.preparation, margin=False, cache=self.cache)
        return evaluation_set(data, decoded, branch.labels, branch.preparation, branch.tokenizer)

    def _network(self, train: Dataset, out: Path) -> Branch:
        """A network with its first weights and, for notes, a tokenizer that has seen training notes only."""
        settings = settings_from(self.modality, self.start.preparation)
        options = dict(self.start.options)
        known = None if self.start.init is None else load_branch(at(self.start.init))
        notes, tokenizer = [], None
        if isinstance(settings, TextPreparation):
            notes = [as_note(item) for item in decode(train, settings, margin=False, cache=self.cache)]
        if isinstance(settings, TextPreparation) and not self.start.pretrained:
            tokenizer = (known and known.tokenizer) or train_tokenizer(note.text for note in notes)
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
        if known is not None:
            _take_weights(branch, known, heads=self.recipe.mix < 1)
        elif self.recipe.mix < 1:
            raise UsageError(
                "Expected a bundle to start from (--init): its weights are to be mixed with the trained ones."
            )
        epochs = self.start.pretrain_epochs
        if epochs and isinstance(branch, TextBranch):
            pretrain_encoder(branch, notes, out, self.recipe, epochs)
        elif epochs and isinstance(branch, ImageBranch):
            pretrain_films(branch, decode(train, settings, margin=True, cache=self.cache), out, self.recipe, epochs)
        elif epochs:
            raise UsageError("Expected an image or text branch to pretrain; a sound branch has no pretraining.")
        return branch


def _take_weights(branch: Branch, known: LoadedBranch, *, heads: bool) -> None:
    """Take a bundle's weights; not those of the heads unless they are wanted, since they speak of other labels.

    Raises:
        UsageError: If the bundle is of another architecture, or of other labels where its heads are wanted.
    """
    if heads and tuple(known.config.labels) != branch.labels:
        raise UsageError(f"The bundle {known.config.name} speaks of other labels, so its weights cannot be mixed.")
    taken = known.network.state_dict().items()
    state = {name: value for name, value in taken if heads or "head" not in name.split(".")[0]}
    own = branch.state_dict()
    if any(name not in own or own[name].shape != value.shape for name, value in state.items()):
        raise UsageError(f"The bundle {known.config.name} is not of the architecture {branch.arch} with these options.")
    branch.load_state_dict(state, strict=False)


def _mix(branch: Branch, first: Mapping[str, Tensor], share: float) -> None:
    """Keep this share of the trained weights and fill up with the first ones."""
    trained = branch.state_dict()
    branch.load_state_dict({
        name: torch.lerp(first[name], value, share) if value.is_floating_point() else value
        for name, value in trained.items()
    })  # fmt: skip
