from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.case import Case, Patient, Text
from multimodal.formats import read_case
from multimodal.phantom import Phantom, draw_patient, render
from multimodal.quality import check_record
from multimodal.quality.record import patient_of, youth_of


def case(*notes: str, age: float | None = None, sex: str | None = None) -> Case:
    texts = tuple(Text(f"note{i}.txt", "", text) for i, text in enumerate(notes))
    return Case("case", texts=texts, patient=Patient(age, sex))


def codes(record: Case) -> list[tuple[str, str | None]]:
    return [(notice.code, notice.item) for notice in check_record(record)]


@pytest.mark.parametrize(
    ("text", "age", "sex"),
    [
        ("62 y/o M, COPD, wt loss, r/o mass", 62, "M"),
        ("SARS in a 29-year-old woman who presented 7 days after exposure.", 29, "F"),
        ("This 3 month old boy has a cough.", 0.25, "M"),
        ("45yo F with chest pain", 45, "F"),
        ("A 71 year old retired gentleman, short of breath.", 71, "M"),
        ("Mrs. Baker came in with a cough.", None, "F"),
        ("Chest pain. She is 30 weeks pregnant.", None, "F"),
        ("Chest pain for 3 days. Rheumatic fever at age 9. Mother had asthma.", None, None),
        ("T 38.5, HR 88 M, 20 pack-years", None, None),
        ("", None, None),
    ],
)
def test_a_note_says_whose_it_is(text, age, sex):
    assert patient_of(text) == Patient(age, sex)


@given(st.integers(0, 120), st.sampled_from(["-year-old ", " year old ", " y/o ", "yo "]), st.sampled_from("MF"))
def test_every_age_is_read(age, unit, sex):
    word = {"M": "man", "F": "woman"}[sex]
    assert patient_of(f"{age}{unit}{word} with a cough.") == Patient(age, sex)


@given(st.text(max_size=200))
def test_any_text_is_taken(text):
    found = patient_of(text)
    assert found.age is None or 0 <= found.age <= 120
    assert youth_of(text) is None or youth_of(text) > 0


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (case("A 45-year-old man with a cough.", age=12, sex="F"), ["age_contradicted", "sex_contradicted"]),
        (case("A 45-year-old man with a cough.", age=44, sex="M"), []),
        (case("A 45-year-old man with a cough."), []),
        (case("This toddler has had a cough for a week.", age=80), ["age_contradicted"]),
        (case("This toddler has had a cough for a week.", age=3), []),
        (case("Mr. Smith has a cough.", sex="F"), ["sex_contradicted"]),
        (case("Cough since Monday, fever.", age=12, sex="F"), []),
    ],
)
def test_a_note_is_held_against_the_patient(record, expected):
    assert codes(record) == [(code, "note0.txt") for code in expected]
    assert all(notice.message.endswith("check whose note it is.") for notice in check_record(record))


def test_notes_are_held_against_each_other():
    assert codes(case("80-year-old man, cough.", "Seen today: a 34 y/o woman, chest pain.")) == [
        ("age_contradicted", "note1.txt"),
        ("sex_contradicted", "note1.txt"),
    ]


def phantom(seed: int) -> Phantom:
    return render(draw_patient(seed))


def test_a_phantom_is_of_one_piece_and_a_swapped_note_is_not():
    phantoms = [phantom(seed) for seed in range(6)]
    records = [[("film.dcm", one.files["film.dcm"]), ("note:note.txt", one.files["note.txt"])] for one in phantoms]
    assert [codes(read_case(record)) for record in records] == [[]] * 6
    swapped = [[records[i][0], records[i - 1][1]] for i in range(6)]
    differ = sum(phantoms[i].patient.sex != phantoms[i - 1].patient.sex for i in range(6))
    assert sum(bool(codes(read_case(record))) for record in swapped) >= differ > 0


def test_a_film_is_held_against_the_stated_patient():
    film = ("film.dcm", phantom(2).files["film.dcm"])
    known = read_case([film]).patient
    assert read_case([film], patient=known).images[0].notices == ()
    other = Patient(age=known.age + 30, sex="F" if known.sex == "M" else "M")
    found = read_case([film], patient=other).images[0].notices
    assert [notice.code for notice in found] == ["age_contradicted", "sex_contradicted"]
