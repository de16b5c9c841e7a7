"""Exact Shapley shares: how far each modality moved the fused log-odds.

Shapley 1953, "A value for n-person games", Contributions to the Theory of Games II:307-317. With three
players all eight coalitions are evaluated; nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from itertools import combinations
from math import factorial
from typing import TypeVar

from multimodal.labels import Modality

Player = TypeVar("Player", bound=Hashable)


def shapley(values: Mapping[frozenset[Player], float]) -> dict[Player, float]:
    """Shapley value of each player.

    Args:
        values: What every coalition is worth, the empty one included.

    Returns:
        One value a player; they add up to the worth of all less the worth of none.

    >>> shapley({frozenset(): 0.0, frozenset("a"): 1.0, frozenset("b"): 2.0, frozenset("ab"): 5.0})
    {'a': 2.0, 'b': 3.0}
    """
    everyone = max(values, key=len)
    players = [p for coalition in values if len(coalition) == 1 for p in coalition]
    n = len(everyone)
    result = {}
    for player in players:
        others = everyone - {player}
        result[player] = sum(
            factorial(size) * factorial(n - size - 1) / factorial(n)
            * (values[frozenset(s) | {player}] - values[frozenset(s)])
            for size in range(n)
            for s in combinations(others, size)
        )  # fmt: skip
    return result


def shares(
    values: Mapping[frozenset[Modality], float], speakers: Collection[Modality], base: float
) -> dict[Modality, float]:
    """Shares of the modalities in the fused log-odds of one label.

    The players are the modalities that speak of the label. Any other that is there counts as context of every
    coalition but the empty one, so that its share is 0 and all shares still add up to the fused log-odds less
    the base. That matters for ``no_finding`` alone, whose rule a modality can touch by the conditions that it
    speaks of; a pooled label does not change with a modality that does not speak of it.

    Args:
        values: Fused log-odds of every non-empty subset that speaks of the label.
        speakers: The modalities that speak of it.
        base: ``logit q``, the worth of the empty subset.

    Returns:
        One share a modality of the largest subset, in the fixed order.
    """
    everyone = max(values, key=len)
    silent = everyone - frozenset(speakers)
    game = {coalition - silent: value for coalition, value in values.items() if silent <= coalition}
    game.pop(frozenset(), None)
    game[frozenset()] = base
    own = shapley(game)
    return {m: own.get(m, 0.0) for m in Modality if m in everyone}
