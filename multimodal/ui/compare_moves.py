"""What an answer becomes when a part of the record is left out. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from multimodal.case import Diagnosis, subset_key
from multimodal.labels import Modality
from multimodal.ui.answer import percent
from multimodal.ui.theme import WORDS

MENTIONED = 3
"""How many moves the sentences name; the picture shows the rest."""

_NOTABLE = 0.1
"""How far a probability that crosses no threshold must move to be mentioned."""


@dataclass(frozen=True)
class Move:
    """One label, before and after.

    Attributes:
        title: Plain words.
        before: Probability with everything that was given.
        after: Probability with what is left; None where nothing that is left speaks of it.
        threshold: Of the answer to everything.
    """

    title: str
    before: float
    after: float | None
    threshold: float

    @property
    def crosses(self) -> bool:
        """Whether it is found by one of the two answers only."""
        return self.after is None or (self.before >= self.threshold) != (self.after >= self.threshold)

    @property
    def size(self) -> float:
        """How far the probability moves."""
        return abs(self.before - (0.0 if self.after is None else self.after))


def moves(diagnosis: Diagnosis, kept: Collection[Modality]) -> list[Move]:
    """Every label of a diagnosis, as it was and as it is with the modalities that are kept."""
    left = diagnosis.by_subset.get(subset_key(frozenset(kept)), {})
    return [Move(r.name, r.probability, left.get(r.label), r.threshold) for r in diagnosis.labels]


def given(diagnosis: Diagnosis) -> list[Modality]:
    """The modalities that a diagnosis rests on."""
    return [m for m in Modality if m.value in diagnosis.by_subset]


def told(table: Sequence[Move], left_out: Sequence[Modality]) -> str:
    """What leaving something out does, in one or two sentences."""
    without = f"Without the {' and the '.join(WORDS[m].lower() for m in left_out)}"
    crossing = sorted((m for m in table if m.crosses and m.after is not None), key=lambda m: -m.size)
    unspoken = [m for m in table if m.after is None and m.before >= m.threshold]
    parts = [_sentence(move) for move in crossing[:MENTIONED]]
    if unspoken:
        parts.insert(0, f"nothing speaks of {_joined([_low(move.title) for move in unspoken[:MENTIONED]])} any more")
    if parts:
        return f"{without}, {_joined(parts)}."
    largest = max(table, key=lambda m: m.size if m.after is not None else 0.0)
    if largest.after is None or largest.size < _NOTABLE:
        return f"{without}, the answer hardly changes."
    way = "falls" if largest.after < largest.before else "rises"
    figures = f"from {percent(largest.before)} to {percent(largest.after)}"
    return f"{without}, no label crosses its threshold; {_low(largest.title)} {way} the most, {figures}."


def describe(table: Sequence[Move]) -> str:
    """The picture in words, for a screen reader."""
    spoken = "; ".join(
        f"{m.title} {percent(m.before)}, then {'not spoken of' if m.after is None else percent(m.after)}" for m in table
    )
    return f"Probability of each label before and after: {spoken}."


def _sentence(move: Move) -> str:
    after = move.after or 0.0
    way = "rises above" if after > move.before else "falls below"
    return f"{_low(move.title)} {way} its threshold ({percent(move.before)} to {percent(after)})"


def _low(title: str) -> str:
    return title[0].lower() + title[1:]


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
