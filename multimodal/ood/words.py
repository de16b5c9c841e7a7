"""Notes: by their words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from multimodal.branches import Branch
from multimodal.bundle import DETECTOR
from multimodal.case import Item, Text
from multimodal.errors import BundleInvalidError

LETTERS = 5
"""Shorter words are the same in every sort of text."""
MIN_NOTES = 3
"""A word is known if so many training notes hold it."""
DOUBT_WORDS, DOUBT_SHARE = 3.0, 0.2
"""A note is judged as if it held three words more, a fifth of them unknown: one odd word among two proves nothing."""


@dataclass(frozen=True)
class WordDetector:
    """Notes: the share of their longer words that hardly any training note holds.

    Attributes:
        limit: A note with a greater share is foreign.
        words: The known words of :data:`LETTERS` letters and more, in lower case.
    """

    method: ClassVar[str] = "share of longer words that no training note holds"

    limit: float
    words: frozenset[str]

    @classmethod
    def fit(cls, notes: Iterable[str]) -> WordDetector:
        """From training notes; the limit is still to be set."""
        counts: dict[str, int] = {}
        for note in notes:
            for word in set(_long_words(note)):
                counts[word] = counts.get(word, 0) + 1
        return cls(math.inf, frozenset(word for word, count in counts.items() if count >= MIN_NOTES))

    def distance(self, branch: Branch, item: Item) -> float:  # noqa: ARG002
        """How unlike training notes a note is, 0 to 1."""
        words = _long_words(item.text) if isinstance(item, Text) else []
        unknown = sum(word not in self.words for word in words)
        return (unknown + DOUBT_SHARE * DOUBT_WORDS) / (len(words) + DOUBT_WORDS)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """What is stored: the words as UTF-8, one a line."""
        return {"words": np.frombuffer("\n".join(sorted(self.words)).encode(), np.uint8)}

    @classmethod
    def from_tensors(cls, limit: float, tensors: dict[str, npt.NDArray[Any]]) -> WordDetector:
        """The inverse of :meth:`tensors`.

        Raises:
            BundleInvalidError: If it is no list of words.
        """
        if set(tensors) != {"words"} or tensors["words"].dtype != np.uint8:
            raise BundleInvalidError("Expected a list of words in the detector.", file=DETECTOR)
        try:
            text = tensors["words"].tobytes().decode()
        except UnicodeDecodeError as error:
            raise BundleInvalidError("The detector's words are not UTF-8.", file=DETECTOR) from error
        return cls(limit, frozenset(text.split("\n")))


def _long_words(text: str) -> Sequence[str]:
    return [word for word in re.findall(r"[^\W\d_]+", text.lower()) if len(word) >= LETTERS]
