"""Late pooling, the ``no_finding`` rule and subsets: fusion that needs no training.

Shapes: B cases, M modalities in the order of :class:`~multimodal.labels.Modality`, L labels.
*Evidence* is a branch's calibrated log-odds less the log-odds of the prevalence it was trained with,
``logit p_m - logit q_m``: the logarithm of a likelihood ratio, which is what independent sources add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import torch
from torch import Tensor

from multimodal.labels import LABELS, NO_FINDING, Group, Modality


def logit(probability: Tensor | float) -> Tensor:
    """Log-odds, in double precision.

    >>> float(logit(0.5))
    0.0
    """
    return torch.logit(torch.as_tensor(probability, dtype=torch.float64))


def spoken(speaks: Tensor, present: Tensor) -> Tensor:
    """Which labels are spoken of by a modality that is there.

    Args:
        speaks: (B, M, L) bool, whether the modality's branch speaks of the label.
        present: (B, M) bool, whether the modality is there.

    Returns:
        (B, M, L) bool.
    """
    return speaks & present.unsqueeze(-1)


def late(evidence: Tensor, speaks: Tensor, present: Tensor, weight: Tensor | None = None) -> Tensor:
    """Sum of the evidence of the modalities that are there and speak of the label.

    With independent modalities given the label and calibrated branches this is Bayes' rule: the sum, added to
    the log-odds of any prevalence, is the log-odds of the posterior. It is the product of experts in log-odds
    (Genest and Zidek 1986, "Combining Probability Distributions", Statistical Science 1(1):114-135).

    Args:
        evidence: (B, M, L) ``logit p_m - logit q_m``; slots that are absent may hold anything, NaN too.
        speaks: (B, M, L) bool.
        present: (B, M) bool.
        weight: (M, L) weights w, or None for 1.

    Returns:
        (B, L) fused log-odds relative to ``logit q``; 0 where nothing speaks of the label.
    """
    heard = torch.where(spoken(speaks, present), evidence, 0.0)
    return (heard if weight is None else heard * weight).sum(dim=1)


def conjoin(log_odds: Tensor, evidence: Tensor, heard: Tensor, prior: Tensor, labels: Sequence[str]) -> Tensor:
    """Replace ``no_finding``: all is well only as far as every modality and every condition allow.

    The fused probability is the smaller of the least modality's and 1 - the largest fused condition. It is a
    conjunction and so is not pooled: two normal films of a patient with a murmur don't make the heart normal.

    Args:
        log_odds: (B, L) fused log-odds of all labels.
        evidence: (B, M, L) as in :func:`late`.
        heard: (B, M, L) bool, from :func:`spoken`.
        prior: (L,) ``logit q``.
        labels: The L label names.

    Returns:
        (B, L) with the column of ``no_finding`` replaced, unchanged if the labels hold none.
    """
    if NO_FINDING not in labels:
        return log_odds
    column = labels.index(NO_FINDING)
    conditions = [i for i, name in enumerate(labels) if LABELS[name].group is Group.CONDITION and name != NO_FINDING]
    own = torch.where(heard[:, :, column], evidence[:, :, column] + prior[column], torch.inf).amin(dim=1)
    fused = torch.where(heard.any(dim=1), log_odds, -torch.inf)[:, conditions]
    ceiling = -fused.amax(dim=1) if conditions else torch.full_like(own, torch.inf)
    bounded = torch.minimum(own, ceiling)
    result = log_odds.clone()
    result[:, column] = torch.where(heard[:, :, column].any(dim=1), bounded, log_odds[:, column])
    return result


def subsets(modalities: Iterable[Modality]) -> list[frozenset[Modality]]:
    """Every non-empty subset, singles first, in the fixed order of modalities.

    >>> from multimodal.case import subset_key
    >>> [subset_key(s) for s in subsets({Modality.TEXT, Modality.IMAGE})]
    ['image', 'text', 'image+text']
    """
    given = [m for m in Modality if m in set(modalities)]
    return [frozenset(s) for size in range(1, len(given) + 1) for s in combinations(given, size)]
