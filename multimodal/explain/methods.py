"""How much each cell of an input adds to the evidence for a label.

Every method gives contributions in log-odds, positive where a cell speaks for the label. Which of them a bundle
offers is not a matter of taste: each is measured against random (:mod:`multimodal.explain.offered`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from multimodal.explain.probe import Probe
from multimodal.labels import Modality

Method = Callable[[Probe], Tensor]


def grad_cam(probe: Probe) -> Tensor:
    """Grad-CAM of the film branch's features: two forward passes, and a backward pass through the head alone.

    Selvaraju et al., Grad-CAM, ICCV 2017, of the features' difference from those of the blank and without the
    final ReLU: what any film would give cancels out, and what speaks against a label keeps its sign. The map is as
    coarse as the features.

    Returns:
        (1, 1, H, W); behind a mean over the field it adds up to the evidence of the film less that of the blank.
    """
    states, nothing = probe.states(probe.inputs), probe.states(probe.blank)
    with probe.differentiable():
        leaf = states.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(probe.evidence_of(leaf).mean(), leaf)
    coarse = (gradient.mean((-2, -1), keepdim=True) * (states - nothing)).sum(1, keepdim=True)
    fine = interpolate(coarse, size=probe.inputs.shape[-2:], mode="bilinear", align_corners=False)
    cells: Tensor = fine * (coarse.numel() / fine.numel())
    return cells


def integrated_gradients(probe: Probe, steps: int = 16) -> Tensor:
    """Integrated gradients from the blank to the item, by the midpoint rule.

    Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017. With enough steps the
    contributions add up to the evidence of the item less that of the blank.

    Returns:
        As the prepared item; of a note (W, T), summed over the embedding.
    """
    path = probe.inputs - probe.blank
    total = torch.zeros_like(path)
    for step in range(steps):
        total += probe.gradient(probe.blank + (step + 0.5) / steps * path)
    cells = path * total / steps
    return cells.sum(-1) if cells.dim() > probe.units.dim() else cells


def midpoint_gradients(probe: Probe) -> Tensor:
    """Integrated gradients with one step, half way to the item: one forward and one backward pass."""
    return integrated_gradients(probe, steps=1)


_PATH: Mapping[str, Method] = MappingProxyType(
    {"midpoint_gradients": midpoint_gradients, "integrated_gradients": integrated_gradients}
)
METHODS: Mapping[Modality, Mapping[str, Method]] = MappingProxyType(
    {
        Modality.IMAGE: MappingProxyType({**_PATH, "grad_cam": grad_cam}),
        Modality.AUDIO: _PATH,
        Modality.TEXT: _PATH,
    }
)
"""Per modality the methods by name, quickest first; the first costs one forward and one backward pass."""
