"""Items written anew: the same item when read again, and nothing else of the file."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import JPEGLSLossless

from multimodal.case import Audio, Image, Patient, Text
from multimodal.formats import read, read_case, write
from multimodal.formats.writer import METHODS, grey_levels
from tests.formats.files import dicom, film

PATIENT = Patient(age=45, sex="F")


def again(item: Image | Audio | Text) -> Image | Audio | Text:
    suffix, data = write(item, PATIENT)
    return read(data, f"again{suffix}")


@pytest.mark.parametrize("bits", [1, 8, 10, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_film_is_the_same_film(bits: int, photometric: str) -> None:
    pixels = film(bits=bits).astype(np.uint8 if bits <= 8 else np.uint16)
    before = read(dicom(pixels, bits=bits, photometric=photometric, WindowCenter=9, WindowWidth=7), "film.dcm")
    assert isinstance(before, Image)

    after = again(before)

    assert isinstance(after, Image)
    assert np.allclose(after.pixels, before.pixels, rtol=0, atol=1.5e-7)
    assert after.window == pytest.approx(before.window)
    assert (after.view, after.notices) == ("PA", ())


def test_a_film_says_how_it_was_de_identified_and_no_more() -> None:
    before = read(dicom(film(), JPEGLSLossless, PatientName="CANARY^ONE", StudyDate="20010203"), "CANARY.dcm")

    data = dcmread(BytesIO(write(before, PATIENT)[1]))

    assert data.PatientIdentityRemoved == "YES"
    assert [code.CodeValue for code in data.DeidentificationMethodCodeSequence] == list(METHODS)
    assert (data.PatientAge, data.PatientSex) == ("045Y", "F")
    assert not any((data.PatientName, data.PatientID, data.PatientBirthDate, data.StudyDate, data.AccessionNumber))
    assert "CANARY" not in str(data)
    assert data.SOPInstanceUID != dcmread(BytesIO(write(before, PATIENT)[1])).SOPInstanceUID


def test_nothing_of_the_profiles_table_is_left_but_what_it_asks_to_be_empty_or_replaced() -> None:
    """Against the table of another project: what it says to remove is absent, what to empty is empty."""
    table = pytest.importorskip("dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c")
    data = dcmread(BytesIO(write(read(dicom(film()), "film.dcm"), PATIENT)[1]))
    kept = {0x00101010, 0x00100040}  # age and sex: Retain Patient Characteristics Option

    here = {(element.tag.group, element.tag.element): element for element in data if element.tag not in kept}

    assert not set(table.X_TAGS) & set(here)
    emptied = set(table.Z_TAGS) | set(table.X_Z_TAGS) | set(table.Z_D_TAGS) | set(table.X_Z_D_TAGS)
    assert [str(here[tag]) for tag in emptied & set(here) if here[tag].value] == []
    assert all(str(here[tag].value).startswith("2.25.") for tag in set(table.U_TAGS) & set(here))


@pytest.mark.parametrize(("age", "written"), [(0.25, "003M"), (1, "001Y"), (67.9, "067Y"), (None, None)])
def test_the_age_goes_along(age: float | None, written: str | None) -> None:
    image = read(dicom(film(), PatientAge=None), "film.dcm")

    assert dcmread(BytesIO(write(image, Patient(age=age))[1])).get("PatientAge") == written


def test_a_sound_is_the_same_to_the_last_bit() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 8000).astype(np.float32)

    after = again(Audio("a.mp3", "0" * 64, samples, 4000))

    assert isinstance(after, Audio)
    assert np.array_equal(after.samples, samples)
    assert after.rate == 4000


def test_a_note_is_screened() -> None:
    assert write(Text("a.pdf", "0" * 64, "Mr. Doe coughs.")) == (".txt", b"Mr. [name] coughs.")


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 65_535), st.integers(0, 2**32 - 1))
def test_steps_of_grey_give_back_the_pixels(steps: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, steps + 1, 40)
    pixels = (np.append(values, (0, steps)) / steps).astype(np.float32)[None]

    found = grey_levels(pixels)

    assert found <= steps
    assert np.abs(np.round(pixels * found) / found - pixels).max() < 1.2e-7


def test_grey_that_follows_no_steps_is_near() -> None:
    image = read(dicom(film()), "film.dcm")
    assert isinstance(image, Image)
    curved = replace(image, pixels=np.sqrt(image.pixels))

    after = again(curved)

    assert isinstance(after, Image)
    assert np.abs(after.pixels - curved.pixels).max() <= 0.51 / 65_535
    assert read_case([("film:a.dcm", write(curved, PATIENT)[1])]).patient == PATIENT


def test_the_files_own_word_on_burned_in_text_is_passed_on() -> None:
    said, unsaid = (read(dicom(film(), BurnedInAnnotation=word), "film.dcm") for word in ("YES", "NO"))

    assert [notice.code for notice in said.notices] == ["burned_in_text"]
    assert unsaid.notices == ()
