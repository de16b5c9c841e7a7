"""Decoded items as training examples and as prepared windows for evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from multimodal.case import Text
from multimodal.datasets import INDICATION, LABEL_NAMES, PHANTOM, Dataset
from multimodal.errors import UsageError
from multimodal.formats import Kind, read
from multimodal.labels import Site
from multimodal.prepare import AudioPreparation, ImagePreparation, Preparation, TextPreparation, stack
from multimodal.prepare.audio import cut, log_mel
from multimodal.prepare.text import pad_id, prepare_text
from multimodal.train.augment import SpecAugment, augment_sound, drop_sections, film_augmentation
from multimodal.train.decode import Decoded
from multimodal.train.statements import state

FloatArray = npt.NDArray[np.float64]

_GROUP_POWER = 0.75


def targets(dataset: Dataset, labels: Sequence[str]) -> Tensor:
    """(N, L) float32 of these labels: 1, 0 or NaN."""
    return torch.from_numpy(dataset.labels[:, [LABEL_NAMES.index(name) for name in labels]].copy())


def sites(dataset: Dataset) -> Tensor:
    """(N,) 1 for a lung sound, 0 for a heart sound, NaN otherwise."""
    codes = {Site.LUNG.value: 1.0, Site.HEART.value: 0.0}
    return torch.tensor([codes.get(site, math.nan) for site in dataset.rows["site"]])


def as_note(decoded: Decoded) -> Text:
    """The note of decoded bytes, with its sections found."""
    note = read(decoded.tobytes(), "note.txt", kind=Kind.NOTE)
    if not isinstance(note, Text):
        raise UsageError("Expected a note.")
    return note


def prepared(decoded: Decoded, preparation: Preparation, tokenizer: Tokenizer | None = None) -> Tensor:
    """(W, ...) windows of an item as the engine prepares it, from its decoded form without margin."""
    match preparation:
        case ImagePreparation():
            film = torch.from_numpy(decoded)[None, None].float() / 255
            return (film - preparation.mean) / preparation.std
        case AudioPreparation():
            return log_mel(cut(torch.from_numpy(decoded).float(), preparation), preparation)
        case TextPreparation() if tokenizer is not None:
            return prepare_text(as_note(decoded), preparation, tokenizer)
    raise UsageError("A text branch needs a tokenizer.")


class Examples(TorchDataset[dict[str, Tensor]]):
    """Augmented training examples, one a row and epoch.

    Args:
        decoded: From :func:`multimodal.train.decode.decode` with a margin.
        labels: (N, L).
        site: (N,).
        preparation: The branch's own.
        tokenizer: Of a text branch.
        names: L names of the labels, for notes.
    """

    def __init__(
        self,
        decoded: Sequence[Decoded],
        labels: Tensor,
        site: Tensor,
        preparation: Preparation,
        tokenizer: Tokenizer | None = None,
        names: Sequence[str] = (),
        stretch: float = 1.0,
    ) -> None:
        self.decoded, self.labels, self.site = decoded, labels, site
        self.preparation, self.tokenizer, self.names = preparation, tokenizer, names
        self.film = film_augmentation(preparation, stretch) if isinstance(preparation, ImagePreparation) else None
        self.notes = [as_note(item) for item in decoded] if isinstance(preparation, TextPreparation) else []

    @property
    def lengths(self) -> Tensor | None:
        """(N,) characters of each note; None where all examples are of one length."""
        return torch.tensor([len(note.text) for note in self.notes]) if self.notes else None

    def __len__(self) -> int:
        return len(self.decoded)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {"x": self._input(i), "labels": self.labels[i], "site": self.site[i]}

    def _input(self, i: int) -> Tensor:
        """(1, H, W) film, (window_samples,) sound or (T,) token ids."""
        match self.preparation:
            case ImagePreparation():
                film: Tensor = self.film(torch.from_numpy(self.decoded[i])[None].float() / 255)  # type: ignore[misc]
                return (film - self.preparation.mean) / self.preparation.std
            case AudioPreparation():
                return augment_sound(torch.from_numpy(self.decoded[i]).float(), self.preparation)
            case TextPreparation() if self.tokenizer is not None:
                pairs = zip(self.names, self.labels[i].tolist(), strict=True)
                known = {name: value == 1 for name, value in pairs if not math.isnan(value)}
                text = state(drop_sections(self.notes[i]), known)
                windows = prepare_text(Text("note", "", text), self.preparation, self.tokenizer)
                return windows[int(torch.randint(len(windows), ()))]
        raise UsageError("A text branch needs a tokenizer.")


class Collate:
    """Examples to one batch; sounds become spectrograms here, all at once."""

    def __init__(self, preparation: Preparation, tokenizer: Tokenizer | None = None) -> None:
        self.preparation = preparation
        self.pad = 0 if tokenizer is None else pad_id(tokenizer)
        self.masks = SpecAugment(preparation) if isinstance(preparation, AudioPreparation) else None

    def __call__(self, examples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """``x`` (B, ...), ``labels`` (B, L) and ``site`` (B,)."""
        x = stack([example["x"].unsqueeze(0) for example in examples], self.pad)
        if isinstance(self.preparation, AudioPreparation) and self.masks is not None:
            x = self.masks(log_mel(x, self.preparation))
        return {
            "x": x,
            "labels": torch.stack([example["labels"] for example in examples]),
            "site": torch.stack([example["site"] for example in examples]),
        }


class BalancedSampler(Sampler[int]):
    """Draws rows with replacement by weight; each epoch's draw follows from seed and epoch alone.

    Args:
        weights: (N,) positive.
        size: Draws an epoch.
        seed: Of the draws.
        lengths: (N,) of examples that a batch fills up to its longest: batches are then of like lengths, in random
            order (about twice as fast for notes).
        batch_size: Of these batches.
    """

    def __init__(
        self, weights: FloatArray, size: int, seed: int, lengths: Tensor | None = None, batch_size: int = 1
    ) -> None:
        self.weights, self.size, self.seed, self.epoch = torch.from_numpy(weights), size, seed, 0
        self.lengths, self.batch_size = lengths, batch_size

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 10_007 + self.epoch)
        draws = torch.multinomial(self.weights, self.size, replacement=True, generator=generator)
        if self.lengths is not None and self.size >= self.batch_size:
            whole = draws[: self.size - self.size % self.batch_size]
            batches = whole[self.lengths[whole].argsort(stable=True)].view(-1, self.batch_size)
            shuffled = batches[torch.randperm(len(batches), generator=generator)]
            draws = torch.cat([shuffled.flatten(), draws[len(whole) :]])
        yield from draws.tolist()


def balanced_weights(dataset: Dataset, labels: Sequence[str], phantom_share: float) -> FloatArray:
    """(N,) sampling weights under which sources and, within each, its answers are more even.

    A group is a source with one pattern of answers; its share of the draws grows with its size
    to the power of 3/4, so that a large source does not drown a small one, and a source's
    commonest answer is not taken for the source's mark.

    Args:
        dataset: Training rows.
        labels: Those that are trained.
        phantom_share: Share of all draws that are phantoms, where there are any.
    """
    cells = np.nan_to_num(targets(dataset, labels).numpy(), nan=-1).astype(int)
    groups = dataset.rows["source"] + [":".join(map(str, row)) for row in cells]
    phantom = (dataset.rows["source"] == PHANTOM).to_numpy()
    weights = groups.map(groups.value_counts() ** (_GROUP_POWER - 1)).to_numpy(float).copy()
    weights[phantom] = 1.0
    for chosen, share in ((phantom, phantom_share), (~phantom, 1 - phantom_share)):
        if chosen.any():
            weights[chosen] *= share / weights[chosen].sum()
    normalised: FloatArray = weights / weights.sum()
    return normalised


@dataclass(frozen=True)
class EvaluationSet:
    """Rows to be scored: prepared windows and what is known of them.

    Attributes:
        windows: One (W, ...) tensor a row.
        labels: (N, L).
        sources: (N,) names, with the film size or the sort of recording where a source has several: rows
            of different making are never ranked against each other.
        patients: (N,) keys.
        pad_id: Fills up notes of differing length.
    """

    windows: Sequence[Tensor]
    labels: Tensor
    sources: npt.NDArray[Any]
    patients: npt.NDArray[Any]
    pad_id: int = 0

    @property
    def units(self) -> npt.NDArray[np.str_]:
        """(N,) patient within source: a report and its indication are two things to be right about."""
        return np.char.add(np.char.add(self.sources.astype(str), "|"), self.patients.astype(str))


def evaluation_set(
    dataset: Dataset,
    decoded: Sequence[Decoded],
    labels: Sequence[str],
    preparation: Preparation,
    tokenizer: Tokenizer | None = None,
) -> EvaluationSet:
    """Rows of a dataset, decoded without margin, ready to be scored.

    A note with an indication is there twice, whole and as its indication alone under the
    source "NAME (indication)": a text branch is chosen and calibrated for both.
    """
    whole = EvaluationSet(
        windows=[prepared(item, preparation, tokenizer) for item in decoded],
        labels=targets(dataset, labels),
        sources=dataset.strata,
        patients=dataset.rows["patient"].to_numpy(),
        pad_id=0 if tokenizer is None else pad_id(tokenizer),
    )
    if not isinstance(preparation, TextPreparation):
        return whole
    indications = {i: text for i, item in enumerate(decoded) if (text := _indication(as_note(item)))}
    rows = list(indications)
    alone = replace(
        whole,
        windows=[
            prepared(np.frombuffer(text.encode(), np.uint8), preparation, tokenizer) for text in indications.values()
        ],
        labels=whole.labels[rows],
        sources=np.array([f"{source}{INDICATION}" for source in whole.sources[rows]]),
        patients=whole.patients[rows],
    )
    return joined([whole, alone])


def joined(sets: Sequence[EvaluationSet]) -> EvaluationSet:
    """Several sets of one branch as one."""
    return EvaluationSet(
        windows=[windows for part in sets for windows in part.windows],
        labels=torch.cat([part.labels for part in sets]),
        sources=np.concatenate([part.sources for part in sets]),
        patients=np.concatenate([part.patients for part in sets]),
        pad_id=sets[0].pad_id,
    )


def _indication(note: Text) -> str:
    """The body of the indication, if the note has one beside other sections."""
    bodies = [note.text[s.start : s.end].strip() for s in note.sections if s.title == "indication"]
    return bodies[0] if bodies and len(note.sections) > 1 else ""
