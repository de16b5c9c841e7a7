"""Foreign inputs, drawn by the project: what is no film of a chest, no sound of a heart or lung, no clinical note.

There is no public corpus of what people drop into such an app by mistake, so many kinds are drawn, played and
written here, with what scikit-learn, matplotlib and pydicom carry. Detectors are tuned leaving one kind out
(:mod:`multimodal.train.detector`): how they do on a kind that they were not tuned on is the figure that counts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from multimodal.case import Audio, Image, Item, Text
from multimodal.datasets.foreign.films import FILMS
from multimodal.datasets.foreign.notes import NOTES
from multimodal.datasets.foreign.sounds import RATE, SOUNDS
from multimodal.errors import UsageError
from multimodal.labels import Modality

__all__ = ["draw_foreign", "foreign_kinds"]


def foreign_kinds(modality: Modality) -> tuple[str, ...]:
    """The kinds of foreign inputs that pose as one modality.

    >>> "photograph" in foreign_kinds(Modality.IMAGE)
    True
    """
    kinds: dict[Modality, Iterable[str]] = {Modality.IMAGE: FILMS, Modality.AUDIO: SOUNDS, Modality.TEXT: NOTES}
    return tuple(kinds[modality])


def draw_foreign(modality: Modality, kind: str, seed: int) -> Item:
    """Draw one foreign input.

    Args:
        modality: What it poses as.
        kind: One of :func:`foreign_kinds`.
        seed: The same seed draws the same input.

    Raises:
        UsageError: If there is no such kind.
    """
    known = foreign_kinds(modality)
    if kind not in known:
        raise UsageError(f"Expected a kind of foreign {modality} out of {', '.join(known)}, but got {kind!r}.")
    rng = np.random.default_rng([seed, *kind.encode()])
    name = f"{kind}-{seed}"
    match modality:
        case Modality.IMAGE:
            return Image(name, "", FILMS[kind](rng))
        case Modality.AUDIO:
            return Audio(name, "", SOUNDS[kind](rng), RATE)
        case Modality.TEXT:
            return Text(name, "", NOTES[kind](rng))
