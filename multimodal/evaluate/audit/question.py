"""One question of an audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimodal.case import Item


@dataclass(frozen=True)
class Question:
    """One thing that is done to every item.

    Attributes:
        name: Short, as in "lungs covered".
        what: How, in words for a reader of the card.
        change: An item of the modality and a generator to what is left of the item.
    """

    name: str
    what: str
    change: Callable[[Any, np.random.Generator], Item]
