"""Is an explanation true of its network? What it marks is taken out, and put back, to see.

Deletion takes units out of the item in the order of the explanation, insertion puts them into a blank in the same
order (Petsiuk, Das and Saenko, RISE, BMVC 2018). The *gain* is the mean gap between the two curves in log-odds. It is
set against random orders, and against the same map moved elsewhere, which keeps its shape. Over a cohort all of it
is done twice, with two things to put into the holes (:mod:`multimodal.explain.fill`), since a hole can speak too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from multimodal.case import Item
from multimodal.engine.inference import evidence, run
from multimodal.explain.fill import FILLS, Fill, blanked
from multimodal.explain.methods import METHODS
from multimodal.explain.offered import chosen_method
from multimodal.explain.probe import Probe, probe, undisturbed
from multimodal.metrics import bootstrap
from multimodal.zoo import LoadedBranch

FloatArray = npt.NDArray[np.float64]

STEPS, COHORT_STEPS = 10, 5
"""Shares of the units at which the curves of one item, and of each item of a cohort, are measured."""
DRAWS = 3
"""Random orders, and moved maps, that are averaged."""
_COPIES = 12


@dataclass(frozen=True, eq=False)
class Curves:
    """Evidence while units are taken out and put back.

    Attributes:
        deletion: (steps + 1,) with a growing share of units blank, those that speak for the label first.
        insertion: (steps + 1,) with the same share of units put into a blank.
    """

    deletion: FloatArray
    insertion: FloatArray

    @property
    def gain(self) -> float:
        """Mean gap between insertion and deletion in log-odds; about 0 for a random order."""
        gap = self.insertion - self.deletion
        return float(np.trapezoid(gap, dx=1 / (len(gap) - 1)))


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """How an explanation of one item fares.

    Attributes:
        label: Explained.
        method: That explained it.
        own: In the order of the explanation.
        random: In random orders, averaged.
        moved: In the order of the same map moved elsewhere, averaged over moves.
    """

    label: str
    method: str
    own: Curves
    random: Curves
    moved: Curves

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        return {
            "label": self.label,
            "method": self.method,
            **{name: round(curves.gain, 4) for name, curves in self._named().items()},
            "curves": {
                name: {"deletion": curves.deletion.round(4).tolist(), "insertion": curves.insertion.round(4).tolist()}
                for name, curves in self._named().items()
            },
        }

    def _named(self) -> dict[str, Curves]:
        return {"gain": self.own, "gain_random": self.random, "gain_moved": self.moved}


def assess(
    branch: LoadedBranch,
    item: Item,
    label: str,
    *,
    device: str | torch.device = "auto",
    method: str | None = None,
    seed: int = 0,
) -> Faithfulness:
    """Measure an explanation of one item.

    Args:
        branch: From ``zoo.load``.
        item: Of its modality.
        label: That it speaks of.
        device: "auto", "cuda", "mps" or "cpu".
        method: Out of those that the branch offers; None for the default.
        seed: Of the random orders and moves.

    Raises:
        UsageError: If the branch does not speak of the label, or does not offer the method.
        MultimodalError: If the item cannot be prepared or scored.
    """
    name = chosen_method(branch.config, method)
    asked, draw = probe(branch, item, label, device=device), np.random.default_rng(seed)
    with undisturbed(branch.network):
        order = _order(asked, name)
        random = _mean([_curves(asked, draw.random(order.size)) for _ in range(DRAWS)])
        own = _curves(asked, order)
        moved = _mean([_curves(asked, _moved(order, draw)) for _ in range(DRAWS)])
    return Faithfulness(label, name, own, random, moved)


def measure(
    branch: LoadedBranch,
    items: Sequence[Item],
    patients: Sequence[str],
    *,
    device: str | torch.device = "auto",
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Measure every method over items, each explained for the label that its branch finds most evidence for.

    Args:
        branch: From ``zoo.load``.
        items: Of its modality.
        patients: Key of each item's patient, for the intervals.
        device: "auto", "cuda", "mps" or "cpu".
        seed: Of the random orders and moves.

    Returns:
        Per method ``items``, ``patients``, and for each of ``FILLS`` the mean ``gain``, ``gain_random`` and
        ``gain_moved`` in log-odds, the differences ``above_random`` and ``above_moved``, each with its 95 % interval
        over patients (``_ci``), and ``better_than_random``, the share of items whose gain is above that of a random
        order.

    Raises:
        MultimodalError: If an item cannot be prepared or scored.
    """
    gains: dict[str, list[list[tuple[float, float, float]]]] = {name: [] for name in METHODS[branch.network.kind]}
    for position, item in enumerate(items):
        asked = probe(branch, item, _strongest(branch, item, device), device=device)
        draw = np.random.default_rng(seed + position)
        with undisturbed(branch.network):
            by_chance = draw.random(asked.count)
            random = [_curves(asked, by_chance, fill, COHORT_STEPS).gain for fill in FILLS.values()]
            for name, found in gains.items():
                order = _order(asked, name)
                moved = _moved(order, draw)
                own, elsewhere = (
                    [_curves(asked, marks, fill, COHORT_STEPS).gain for fill in FILLS.values()]
                    for marks in (order, moved)
                )
                found.append(list(zip(own, random, elsewhere, strict=True)))
    about = {"items": len(items), "patients": len(set(patients))}
    return {
        name: about | {fill: _summary(np.array(found)[:, at], patients) for at, fill in enumerate(FILLS)}
        for name, found in gains.items()
    }


def _order(asked: Probe, name: str) -> FloatArray:
    """The method's contribution of every unit, in the shape of the grid."""
    cells = METHODS[asked.network.kind][name](asked)
    return asked.by_unit(cells).cpu().numpy().astype(np.float64).reshape(asked.grid)


def _curves(asked: Probe, order: FloatArray, fill: Fill = blanked, steps: int = STEPS) -> Curves:
    """Both curves of one order: a figure for every unit, the largest first."""
    count = asked.count
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(-order.ravel(), kind="stable")] = np.arange(count)
    first = rank < np.round(np.linspace(0, count, steps + 1))[:, None]
    removed = torch.from_numpy(np.concatenate([first, ~first])).to(asked.inputs.device)
    deletion, insertion = _evidence(asked, removed, fill).reshape(2, -1)
    return Curves(deletion, insertion)


def _evidence(asked: Probe, removed: torch.Tensor, fill: Fill) -> FloatArray:
    """(R,) evidence of the whole item with the units of each row of (R, units) bool filled in."""
    windows = len(asked.inputs)
    parts = [
        asked.evidence(torch.cat([fill(asked, row) for row in some])).view(-1, windows).mean(1)
        for some in torch.split(removed, max(1, _COPIES // windows))
    ]
    return torch.cat(parts).cpu().numpy().astype(np.float64)


def _mean(curves: Sequence[Curves]) -> Curves:
    return Curves(np.mean([each.deletion for each in curves], 0), np.mean([each.insertion for each in curves], 0))


def _moved(order: FloatArray, draw: np.random.Generator) -> FloatArray:
    """The map shifted round each axis, by a quarter to three quarters of it."""
    shifts = [int(draw.integers(max(1, size // 4), max(2, size - size // 4 + 1))) for size in order.shape]
    return np.roll(order, shifts, tuple(range(order.ndim)))


def _strongest(branch: LoadedBranch, item: Item, device: str | torch.device) -> str:
    """The label with most evidence."""
    (output,) = run(branch, [item], device)
    return branch.config.labels[int(np.nanargmax(evidence(branch.config, output.logits)))]


def _weighted_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Of (N,) values under each row of (R, N) weights."""
    return np.asarray(weights @ values / weights.sum(1))


def _summary(gains: FloatArray, patients: Sequence[str]) -> dict[str, Any]:
    """Of (N, 3) gains: own, random, moved."""
    own, random, moved = gains.T
    answer: dict[str, Any] = {"gain": own.mean(), "gain_random": random.mean(), "gain_moved": moved.mean()}
    for name, difference in (("above_random", own - random), ("above_moved", own - moved)):
        interval = bootstrap(partial(_weighted_mean, difference), list(patients))
        answer |= {name: interval.value, f"{name}_ci": [interval.low, interval.high]}
    answer["better_than_random"] = np.mean(own > random)
    return {key: np.round(value, 4).tolist() for key, value in answer.items()}
