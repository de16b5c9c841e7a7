"""What an explanation says, in the coordinates of the item itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from multimodal.explain.offered import Measured
from multimodal.labels import Modality

FloatArray = npt.NDArray[np.float32]

SEGMENTS = 3
"""How many stretches of a sound are named, those that add most."""
WORDS_IN_JSON = 40
"""How many words of a note go into JSON, those that counted most."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a branch finds evidence for a label in an item.

    Attributes:
        item: Name of the item.
        sha256: Of its file.
        modality: Its modality.
        label: That is explained.
        model: Name of the branch's bundle.
        method: That explained it.
        evidence: Of the item for the label: calibrated log-odds less those of the prevalence.
        measured: How the method fared on test patients; None where nobody has measured it.
    """

    item: str
    sha256: str
    modality: Modality
    label: str
    model: str
    method: str
    evidence: float
    measured: Measured | None = field(default=None, kw_only=True)

    @property
    def values(self) -> FloatArray:
        """Contributions in log-odds, positive where something speaks for the label."""
        raise NotImplementedError

    @property
    def strength(self) -> FloatArray:
        """What speaks for the label in 0..1, relative to the largest contribution either way."""
        return shown(self.values)

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``Diagnosis.explanations``."""
        names = ("item", "sha256", "label", "model", "method")
        about = {name: getattr(self, name) for name in names}
        faithfulness = None if self.measured is None else self.measured.to_json()
        return {
            **about,
            "modality": self.modality.value,
            "evidence": _plain(self.evidence),
            "faithfulness": faithfulness,
            **self._where(),
        }

    def _where(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class FilmExplanation(Explanation):
    """A coarse map over the part of a film that its network sees.

    Attributes:
        map: (rows, columns) contributions of equal patches of ``box``.
        box: top, left, bottom, right in pixels of the film.
        size: Height and width of the film, pixels.
    """

    map: FloatArray
    box: tuple[int, int, int, int]
    size: tuple[int, int]

    @property
    def values(self) -> FloatArray:
        """Of each patch, (rows, columns)."""
        return self.map

    def _where(self) -> dict[str, Any]:
        return {"map": _plain(self.map), "box": list(self.box), "size": list(self.size)}


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording that speaks for the label.

    Attributes:
        start_s: Seconds from the start of the recording.
        end_s: Its end.
        low_hz: Lower edge of the band that counted in it.
        high_hz: Upper edge.
        weight: Log-odds that it adds.
    """

    start_s: float
    end_s: float
    low_hz: float
    high_hz: float
    weight: float


@dataclass(frozen=True, eq=False)
class SoundExplanation(Explanation):
    """A map over the seconds and bands of a recording.

    Attributes:
        map: (bands, steps) contributions.
        step_s: Length of a step, seconds; the last may be cut short by the end of the recording.
        edges_hz: (bands + 1,) edges of the bands, rising.
        segments: Those that counted most, in order of time.
    """

    map: FloatArray
    step_s: float
    edges_hz: tuple[float, ...]
    segments: tuple[Segment, ...]

    @property
    def values(self) -> FloatArray:
        """Of each block, (bands, steps)."""
        return self.map

    def _where(self) -> dict[str, Any]:
        segments = [{name: _plain(value) for name, value in vars(segment).items()} for segment in self.segments]
        edges = [round(edge, 1) for edge in self.edges_hz]
        return {"map": _plain(self.map), "step_s": self.step_s, "edges_hz": edges, "segments": segments}


@dataclass(frozen=True)
class Word:
    """A word of a note.

    Attributes:
        start: Index of its first character in the note's text.
        end: Index after its last.
        weight: Log-odds that it adds.
    """

    start: int
    end: int
    weight: float


@dataclass(frozen=True, eq=False)
class NoteExplanation(Explanation):
    """The words of a note.

    Attributes:
        words: Every word that the network read, in order.
    """

    words: tuple[Word, ...]

    @property
    def values(self) -> FloatArray:
        """Of each word, (words,)."""
        return np.array([word.weight for word in self.words], dtype=np.float32)

    def _where(self) -> dict[str, Any]:
        most = sorted(self.words, key=lambda word: -abs(word.weight))[:WORDS_IN_JSON]
        listed = sorted(most, key=lambda word: word.start)
        return {"words": [{"start": w.start, "end": w.end, "weight": _plain(w.weight)} for w in listed]}


def shown(values: FloatArray) -> FloatArray:
    """The positive part in 0..1 of the largest magnitude, so that weak support beside strong dissent looks weak."""
    largest = float(np.abs(values).max(initial=0.0))
    return np.clip(values / largest, 0, 1).astype(np.float32) if largest else np.zeros_like(values)


def segments(values: FloatArray, step_s: float, edges_hz: tuple[float, ...], seconds: float) -> tuple[Segment, ...]:
    """The three stretches that add most, of those in which a map is at least a quarter as strong as at its strongest.

    A quarter, because windows overlap: what lies at the ends of a recording is heard once and counts half.

    Args:
        values: (bands, steps)
        step_s: Length of a step, seconds.
        edges_hz: (bands + 1,)
        seconds: Length of the recording.

    Returns:
        In order of time; each with the bands that hold four fifths of its positive part.
    """
    positive = values.clip(min=0)
    profile = positive.sum(0)
    if not profile.any():
        return ()
    above = np.r_[False, profile >= profile.max() / 4, False]
    starts, ends = np.flatnonzero(above[1:] & ~above[:-1]), np.flatnonzero(~above[1:] & above[:-1])
    found = []
    for start, end in zip(starts, ends, strict=True):
        bands = positive[:, start:end].sum(1)
        order = np.argsort(-bands)
        enough = order[: int(np.searchsorted(bands[order].cumsum(), 0.8 * bands.sum())) + 1]
        low, high = edges_hz[enough.min()], edges_hz[enough.max() + 1]
        weight = float(values[:, start:end].sum())
        found.append(Segment(start * step_s, min(end * step_s, seconds), low, high, weight))
    strongest = sorted(found, key=lambda segment: -segment.weight)[:SEGMENTS]
    return tuple(sorted(strongest, key=lambda segment: segment.start_s))


def _plain(values: float | FloatArray) -> Any:
    return np.round(np.asarray(values, dtype=np.float64), 4).tolist()
