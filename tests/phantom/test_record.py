"""A phantom as files and as a case: the round trip through the reader, the manifest's truth."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.errors import UsageError
from multimodal.formats import read_case, read_manifest
from multimodal.labels import LABELS, Modality, Site
from multimodal.phantom import Phantom, draw_patient, record, render, to_case, write, write_cohort


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return render(draw_patient(7))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6))
def test_same_seed_same_bytes(seed: int) -> None:
    assert render(draw_patient(seed)).files == render(draw_patient(seed)).files


def test_a_part_is_drawn_without_the_others(phantom: Phantom, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("drawn without being asked for")

    film = phantom.film
    for name in ("render_heart", "render_lung", "render_note"):
        monkeypatch.setattr(record, name, refuse)
    alone = render(draw_patient(7))
    assert np.array_equal(alone.film.pixels, film.pixels)
    with pytest.raises(AssertionError, match="without being asked"):
        _ = alone.heart


def test_case_has_all_modalities_and_the_patient(phantom: Phantom) -> None:
    case = to_case(phantom)
    assert list(case.modalities()) == list(Modality)
    assert [audio.site for audio in case.audios] == [Site.HEART, Site.LUNG]
    assert (case.patient.age, case.patient.sex) == (phantom.patient.age, phantom.patient.sex)
    assert case.problems == ()
    assert all(item.notices == () for item in case.items)


def test_files_read_back_as_the_case(phantom: Phantom, tmp_path: Path) -> None:
    write(phantom, tmp_path / "p")
    names = ["film.dcm", "heart:heart.wav", "lung:lung.wav", "note.txt"]
    prefixed = [
        f"{n.split(':')[0]}:{tmp_path}/p/{n.split(':')[1]}" if ":" in n else str(tmp_path / "p" / n) for n in names
    ]
    back, case = read_case(prefixed), to_case(phantom)
    assert np.array_equal(back.images[0].pixels, case.images[0].pixels)
    for one, two in zip(back.audios, case.audios, strict=True):
        assert np.array_equal(one.samples, two.samples)
        assert one.rate == 4000
    assert back.texts[0].text == phantom.note.text == phantom.files["note.txt"].decode()


def test_drawing_survives_the_file(phantom: Phantom) -> None:
    drawn = phantom.drawing.pixels
    scaled = (drawn - drawn.min()) / np.ptp(drawn)
    assert np.abs(phantom.film.pixels - scaled).max() < 1 / 2000
    assert phantom.film.view == phantom.drawing.anatomy.view
    assert phantom.film.spacing_mm == (phantom.drawing.anatomy.spacing_mm,) * 2
    assert phantom.film.window == pytest.approx((0, 1), abs=0.2)


def test_dicom_says_that_it_is_a_phantom(phantom: Phantom, tmp_path: Path) -> None:
    write(phantom, tmp_path)
    film = pydicom.dcmread(tmp_path / "film.dcm")
    assert str(film.PatientName).startswith("PHANTOM^")
    assert "hantom" in film.ImageComments
    assert (film.Modality, film.PhotometricInterpretation, film.BodyPartExamined) == ("DX", "MONOCHROME2", "CHEST")
    assert (film.BitsAllocated, film.BitsStored) == (16, 12)
    assert film.pixel_array.max() <= 4095
    assert film.PatientAge == f"{phantom.patient.age:03d}Y"


def test_one_stream_does_not_move_another() -> None:
    """Two patients of one seed that differ only in a lesion have the same film and lung sound."""
    patient = draw_patient(7, "valvular_heart_disease")
    other = replace(patient, facts=(patient.facts - {"aortic_stenosis"}) | {"mitral_stenosis", "aortic_regurgitation"})
    one, two = render(patient).files, render(other).files
    assert one["film.dcm"] == two["film.dcm"]
    assert one["lung.wav"] == two["lung.wav"]


def test_manifest_holds_the_truth(tmp_path: Path) -> None:
    write_cohort(3, tmp_path, seed=20)
    with (tmp_path / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert {row["kind"] for row in rows} == {"film", "heart", "lung", "note"}
    cases = read_manifest(tmp_path / "manifest.csv")
    assert [case.case_id for case in cases] == ["phantom-00020", "phantom-00021", "phantom-00022"]
    for seed, case in zip(range(20, 23), cases, strict=True):
        patient = draw_patient(seed)
        assert case.truth == patient.labels
        assert list(case.truth) == list(LABELS)
        assert (case.patient.age, case.patient.sex) == (patient.age, patient.sex)
        assert [audio.site for audio in case.read().audios] == [Site.HEART, Site.LUNG]


def test_refuses_an_empty_cohort(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_cohort(0, tmp_path)
