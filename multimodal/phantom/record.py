"""A phantom: the latent patient with its four renderings, as a case and as files."""

from __future__ import annotations

import csv
import io
import wave
from collections.abc import Collection, Mapping
from dataclasses import dataclass
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
    """One phantom patient, rendered.

    Attributes:
        patient: The latent patient, with the truth of every label.
        signs: Strength 0..1 of every sign drawn, by key.
        told: What the note says, before wording.
        drawing: The film as drawn, with its anatomy and outlines.
        files: The four files, by name.
    """

    patient: PhantomPatient
    signs: Mapping[str, float]
    told: Told
    drawing: Drawing
    files: Mapping[str, bytes]

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

    def _read(self, kind: Kind, expected: type[ItemType]) -> ItemType:
        item = read(self.files[FILES[kind]], FILES[kind], kind=kind)
        assert isinstance(item, expected)  # noqa: S101 - what was written as one kind is read as that kind
        return item


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
    seed = patient.seed
    signs = draw_signs(patient)
    told = draw_told(signs, stream(seed, Stream.DRAWING, Stream.NOTE))
    drawing = render_film(patient, of_source(signs, Source.FILM), stream(seed, Stream.DRAWING, Stream.FILM))
    heart = render_heart(patient, of_source(signs, Source.HEART), stream(seed, Stream.DRAWING, Stream.HEART))
    lung = render_lung(patient, of_source(signs, Source.LUNG), stream(seed, Stream.DRAWING, Stream.LUNG))
    stored = np.round(drawing.pixels * 4095).astype(np.uint16)
    contents = {
        Kind.FILM: film_bytes(patient, drawing.anatomy, stored),
        Kind.HEART: _wav(heart),
        Kind.LUNG: _wav(lung),
        Kind.NOTE: render_note(patient, told, stream(seed, Stream.DRAWING, Stream.NOTE, 1)).encode(),
    }
    return Phantom(patient, signs, told, drawing, {FILES[kind]: content for kind, content in contents.items()})


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
