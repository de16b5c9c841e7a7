"""Fusion heads: late pooling, and three that learn only what late pooling misses.

A trained head answers ``late sum + correction``. The correction is built label by label from the modalities
that are there and speak of that label, and its last layer starts at zero: an untrained head is late pooling,
and a modality that does not speak of a label never moves it.
"""

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
    """Weighted sum of evidence; the weights w are 1 unless they were fitted."""

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
        return late(evidence, speaks, present, self.weight)


class CorrectedHead(FusionHead):
    """Late pooling plus a learned correction; subclasses say how projected embeddings are mixed.

    Args:
        labels: The labels that it fuses.
        embedding_dims: D_m of each modality.
        hidden: Width H of the projections.
        dropout: Of the projected embeddings, in training.
        context: Whether age and sex are read.
    """

    def __init__(
        self,
        labels: Sequence[str],
        embedding_dims: Mapping[Modality, int],
        hidden: int = 64,
        dropout: float = 0.2,
        context: bool = False,
    ) -> None:
        super().__init__(labels, embedding_dims)
        self.hidden = hidden
        self.project = nn.ModuleDict(
            {
                m: nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.Dropout(dropout))
                for m, dim in self.embedding_dims.items()
            }
        )
        self.context = nn.Linear(CONTEXT_DIM, hidden) if context else None
        self.readout = nn.Parameter(torch.zeros(len(self.labels), hidden))

    def forward(
        self,
        embeddings: Mapping[Modality, Tensor],
        evidence: Tensor,
        speaks: Tensor,
        present: Tensor,
        context: Tensor | None = None,
    ) -> Tensor:
        """See :meth:`FusionHead.forward`."""
        heard = spoken(speaks, present)
        tokens = torch.stack(
            [self._token(m, i, embeddings, present) for i, m in enumerate(Modality)], dim=1
        )  # (B, M, H)
        mixed = self.mix(tokens, heard.transpose(1, 2), self._context_token(tokens, context))  # (B, L, H)
        correction = (mixed * self.readout).sum(dim=-1)
        return late(evidence, speaks, present) + torch.where(heard.any(dim=1), correction, 0.0)

    def _token(self, modality: Modality, slot: int, embeddings: Mapping[Modality, Tensor], present: Tensor) -> Tensor:
        if modality not in self.embedding_dims:
            return self.readout.new_zeros(len(present), self.hidden)
        here = present[:, slot].unsqueeze(-1)
        # torch.where, not a product: 0 x NaN is NaN.
        projected: Tensor = self.project[modality](torch.where(here, embeddings[modality], 0.0))
        return torch.where(here, projected, 0.0)

    def _context_token(self, tokens: Tensor, context: Tensor | None) -> Tensor:
        """(B, H) token of the patient; zero for a head that does not read it."""
        if self.context is None:
            return tokens.new_zeros(len(tokens), self.hidden)
        given = tokens.new_zeros(len(tokens), CONTEXT_DIM) if context is None else context
        token: Tensor = self.context(given)
        return token

    def mix(self, tokens: Tensor, heard: Tensor, context: Tensor) -> Tensor:
        """Mix the tokens that speak of each label.

        Args:
            tokens: (B, M, H) projected embeddings, zero where absent.
            heard: (B, L, M) bool, which tokens may be used for which label.
            context: (B, H) token of the patient, zero without one.

        Returns:
            (B, L, H).
        """
        raise NotImplementedError


@register("concat")
class Concat(CorrectedHead):
    """Concatenated embeddings into one hidden layer.

    The joint representation of Baltrusaitis et al. 2019, "Multimodal Machine Learning", IEEE TPAMI
    41(2):423-443. A linear layer over a concatenation is a sum of one linear layer each, so leaving a modality
    out of a label is leaving its term out of the sum.
    """

    def mix(self, tokens: Tensor, heard: Tensor, context: Tensor) -> Tensor:
        """See :meth:`CorrectedHead.mix`."""
        return torch.relu(heard.to(tokens.dtype) @ tokens + context.unsqueeze(1))


@register("gated")
class Gated(CorrectedHead):
    """Gated multimodal unit: each modality's say depends on what all of them show.

    Arevalo et al. 2017, "Gated Multimodal Units for Information Fusion", arXiv:1702.01992, for more than two
    modalities: ``h = sum_m sigmoid(W_m [x_1 .. x_M]) * tanh(x_m)`` over projected embeddings, the W_m sharing
    one input layer.
    """

    def __init__(self, labels: Sequence[str], embedding_dims: Mapping[Modality, int], **options: Any) -> None:
        super().__init__(labels, embedding_dims, **options)
        self.gate = nn.Linear(self.hidden, len(Modality) * self.hidden)

    def mix(self, tokens: Tensor, heard: Tensor, context: Tensor) -> Tensor:
        """See :meth:`CorrectedHead.mix`."""
        mask = heard.to(tokens.dtype)
        seen = mask @ tokens + context.unsqueeze(1)  # (B, L, H)
        gates = torch.sigmoid(self.gate(seen)).view(*seen.shape[:2], len(Modality), self.hidden)  # (B, L, M, H)
        values = torch.tanh(tokens).unsqueeze(1) * mask.unsqueeze(-1)  # (B, L, M, H)
        pooled: Tensor = (gates * values).sum(dim=2)
        return pooled + torch.tanh(context).unsqueeze(1)


@register("attention")
class Attention(CorrectedHead):
    """Attention pooling: one learned query a label over the tokens that speak of it.

    Ilse et al. 2018, "Attention-based Deep Multiple Instance Learning", ICML, arXiv:1802.04712, with the
    scaled dot product of Vaswani et al. 2017 and a query of each label as in Query2Label, arXiv:2107.10834.
    """

    def __init__(self, labels: Sequence[str], embedding_dims: Mapping[Modality, int], **options: Any) -> None:
        super().__init__(labels, embedding_dims, **options)
        self.query = nn.Parameter(torch.randn(len(self.labels), self.hidden) * self.hidden**-0.5)
        self.key = nn.Linear(self.hidden, self.hidden)
        self.value = nn.Linear(self.hidden, self.hidden)
        self.slot = nn.Parameter(torch.randn(len(Modality) + 1, self.hidden) * 0.02)

    def mix(self, tokens: Tensor, heard: Tensor, context: Tensor) -> Tensor:
        """See :meth:`CorrectedHead.mix`."""
        tokens = torch.cat([tokens, context.unsqueeze(1)], dim=1) + self.slot  # (B, M + 1, H)
        # The patient's token is open to every label, so no row of the softmax is empty.
        usable = torch.cat([heard, heard.new_ones(*heard.shape[:2], 1)], dim=-1)  # (B, L, M + 1)
        scores = self.query @ self.key(tokens).transpose(1, 2) * self.hidden**-0.5
        weights = torch.softmax(scores.masked_fill(~usable, -torch.inf), dim=-1)
        return torch.relu(weights @ self.value(tokens))


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
    calibrate: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Fused answer of a head for every label: late pooling where it was not trained, ``no_finding`` by its rule.

    Args:
        head: Any head; its labels may be fewer than ``labels``.
        given: What the branches say, over ``labels``.
        prior: (L,) ``logit q`` of the reference prevalence.
        labels: The L label names.
        calibrate: (B, L) fused log-odds relative to ``logit q`` to calibrated ones, if the head has a calibration.

    Returns:
        (B, L) log-odds and (B, L) bool, whether the label is spoken of; where it is not, the answer is absent
        and the log-odds mean nothing.
    """
    missing = sorted(set(head.labels) - set(labels))
    if missing:
        raise UsageError(f"Expected evidence on the labels of the head, but {', '.join(missing)} are not there.")
    known = [labels.index(name) for name in head.labels]
    relative = late(given.evidence, given.speaks, given.present)
    relative[:, known] = head(
        given.embeddings, given.evidence[:, :, known], given.speaks[:, :, known], given.present, given.context
    ).to(relative.dtype)
    if calibrate is not None:
        relative = calibrate(relative)
    heard = spoken(given.speaks, given.present)
    return conjoin(relative + prior, given.evidence, heard, prior, labels), heard.any(dim=1)
