"""Case in, Diagnosis out: the frozen dataclasses that every other part speaks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from multimodal.labels import Modality, Site

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Patient:
    """What is known of the patient: context, never an identity.

    Attributes:
        age: Years, or None.
        sex: "F", "M" or None.
    """

    age: float | None = None
    sex: str | None = None

    def age_differs(self, other: Patient) -> bool:
        """Whether both ages are known and can't be one patient's: ages are rounded, and a note may be of last year."""
        if self.age is None or other.age is None:
            return False
        return abs(self.age - other.age) > max(2, 0.05 * max(self.age, other.age))

    def sex_differs(self, other: Patient) -> bool:
        """Whether both sexes are known and not the same."""
        return None not in (self.sex, other.sex) and self.sex != other.sex


@dataclass(frozen=True)
class Notice:
    """Something a reader must know, about one item or about the case.

    Attributes:
        code: Stable identifier.
        message: One plain sentence: what is wrong and what to do.
        item: Name of the item concerned, or None for the case.
        refused: True where the item was taken out of the score.
    """

    code: str
    message: str
    item: str | None = None
    refused: bool = False


@dataclass(frozen=True, eq=False)
class Image:
    """A film.

    Attributes:
        name: File name as given.
        sha256: Of the file's bytes.
        pixels: (H, W) float32 in 0..1, bright = dense, after the modality LUT.
        window: (low, high) of the display window in units of ``pixels``, or None.
        spacing_mm: (row, column) pixel spacing in mm, or None.
        view: "PA", "AP", "LL" ... or None where unknown.
        notices: What the reader had to say of it.
    """

    name: str
    sha256: str
    pixels: FloatArray
    window: tuple[float, float] | None = None
    spacing_mm: tuple[float, float] | None = None
    view: str | None = None
    notices: tuple[Notice, ...] = ()

    modality = Modality.IMAGE


@dataclass(frozen=True, eq=False)
class Audio:
    """A heart or lung sound.

    Attributes:
        name: File name as given.
        sha256: Of the file's bytes.
        samples: (N,) float32 mono, -1..1.
        rate: Samples per second, Hz.
        site: Where it was recorded by the user's word, or None.
        notices: What the reader had to say of it.
    """

    name: str
    sha256: str
    samples: FloatArray
    rate: int
    site: Site | None = None
    notices: tuple[Notice, ...] = ()

    modality = Modality.AUDIO

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class Section:
    """A headed part of a report.

    Attributes:
        title: Lower-case heading, such as "findings".
        start: Index of its first character in the note's text, after the heading.
        end: Index after its last character.
    """

    title: str
    start: int
    end: int


@dataclass(frozen=True, eq=False)
class Text:
    """A clinical note.

    Attributes:
        name: File name as given.
        sha256: Of the file's bytes.
        text: The note.
        sections: Headed parts, in order.
        notices: What the reader had to say of it.
    """

    name: str
    sha256: str
    text: str
    sections: tuple[Section, ...] = ()
    notices: tuple[Notice, ...] = ()

    modality = Modality.TEXT


Item = Image | Audio | Text


@dataclass(frozen=True, eq=False)
class Case:
    """One patient's record; any modality may be missing.

    Attributes:
        case_id: Name of the record.
        images: Films.
        audios: Heart and lung sounds.
        texts: Notes.
        patient: Age and sex, as context.
        problems: Files that could not be read, one notice each.
    """

    case_id: str
    images: tuple[Image, ...] = ()
    audios: tuple[Audio, ...] = ()
    texts: tuple[Text, ...] = ()
    patient: Patient = field(default_factory=Patient)
    problems: tuple[Notice, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """Every item, films first, then sounds, then notes."""
        return (*self.images, *self.audios, *self.texts)

    def modalities(self) -> Iterator[Modality]:
        """The modalities that the case holds, in order."""
        for modality, items in zip(Modality, (self.images, self.audios, self.texts), strict=True):
            if items:
                yield modality


@dataclass(frozen=True)
class LabelResult:
    """The answer for one label.

    Attributes:
        label: Identifier.
        name: Plain words.
        probability: Calibrated probability.
        present: Whether it reaches the validation threshold; None when abstaining, because the set holds both answers
            or the verdict would not be sure enough.
        threshold: That threshold, on the scale of ``probability``.
        set: Conformal set, a subset of (0, 1).
        spread: How unsure the networks are of it: standard deviation of its log-odds over what they would have said
            had they learned from another sample of the same patients.
    """

    label: str
    name: str
    probability: float
    present: bool | None
    threshold: float
    set: tuple[int, ...]
    spread: float = 0.0


@dataclass(frozen=True)
class ItemResult:
    """What became of one item.

    Attributes:
        name: File name as given.
        sha256: Of the file's bytes.
        modality: "image", "audio" or "text".
        site: "heart" or "lung" for a sound.
        used: False where the item was refused or no branch could take it.
    """

    name: str
    sha256: str
    modality: str
    site: str | None = None
    used: bool = True


@dataclass(frozen=True)
class ModelRef:
    """Which bundle gave the answer."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Diagnosis:
    """The engine's answer for one case; its JSON form is the public contract.

    Attributes:
        case_id: Name of the record.
        labels: One entry a label, by falling probability.
        by_modality: Each branch's own calibrated probabilities.
        by_subset: Fused probabilities of every subset given, keyed "image+text".
        shares: Per label the log-odds at the base rate under "base" and each modality's
            Shapley value; they add up to the fused log-odds.
        quality: What is wrong with items, from the signal itself.
        warnings: What a reader must know of the answer.
        items: What became of each item.
        models: The bundles used, by kind.
        version: Version of the package.
        elapsed_ms: Wall-clock time of the diagnosis.
        explanations: On request: maps in the items' own coordinates.
    """

    case_id: str
    labels: tuple[LabelResult, ...]
    by_modality: Mapping[str, Mapping[str, float]]
    by_subset: Mapping[str, Mapping[str, float]]
    shares: Mapping[str, Mapping[str, float]]
    quality: tuple[Notice, ...]
    warnings: tuple[Notice, ...]
    items: tuple[ItemResult, ...]
    models: Mapping[str, ModelRef]
    version: str
    elapsed_ms: float
    explanations: tuple[Mapping[str, Any], ...] = ()

    def to_json(self, *, indent: int | None = None) -> str:
        """JSON text; refuses NaN and infinity."""
        return json.dumps(asdict(self), indent=indent, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Diagnosis:
        """The inverse of :meth:`to_json`."""
        raw = json.loads(text)
        return cls(
            case_id=raw["case_id"],
            labels=tuple(LabelResult(**{**entry, "set": tuple(entry["set"])}) for entry in raw["labels"]),
            by_modality=raw["by_modality"],
            by_subset=raw["by_subset"],
            shares=raw["shares"],
            quality=tuple(Notice(**entry) for entry in raw["quality"]),
            warnings=tuple(Notice(**entry) for entry in raw["warnings"]),
            items=tuple(ItemResult(**entry) for entry in raw["items"]),
            models={kind: ModelRef(**entry) for kind, entry in raw["models"].items()},
            version=raw["version"],
            elapsed_ms=raw["elapsed_ms"],
            explanations=tuple(raw["explanations"]),
        )


def subset_key(modalities: frozenset[Modality]) -> str:
    """Name of a subset, in the fixed order of modalities.

    >>> subset_key(frozenset({Modality.TEXT, Modality.IMAGE}))
    'image+text'
    """
    return "+".join(m for m in Modality if m in modalities)
