"""A phantom: the latent patient with its four renderings, as a case and as files."""

from __future__ import annotations

import csv
import hashlib
import io
import wave
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from multimodal.case import Audio, Case, FloatArray, Image, Patient, Text
from multimodal.errors import UsageError
from multimodal.labels import LABELS, Modality, Site
from multimodal.phantom import answer
from multimodal.phantom.dicom import film_bytes
from multimodal.phantom.film import Film, render_film
from multimodal.phantom.heart import render_heart
from multimodal.phantom.lung import render_lung
from multimodal.phantom.note import Told, draw_told, render_note
from multimodal.phantom.patient import PhantomPatient, Stream, draw_patient, stream
from multimodal.phantom.signs import Source, draw_signs, of_source
from multimodal.phantom.sound import RATE

# Part of a phantom -> its file.
FILES = {"film": "film.dcm", "heart": "heart.wav", "lung": "lung.wav", "note": "note.txt"}


@dataclass(frozen=True, eq=False)
class Phantom:
    """One phantom patient, rendered.

    Attributes:
        patient: The latent patient, with the truth of every label.
        signs: Strength 0..1 of every sign drawn, by key.
        told: What the note says, before wording.
        drawing: The film with its anatomy and outlines.
        film: The film as read from its file.
        heart: The heart sound.
        lung: The lung sound.
        note: The note.
        files: The four files, by name.
    """

    patient: PhantomPatient
    signs: Mapping[str, float]
    told: Told
    drawing: Film
    film: Image
    heart: Audio
    lung: Audio
    note: Text
    files: Mapping[str, bytes]

    @property
    def case_id(self) -> str:
        """Name of the record, such as "phantom-00007"."""
        return f"phantom-{self.patient.seed:05d}"


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
    note = render_note(patient, told, stream(seed, Stream.DRAWING, Stream.NOTE, 1))
    stored = np.round(drawing.pixels * 4095).astype(np.uint16)
    contents = (film_bytes(patient, drawing.anatomy, stored), _wav(heart), _wav(lung), note.encode())
    files = dict(zip(FILES.values(), contents, strict=True))
    digest = {part: hashlib.sha256(files[name]).hexdigest() for part, name in FILES.items()}
    low, high = int(stored.min()), int(stored.max())
    film = Image(
        name=FILES["film"],
        sha256=digest["film"],
        pixels=((stored - low) / np.float64(high - low)).astype(np.float32),
        window=(-low / (high - low), (4095 - low) / (high - low)),
        spacing_mm=(drawing.anatomy.spacing_mm,) * 2,
        view=drawing.anatomy.view,
    )
    return Phantom(
        patient=patient,
        signs=signs,
        told=told,
        drawing=drawing,
        film=film,
        heart=Audio(FILES["heart"], digest["heart"], heart, RATE, Site.HEART),
        lung=Audio(FILES["lung"], digest["lung"], lung, RATE, Site.LUNG),
        note=Text(FILES["note"], digest["note"], note),
        files=files,
    )


def to_case(phantom: Phantom) -> Case:
    """The phantom as a case, as if its four files had been given."""
    return Case(
        case_id=phantom.case_id,
        images=(phantom.film,),
        audios=(phantom.heart, phantom.lung),
        texts=(phantom.note,),
        patient=Patient(age=float(phantom.patient.age), sex=phantom.patient.sex),
    )


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
            for part, name in FILES.items():
                site = part if part in tuple(Site) else ""
                path = f"{phantom.case_id}/{name}"
                rows.writerow((phantom.case_id, path, part, site, patient.age, patient.sex, *patient.labels.values()))
