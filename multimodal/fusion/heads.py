"""The contract of a fusion head, the registry, and late pooling as a head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from multimodal.case import Patient
from multimodal.errors import ArchitectureError, UsageError
from multimodal.fusion.pooling import conjoin, late, spoken
from multimodal.labels import Modality, check_labels

CONTEXT_DIM = 4
"""Age / 100, age known, sex is female, sex known."""

LEAST_WEIGHT = 0.5
"""Of a modality's evidence in late pooling."""


@dataclass(frozen=True)
class FusionInput:
    """What the branches say of B cases; absent slots may hold anything.

    Attributes:
        embeddings: Per modality (B, D_m); a modality that no case has may be left out if the head allows it.
        evidence: (B, M, L) calibrated log-odds less ``logit q_m``.
        speaks: (B, M, L) bool.
        present: (B, M) bool.
        context: (B, CONTEXT_DIM) from :func:`encode_patient`, or None.
    """

    embeddings: Mapping[Modality, Tensor]
    evidence: Tensor
    speaks: Tensor
    present: Tensor
    context: Tensor | None = None


def encode_patient(patient: Patient) -> list[float]:
    """The context vector: what is unknown is 0 and flagged as unknown.

    >>> encode_patient(Patient(age=50, sex=None))
    [0.5, 1.0, 0.0, 0.0]
    """
    age = 0.0 if patient.age is None else patient.age / 100
    return [age, float(patient.age is not None), float(patient.sex == "F"), float(patient.sex is not None)]


class FusionHead(nn.Module):
    """Embeddings and evidence of any non-empty subset of modalities to fused log-odds.

    Args:
        labels: The labels that it fuses, in vocabulary order.
        embedding_dims: D_m of each modality whose embedding it reads; empty for late pooling.
    """

    arch: ClassVar[str]

    def __init__(self, labels: Sequence[str], embedding_dims: Mapping[Modality, int]) -> None:
        super().__init__()
        self.labels = check_labels(labels)
        self.embedding_dims = {m: embedding_dims[m] for m in Modality if m in embedding_dims}

    def forward(
        self,
        embeddings: Mapping[Modality, Tensor],
        evidence: Tensor,
        speaks: Tensor,
        present: Tensor,
        context: Tensor | None = None,
    ) -> Tensor:
        """Fused log-odds relative to ``logit q``.

        Args:
            embeddings: Per modality (B, D_m).
            evidence: (B, M, L) calibrated log-odds less ``logit q_m``.
            speaks: (B, M, L) bool.
            present: (B, M) bool.
            context: (B, CONTEXT_DIM), read only by a head made with ``context=True``.

        Returns:
            (B, L); 0 where nothing that is there speaks of the label.
        """
        raise NotImplementedError


Head = TypeVar("Head", bound=type[FusionHead])
_HEADS: dict[str, type[FusionHead]] = {}


def register(arch: str) -> Callable[[Head], Head]:
    """Class decorator that makes a head known under ``arch``."""

    def add(head: Head) -> Head:
        head.arch = arch
        _HEADS[arch] = head
        return head

    return add


def architectures() -> tuple[str, ...]:
    """Names of the registered heads."""
    return tuple(_HEADS)


def create(
    arch: str,
    *,
    labels: Sequence[str],
    embedding_dims: Mapping[Modality, int] | None = None,
    options: Mapping[str, Any] | None = None,
) -> FusionHead:
    """Make a head by name, with fresh weights.

    Args:
        arch: Registered name.
        labels: What it shall speak of.
        embedding_dims: D_m of each modality; none for late pooling.
        options: The head's own; what is not given takes its default.

    Raises:
        ArchitectureError: If no head has that name.
        UsageError: If it has no such option.
    """
    if arch not in _HEADS:
        raise ArchitectureError(f"Expected a fusion head out of {', '.join(_HEADS)}, but got {arch!r}.")
    try:
        return _HEADS[arch](labels, embedding_dims or {}, **(options or {}))
    except TypeError as error:
        raise UsageError(f"The fusion head {arch!r} does not take these options: {error}.") from error


@register("late")
class Late(FusionHead):
    """Weighted sum of evidence; the weights w are 1 unless they were fitted, and never below :data:`LEAST_WEIGHT`.

    They are fitted on composed cases, whose notes are indications: unbounded, they took all weight from a label that
    indications tell nothing of, and a report that named it counted for nothing.
    """

    def __init__(self, labels: Sequence[str], embedding_dims: Mapping[Modality, int] | None = None) -> None:
        del embedding_dims  # reads none, whatever the branches offer
        super().__init__(labels, {})
        self.weight = nn.Parameter(torch.ones(len(Modality), len(self.labels)))

    def forward(
        self,
        embeddings: Mapping[Modality, Tensor],  # noqa: ARG002
        evidence: Tensor,
        speaks: Tensor,
        present: Tensor,
        context: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """See :meth:`FusionHead.forward`."""
        return late(evidence, speaks, present, self.weight.clamp(min=LEAST_WEIGHT))


def drop_modalities(present: Tensor, rate: float, generator: torch.Generator | None = None) -> Tensor:
    """Modality dropout for training: take modalities away at random, never a case's last one.

    Neverova et al. 2016, "ModDrop", IEEE TPAMI 38(8):1692-1706.

    Args:
        present: (B, M) bool.
        rate: Probability that a modality is taken away.
        generator: Source of randomness.

    Returns:
        (B, M) bool: a subset of each row, non-empty where the row is.
    """
    draw = torch.rand(present.shape, generator=generator).to(present.device)
    survivor = torch.where(present, draw, -1.0).argmax(dim=1, keepdim=True)
    kept = (draw >= rate).scatter(1, survivor, torch.ones_like(survivor, dtype=torch.bool))
    return present & kept


def fuse(
    head: FusionHead,
    given: FusionInput,
    prior: Tensor,
    labels: Sequence[str],
    calibrate: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Fused answer of a head for every label: late pooling where it was not trained, ``no_finding`` by its rule.

    Args:
        head: Any head; its labels may be fewer than ``labels``.
        given: What the branches say, over ``labels``.
        prior: (L,) ``logit q`` of the reference prevalence.
        labels: The L label names.
        calibrate: (B, L) fused log-odds relative to ``logit q``, and (B, M, L) which modalities are heard, to
            calibrated ones, if the head has a calibration.

    Returns:
        (B, L) log-odds and (B, L) bool, whether the label is spoken of; where it is not, the answer is absent
        and the log-odds mean nothing.

    Raises:
        UsageError: If the head speaks of a label that is not among ``labels``.
    """
    missing = sorted(set(head.labels) - set(labels))
    if missing:
        raise UsageError(f"Expected evidence on the labels of the head, but {', '.join(missing)} are not there.")
    known = [labels.index(name) for name in head.labels]
    relative = late(given.evidence, given.speaks, given.present)
    relative[:, known] = head(
        given.embeddings, given.evidence[:, :, known], given.speaks[:, :, known], given.present, given.context
    ).to(relative.dtype)
    heard = spoken(given.speaks, given.present)
    if calibrate is not None:
        relative = calibrate(relative, heard)
    return conjoin(relative + prior, given.evidence, heard, prior, labels), heard.any(dim=1)
