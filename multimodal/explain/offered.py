"""Which explanations a bundle offers: those that beat random on its test patients, by the figures that it carries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multimodal.errors import UsageError
from multimodal.explain.fill import FILLS
from multimodal.explain.methods import METHODS
from multimodal.labels import Modality
from multimodal.zoo import BundleConfig

EXPLANATIONS = "explanations"
"""Entry of an evaluation, in a bundle's ``metrics``, that holds the answer of :func:`~multimodal.explain.measure`."""


@dataclass(frozen=True)
class Advantage:
    """By how much a method's gain is above that of random orders, in log-odds.

    Attributes:
        value: Mean over items.
        low: Lower end of its 95 % interval over patients.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """How a method fared on the test patients of a bundle.

    Attributes:
        items: How many it was measured on.
        by_fill: Advantage with each way of taking something out of an item (``FILLS``).
    """

    items: int
    by_fill: Mapping[str, Advantage]

    @property
    def beats_random(self) -> bool:
        """Whether the whole interval is above 0, whatever is put where something was taken out."""
        return all(advantage.low > 0 for advantage in self.by_fill.values())

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        found = {
            name: {"above_random": round(a.value, 4), "above_random_ci": [round(a.low, 4), round(a.high, 4)]}
            for name, a in self.by_fill.items()
        }
        return {"items": self.items, **found}


def recorded(config: BundleConfig) -> dict[str, Measured]:
    """The methods that were measured on these weights.

    The sources that a bundle was evaluated on are independent samples: their means are pooled by items, and so
    are the half widths of their intervals, in quadrature.
    """
    entries = [
        figures[EXPLANATIONS]
        for figures in config.metrics.values()
        if EXPLANATIONS in figures and figures["bundle"]["sha256"] == config.sha256
    ]
    names = [name for name in METHODS[Modality(config.kind)] if any(name in entry for entry in entries)]
    return {name: _pooled([entry[name] for entry in entries if name in entry]) for name in names}


def offered(config: BundleConfig) -> tuple[str, ...]:
    """The methods that a branch's bundle offers, the default first: all but those measured and not above random."""
    known = recorded(config)
    return tuple(name for name in METHODS[Modality(config.kind)] if name not in known or known[name].beats_random)


def chosen_method(config: BundleConfig, method: str | None = None) -> str:
    """The name of a method, or of the default one.

    Raises:
        UsageError: If the bundle does not offer the method, or none at all.
    """
    names = offered(config)
    if not names:
        raise UsageError(f"No explanation of {config.kind}/{config.name} beats random marks on its test patients.")
    if method is not None and method not in names:
        raise UsageError(
            f"Expected an explanation of {config.kind}/{config.name} out of {', '.join(names)}, but got {method!r}."
        )
    return method or names[0]


def _pooled(entries: Sequence[Mapping[str, Any]]) -> Measured:
    items = sum(int(entry["items"]) for entry in entries)
    by_fill = {}
    for fill in FILLS:
        shares = [(entry["items"] / items, entry[fill]) for entry in entries]
        value = sum(share * part["above_random"] for share, part in shares)
        half = math.sqrt(sum((share * _half(part["above_random_ci"])) ** 2 for share, part in shares))
        by_fill[fill] = Advantage(value, value - half, value + half)
    return Measured(items, by_fill)


def _half(interval: Sequence[float]) -> float:
    """Half the width of an interval."""
    return (interval[1] - interval[0]) / 2
