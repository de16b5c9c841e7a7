"""One sort of wear, at growing strengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimodal.case import Item


@dataclass(frozen=True)
class Wear:
    """One sort of wear.

    Attributes:
        name: Of the curve.
        what: The strength is, with its unit.
        strengths: From mild to severe.
        change: An item of the modality, a strength and a generator to the worn item.
    """

    name: str
    what: str
    strengths: tuple[float, ...]
    change: Callable[[Any, float, np.random.Generator], Item]


def worn(wear: Wear, strength: float, item: Item, draw: np.random.Generator) -> Item:
    """An item after some wear.

    Args:
        wear: Of the item's modality.
        strength: In the unit that the wear names; one of its strengths, or any between.
        item: Left as it is.
        draw: What is random in it.
    """
    return wear.change(item, strength, draw)
