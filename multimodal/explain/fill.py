"""What is put where something was taken out of an item. A verdict on an explanation must not hang on that choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import coo_array, csc_array, eye_array
from scipy.sparse.linalg import spsolve
from torch import Tensor
from torch.nn.functional import interpolate

from multimodal.explain.probe import Probe
from multimodal.labels import Modality

Fill = Callable[[Probe, Tensor], Tensor]
FloatArray = npt.NDArray[np.float64]

NOISE = 0.1
"""Noise on what is imputed, in standard deviations of the item: a smooth patch would tell what was hidden."""
_PULL = 1e-3
_DIRECT, _DIAGONAL = 1 / 6, 1 / 12


def blanked(probe: Probe, removed: Tensor) -> Tensor:
    """The probe's own blank: a blurred film, the mean level of a sound, mask tokens."""
    return probe.without(removed)


def imputed(probe: Probe, removed: Tensor) -> Tensor:
    """Noisy linear imputation: each hidden cell is the weighted mean of its neighbours.

    Rong et al., A Consistent and Efficient Evaluation Strategy for Attribution Methods (ROAD), ICML 2022. Films and
    spectrograms are solved at one cell a unit and brought to size; the words of a note lie on a line, so that a
    hidden word runs from the embedding of the word before it to that of the word after.

    Args:
        probe: Of one item.
        removed: (units,) bool.

    Returns:
        As ``probe.inputs``.
    """
    hidden = torch.cat([removed, removed.new_zeros(1)])[probe.units]
    linear = _along_line if probe.network.kind is Modality.TEXT else _in_plane
    filled = torch.stack([linear(probe, row, mask) for row, mask in zip(probe.inputs, hidden, strict=True)])
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(filled.shape, generator=draw).to(filled.device) * (NOISE * probe.inputs.std())
    if hidden.dim() < filled.dim():
        hidden = hidden.unsqueeze(-1)
    return torch.where(hidden, filled + noise, probe.inputs)


FILLS: Mapping[str, Fill] = MappingProxyType({"blank": blanked, "imputed": imputed})
"""By name; the first is the one that explanations start from."""


def _in_plane(probe: Probe, window: Tensor, hidden: Tensor) -> Tensor:
    """(..., H, W) with every cell as the neighbours of its hidden stretch have it."""
    plane, mask = window.reshape(1, 1, *window.shape[-2:]), hidden.reshape(1, 1, *hidden.shape[-2:]).float()
    side = [min(units, cells) for units, cells in zip(_across(probe), plane.shape[-2:], strict=True)]
    seen = interpolate(plane * (1 - mask), size=side, mode="area")
    share = interpolate(1 - mask, size=side, mode="area")
    values = (seen / share.clamp_min(1e-6))[0, 0].double().cpu().numpy()
    missing = (share[0, 0] < 0.5).cpu().numpy()
    solved = torch.from_numpy(_solved(values, missing)).to(plane)
    return interpolate(solved[None, None], size=plane.shape[-2:], mode="bilinear").reshape(window.shape)


def _across(probe: Probe) -> tuple[int, int]:
    """Units down and across one window."""
    units = probe.units[0].reshape(probe.units.shape[-2:]).cpu().numpy()
    return len(np.unique(units[:, 0])), len(np.unique(units[0]))


def _solved(values: FloatArray, missing: npt.NDArray[np.bool_]) -> FloatArray:
    """(H, W) whose missing cells are the weighted mean of their neighbours, drawn a little to the mean of all."""
    known = values[~missing]
    mean = known.mean() if known.size else 0.0
    if not missing.any() or not known.size:
        return np.where(missing, mean, values)
    weights = _neighbours(missing.shape)
    own, others = weights[missing.ravel()][:, missing.ravel()], weights[missing.ravel()][:, ~missing.ravel()]
    system = csc_array((1 + _PULL) * eye_array(int(missing.sum())) - own)
    filled = values.copy()
    filled[missing] = spsolve(system, others @ known + _PULL * mean)
    return filled


@lru_cache(maxsize=8)
def _neighbours(shape: tuple[int, ...]) -> csc_array:
    """(cells, cells) weights of each cell's neighbours, which add up to 1."""
    index = np.arange(shape[0] * shape[1]).reshape(shape)
    rows, columns, weights = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        first = index[: shape[0] - down, max(0, -right) : shape[1] - max(0, right)].ravel()
        second = index[down:, max(0, right) : shape[1] - max(0, -right)].ravel()
        rows += [first, second]
        columns += [second, first]
        weights += [np.full(2 * len(first), _DIAGONAL if down and right else _DIRECT)]
    matrix = coo_array((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), (index.size,) * 2)
    table = csc_array(matrix)
    return csc_array(table.multiply(1 / np.asarray(table.sum(axis=1)).reshape(-1, 1)))


def _along_line(probe: Probe, window: Tensor, hidden: Tensor) -> Tensor:  # noqa: ARG001
    """(T, C) with hidden tokens on the way from the last kept one to the next; special tokens are always kept."""
    kept = torch.nonzero(~hidden).flatten()
    place = torch.arange(len(window), device=window.device)
    after = torch.searchsorted(kept, place).clamp(max=len(kept) - 1)
    before = (torch.searchsorted(kept, place, right=True) - 1).clamp(min=0)
    left, right = kept[before], kept[after]
    way = ((place - left) / (right - left).clamp_min(1)).unsqueeze(-1)
    return window[left] * (1 - way) + window[right] * way
