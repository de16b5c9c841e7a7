"""Trained fusion heads, which learn only what late pooling misses.

A trained head answers ``late sum + correction``. The correction is built label by label from the modalities
that are there and speak of that label, and its last layer starts at zero: an untrained head is late pooling,
and a modality that does not speak of a label never moves it. Where one modality alone speaks of a label there
is nothing to fuse, and its branch's calibrated answer stands, unless age and sex are there to correct it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from multimodal.fusion.heads import CONTEXT_DIM, FusionHead, register
from multimodal.fusion.pooling import late, spoken
from multimodal.labels import Modality


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
        self.least_speakers = 1 if context else 2
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
        corrected = heard.sum(dim=1) >= self.least_speakers
        return late(evidence, speaks, present) + torch.where(corrected, correction, 0.0)

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
