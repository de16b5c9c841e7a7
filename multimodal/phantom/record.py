"""A phantom: the latent patient with its four renderings, as a case and as files."""

from __future__ import annotations

import csv
import io
import wave
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from multimodal.case import Audio, Case, FloatArray, Image, Text
from multimodal.errors import UsageError
from multimodal.formats import Kind, read, read_case
from multimodal.labels import LABELS, Modality
from multimodal.phantom import answer
from multimodal.phantom.dicom import film_bytes
from multimodal.phantom.film import Drawing, render_film
from multimodal.phantom.heart import render_heart
from multimodal.phantom.lung import render_lung
from multimodal.phantom.note import Told, draw_told, render_note
from multimodal.phantom.patient import PhantomPatient, Stream, draw_patient, stream
from multimodal.phantom.signs import Source, draw_signs, of_source
from multimodal.phantom.sound import RATE

# Part of a phantom -> the name of its file.
FILES = {Kind.FILM: "film.dcm", Kind.HEART: "heart.wav", Kind.LUNG: "lung.wav", Kind.NOTE: "note.txt"}

ItemType = TypeVar("ItemType", Image, Audio, Text)


@dataclass(frozen=True, eq=False)
class Phantom:
    """One phantom patient. Each part is drawn when it is first asked for, by random numbers of its own.

    Attributes:
        patient: The latent patient, with the truth of every label.
        signs: Strength 0..1 of every sign drawn, by key.
        told: What the note says, before wording.
    """

    patient: PhantomPatient
    signs: Mapping[str, float]
    told: Told

    @property
    def case_id(self) -> str:
        """Name of the record, such as "phantom-00007"."""
        return f"phantom-{self.patient.seed:05d}"

    @property
    def film(self) -> Image:
        """The film."""
        return self._read(Kind.FILM, Image)

    @property
    def heart(self) -> Audio:
        """The heart sound."""
        return self._read(Kind.HEART, Audio)

    @property
    def lung(self) -> Audio:
        """The lung sound."""
        return self._read(Kind.LUNG, Audio)

    @property
    def note(self) -> Text:
        """The note."""
        return self._read(Kind.NOTE, Text)

    @property
    def files(self) -> dict[str, bytes]:
        """The four files, by name."""
        return {name: self._content(kind) for kind, name in FILES.items()}

    @cached_property
    def drawing(self) -> Drawing:
        """The film as drawn, with its anatomy and outlines."""
        return render_film(self.patient, of_source(self.signs, Source.FILM), self._stream(Stream.FILM))

    def _read(self, kind: Kind, expected: type[ItemType]) -> ItemType:
        item = read(self._content(kind), FILES[kind], kind=kind)
        assert isinstance(item, expected)  # noqa: S101 - what was written as one kind is read as that kind
        return item

    def _content(self, kind: Kind) -> bytes:
        if kind not in self._contents:
            self._contents[kind] = self._rendered(kind)
        return self._contents[kind]

    @cached_property
    def _contents(self) -> dict[Kind, bytes]:
        return {}

    def _rendered(self, kind: Kind) -> bytes:
        match kind:
            case Kind.FILM:
                stored = np.round(self.drawing.pixels * 4095).astype(np.uint16)
                return film_bytes(self.patient, self.drawing.anatomy, stored)
            case Kind.HEART:
                return _wav(render_heart(self.patient, of_source(self.signs, Source.HEART), self._stream(Stream.HEART)))
            case Kind.LUNG:
                return _wav(render_lung(self.patient, of_source(self.signs, Source.LUNG), self._stream(Stream.LUNG)))
            case _:
                return render_note(self.patient, self.told, self._stream(Stream.NOTE, 1)).encode()

    def _stream(self, *part: int) -> np.random.Generator:
        return stream(self.patient.seed, Stream.DRAWING, *part)


def _wav(samples: FloatArray) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32768).astype("<i2").tobytes())
    return buffer.getvalue()


def render(patient: PhantomPatient) -> Phantom:
    """Render a patient; the same patient gives the same bytes."""
    signs = draw_signs(patient)
    return Phantom(patient, signs, draw_told(signs, stream(patient.seed, Stream.DRAWING, Stream.NOTE)))


def to_case(phantom: Phantom) -> Case:
    """The phantom as a case: what its four files give."""
    sources = [(f"{kind}:{name}", phantom.files[name]) for kind, name in FILES.items()]
    return read_case(sources, case_id=phantom.case_id)


def best_answer(phantom: Phantom, modalities: Collection[Modality] = tuple(Modality)) -> dict[str, float]:
    """The best possible answer to a phantom from some of its modalities: see :mod:`multimodal.phantom.answer`.

    Returns:
        Probability of every label of the vocabulary.
    """
    return answer.best_answer(phantom.patient, phantom.signs, phantom.told, modalities)


def write(phantom: Phantom, folder: Path) -> None:
    """Write film.dcm, heart.wav, lung.wav and note.txt into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in phantom.files.items():
        (folder / name).write_bytes(content)


def write_cohort(n: int, out: Path, seed: int = 0) -> None:
    """Write the phantoms of seeds ``seed`` to ``seed + n - 1``, one folder each, and manifest.csv with the truth.

    Raises:
        UsageError: If ``n`` is less than 1.
    """
    if n < 1:
        raise UsageError(f"Expected argument `n` to be 1 or more, but got {n}.")
    out.mkdir(parents=True, exist_ok=True)
    with (out / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("case_id", "path", "kind", "site", "age", "sex", *LABELS))
        for number in range(seed, seed + n):
            phantom = render(draw_patient(number))
            write(phantom, out / phantom.case_id)
            patient = phantom.patient
            for kind, name in FILES.items():
                where = (phantom.case_id, f"{phantom.case_id}/{name}", kind, kind.site or "")
                rows.writerow((*where, patient.age, patient.sex, *patient.labels.values()))
