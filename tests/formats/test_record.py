from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from multimodal.case import Patient
from multimodal.errors import EmptyCaseError, MixedPatientsError, UsageError
from multimodal.formats import Limits, read_case, record, split_kind
from multimodal.labels import Modality, Site
from tests.formats.files import dicom, film, png, sound, tone, zipped

FILM, SOUND, NOTE = dicom(film()), sound(tone()), b"Cough for three days."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record = tmp_path / "record"
    (record / "sounds").mkdir(parents=True)
    (record / "film.dcm").write_bytes(FILM)
    (record / "sounds" / "a.wav").write_bytes(SOUND)
    (record / "note.txt").write_bytes(NOTE)
    return record


def test_a_folder_is_a_record(folder: Path) -> None:
    case = read_case([folder])
    assert case.case_id == "record"
    assert list(case.modalities()) == list(Modality)
    assert [item.name for item in case.items] == ["film.dcm", "sounds/a.wav", "note.txt"]
    assert case.patient == Patient(age=45.0, sex="F")
    assert case.problems == ()


def test_a_zip_is_a_record() -> None:
    data = zipped({"film.dcm": FILM, "in/a.wav": SOUND, "n.txt": NOTE, "__MACOSX/._a": b"x", ".DS_Store": b"x"})
    case = read_case([("record.zip", data)])
    assert [item.name for item in case.items] == ["record.zip/film.dcm", "record.zip/in/a.wav", "record.zip/n.txt"]
    assert case.problems == ()


def test_files_with_prefixes(folder: Path) -> None:
    sounds = folder / "sounds"
    case = read_case([f"heart:{sounds / 'a.wav'}", f"lung:{sounds}", ("sound:b.wav", SOUND), ("note:n", NOTE)])
    assert [(one.name, one.site) for one in case.audios] == [
        ("a.wav", Site.HEART),
        ("a.wav", Site.LUNG),
        ("b.wav", None),
    ]
    assert [note.name for note in case.texts] == ["n"]


def test_a_file_name_never_tells_the_site() -> None:
    assert read_case([("heart.wav", SOUND)]).audios[0].site is None


@pytest.mark.parametrize("source", ["a.wav", "C:\\a.wav", "heart:", "knee:a.wav"])
def test_what_is_no_prefix_stays_in_the_path(source: str) -> None:
    assert split_kind(source) == (None, source)


def test_one_unreadable_file_does_not_stop_the_others() -> None:
    case = read_case([("bad.dcm", FILM[:-50]), ("heart:n.txt", NOTE), ("n.txt", NOTE), ("e.wav", b"")])
    assert [text.name for text in case.texts] == ["n.txt"]
    assert [(p.code, p.item, p.refused) for p in case.problems] == [
        ("corrupt_file", "bad.dcm", True),
        ("unsupported", "n.txt", True),
        ("corrupt_file", "e.wav", True),
    ]


def test_each_file_is_told_of_as_it_is_read() -> None:
    told: list[tuple[str, object]] = []
    archive = zipped({"film.png": png(film()), "b.txt": b"Fever."})
    sources = [("a.txt", b"Cough."), ("broken.png", b"\x89PNG\r\n\x1a\n"), ("all.zip", archive)]
    case = read_case(sources, seen=lambda name, became: told.append((name, became)))
    names = ["a.txt", "broken.png", "all.zip/film.png", "all.zip/b.txt"]
    assert [name for name, _ in told] == [name for name in names for _ in range(2)]
    assert [became for _, became in told[::2]] == [None] * 4
    assert [became for _, became in told[1::2]] == [case.texts[0], *case.problems, case.images[0], case.texts[1]]


@pytest.mark.parametrize("name", ["film.dcm", "film.PNG", "heart.wav", "lung.mp3"])
def test_words_in_a_film_or_a_sound_are_no_note_unless_the_user_says_so(name: str) -> None:
    words = b"The server is busy; try again later."
    case = read_case([(name, words), ("note.txt", b"Cough."), ("scan", b"Fever.")])
    assert [note.name for note in case.texts] == ["note.txt", "scan"]
    (problem,) = case.problems
    assert (problem.code, problem.item) == ("corrupt_file", name)
    assert "holds plain text; if it is a note, name it .txt" in problem.message
    (note,) = read_case([(f"note:{name}", words)]).texts
    assert [notice.code for notice in note.notices] == ["name_differs"]


def test_nothing_readable_is_an_error_that_says_why() -> None:
    with pytest.raises(EmptyCaseError, match=r"e\.wav: The file is empty"):
        read_case([("e.wav", b"")])
    with pytest.raises(EmptyCaseError):
        read_case([])


@pytest.mark.parametrize("name", ["none.dcm", "n" * 5000, "n\0ne.dcm"])
def test_a_missing_path_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_case([tmp_path / name])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"PatientID": "1"}, {"PatientID": "2"}),
        ({"PatientID": "", "PatientName": "A^B"}, {"PatientID": "", "PatientName": "C^D"}),
    ],
)
def test_two_patients_are_told_apart(first: dict[str, str], second: dict[str, str]) -> None:
    with pytest.raises(MixedPatientsError, match=r"a\.dcm and b\.dcm") as caught:
        read_case([("a.dcm", dicom(film(), **first)), ("n.txt", NOTE), ("b.dcm", dicom(film(), **second))])
    assert "A^B" not in str(caught.value)


def test_two_patients_in_files_of_one_name_are_told_apart() -> None:
    files = [("a.dcm", dicom(film(), PatientID=str(number))) for number in range(2)]
    with pytest.raises(MixedPatientsError, match=r"^Two files named a\.dcm are of two different patients"):
        read_case(files)


@pytest.mark.parametrize(
    "second",
    [
        {"PatientID": "SECRET-1 ", "PatientName": "Renamed"},
        {"PatientID": "", "PatientName": "Secret^Patient^^"},
        {"PatientID": "", "PatientName": ""},
    ],
)
def test_one_patient_is_not_taken_for_two(second: dict[str, str]) -> None:
    assert len(read_case([("a.dcm", FILM), ("b.dcm", dicom(film(), **second))]).images) == 2


def test_the_users_word_goes_before_the_films() -> None:
    assert read_case([("a.dcm", FILM)], patient=Patient(age=50)).patient == Patient(age=50, sex="F")


def test_links_inside_a_folder_are_not_followed(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder / "note.txt")
    case = read_case([folder])
    assert [(p.code, p.item) for p in case.problems] == [("unsupported", "link.txt")]
    assert len(read_case([folder / "link.txt"]).texts) == 1


def test_tables_of_labels_are_not_notes(folder: Path) -> None:
    (folder / "manifest.csv").write_text("case_id,path,pneumonia\na,film.dcm,1\n")
    case = read_case([folder])
    assert len(case.texts) == 1
    assert [p.item for p in case.problems] == ["manifest.csv"]


def test_limits_of_files(folder: Path) -> None:
    case = read_case([folder], limits=Limits(case_files=2))
    assert [p.code for p in case.problems] == ["limit_exceeded"]
    case = read_case([folder], limits=Limits(file_bytes=100))
    assert [item.name for item in case.items] == ["note.txt"]
    assert [p.code for p in case.problems] == ["limit_exceeded"] * 2


def test_a_record_that_takes_too_long_is_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=iter((0.0, 1.0, 119.0, 121.0)).__next__)
    monkeypatch.setattr(record, "time", clock)
    case = read_case([(f"{number}.txt", NOTE) for number in range(9)])
    assert [note.name for note in case.texts] == ["0.txt", "1.txt"]
    assert [(p.code, p.item) for p in case.problems] == [("limit_exceeded", "2.txt")]


def test_zip_within_zip_is_refused_and_the_rest_read() -> None:
    case = read_case([("r.zip", zipped({"n.txt": NOTE, "inner.zip": zipped({"f.png": png(film())})}))])
    assert [p.code for p in case.problems] == ["unsupported"]
    assert len(case.texts) == 1
