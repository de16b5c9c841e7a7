"""Changes made to mislead: the worst that can be done to an input within a bound, for one who knows the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from multimodal.case import Item
from multimodal.engine.inference import evidence
from multimodal.explain.probe import Probe, probe, undisturbed
from multimodal.labels import Modality
from multimodal.metrics.checks import FloatArray
from multimodal.prepare import ImagePreparation
from multimodal.zoo import LoadedBranch

ATTACKS = ("FGSM", "PGD")
STEPS = 4


@dataclass(frozen=True)
class Strengths:
    """Bounds of an attack on one modality.

    Attributes:
        what: The strength is, with its unit.
        values: From mild to severe.
    """

    what: str
    values: tuple[float, ...]


STRENGTHS: Mapping[Modality, Strengths] = MappingProxyType(
    {
        Modality.IMAGE: Strengths("grey levels of 255, any pixel of the prepared film", (0.5, 1, 2)),
        Modality.AUDIO: Strengths("standard deviations, any cell of the log-mel window", (0.02, 0.05, 0.1)),
        Modality.TEXT: Strengths("of the root mean square, any number of a word's embedding", (0.05, 0.1, 0.2)),
    }
)


def attack(
    branch: LoadedBranch, item: Item, truth: npt.NDArray[np.floating[Any]], *, device: str = "auto"
) -> dict[str, FloatArray]:
    """Evidence after each attack at each strength, which pushes every known label of an item the wrong way.

    The fast gradient sign method (Goodfellow, Shlens and Szegedy, Explaining and Harnessing Adversarial
    Examples, ICLR 2015) takes one step to the bound; projected gradient descent (Madry et al., Towards Deep
    Learning Models Resistant to Adversarial Attacks, ICLR 2018) takes four, from the item itself. The
    bound is on the largest change (L-infinity) of the prepared input; of a note, of its word embeddings.

    Args:
        branch: From ``zoo.load``.
        item: Of its modality.
        truth: (L,) over the branch's labels: 1, 0 or NaN.
        device: "auto", "cuda", "mps" or "cpu".

    Returns:
        "FGSM 2" ... to (L,) evidence.
    """
    asked = probe(branch, item, branch.network.labels[0], device=device)
    push = torch.from_numpy(np.nan_to_num(1 - 2 * truth)).float().to(asked.inputs.device)
    unit, low, high = _scale(branch, asked)
    found = {}
    with undisturbed(branch.network):
        start = _direction(asked, asked.inputs, push)
        for strength in STRENGTHS[branch.network.kind].values:
            bound = strength * unit
            once = (asked.inputs + bound * start).clamp(low, high)
            moved = (asked.inputs + 2.5 * bound / STEPS * start).clamp(low, high)
            for _ in range(STEPS - 1):
                moved = moved + 2.5 * bound / STEPS * _direction(asked, moved, push)
                moved = asked.inputs + (moved - asked.inputs).clamp(-bound, bound)
                moved = moved.clamp(low, high)
            for name, inputs in zip(ATTACKS, (once, moved), strict=True):
                logits = asked.logits(asked.states(inputs)).double().mean(0)
                found[f"{name} {strength:g}"] = evidence(branch.config, logits.cpu().numpy())
    return found


def _direction(asked: Probe, inputs: Tensor, push: Tensor) -> Tensor:
    """Sign of the gradient of what the labels are pushed by; 0 where nothing of the item can change."""
    with asked.differentiable():
        leaf = inputs.detach().requires_grad_()
        wrong = (asked.logits(asked.states(leaf)).mean(0) * push).sum()
        (gradient,) = torch.autograd.grad(wrong, leaf)
    if gradient.dim() > asked.units.dim():
        gradient = gradient * (asked.units >= 0).unsqueeze(-1)
    return gradient.sign()


def _scale(branch: LoadedBranch, asked: Probe) -> tuple[float, float, float]:
    """One unit of strength in the prepared input, and the bounds of what an input can be."""
    settings = branch.preparation
    if isinstance(settings, ImagePreparation):
        return 1 / (255 * settings.std), -settings.mean / settings.std, (1 - settings.mean) / settings.std
    if branch.network.kind is Modality.TEXT:
        return float(asked.inputs.square().mean().sqrt()), -torch.inf, torch.inf
    return 1.0, -torch.inf, torch.inf
