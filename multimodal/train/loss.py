"""The loss of a branch: masked, weighted binary cross-entropy over labels, and the site of a sound."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def masked_bce(logits: Tensor, targets: Tensor, label_weight: Tensor, positive_weight: Tensor) -> Tensor:
    """Mean binary cross-entropy over the cells that are known.

    Args:
        logits: (B, L).
        targets: (B, L): 1, 0 or NaN for unknown, which neither counts nor pulls.
        label_weight: (L,) weight of each label's cells.
        positive_weight: (L,) further weight of its positives.

    Returns:
        A scalar; 0 (with a gradient of 0) where nothing is known.
    """
    known = ~targets.isnan()
    truth = torch.where(known, targets, 0.0)
    cells = binary_cross_entropy_with_logits(
        logits, truth.to(logits.dtype), pos_weight=positive_weight, reduction="none"
    )
    weight = known * label_weight
    return (cells * weight).sum() / weight.sum().clamp_min(1e-6)


def class_weights(targets: Tensor, sampling: Tensor) -> tuple[Tensor, Tensor]:
    """Weights that even out how often a label is known and how rare its positives are, both by half (a square root).

    Args:
        targets: (N, L) of the training rows.
        sampling: (N,) share of the draws of each row.

    Returns:
        Label weights and positive weights, each (L,); a positive weighs at most 4 times a negative, at least half.
    """
    known = ~targets.isnan()
    share = sampling.to(targets.dtype).unsqueeze(1)
    mass = (known * share).sum(0).clamp_min(1e-6)
    positive = (torch.where(known, targets, 0.0) * share).sum(0).clamp_min(1e-6)
    label_weight = mass**-0.5
    positive_weight = ((mass - positive).clamp_min(1e-6) / positive).sqrt().clamp(0.5, 4.0)
    return label_weight / label_weight.mean(), positive_weight


def site_loss(log_odds: Tensor, site: Tensor) -> Tensor:
    """Mean cross-entropy of "this sound is from the lung" over the rows whose site is known.

    Args:
        log_odds: (B,).
        site: (B,) 1 lung, 0 heart, NaN unknown.
    """
    one = torch.ones(1, dtype=log_odds.dtype, device=log_odds.device)
    return masked_bce(log_odds.unsqueeze(1), site.unsqueeze(1), one, one)
