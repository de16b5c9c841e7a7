from __future__ import annotations

from pathlib import Path

import pytest

from multimodal.case import Patient
from multimodal.errors import EmptyCaseError, ManifestError
from multimodal.formats import Limits, read_manifest
from multimodal.labels import Site
from tests.formats.files import film, png, sound, tone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1" / "film.png").write_bytes(png(film()))
    (tmp_path / "p1" / "a.wav").write_bytes(sound(tone()))
    (tmp_path / "p1" / "note.txt").write_text("Cough.")
    return tmp_path


def manifest(folder: Path, *rows: str, columns: str = "case_id,path,kind,site,age,sex,pneumonia,murmur") -> Path:
    path = folder / "manifest.csv"
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def test_a_case_of_several_rows(folder: Path) -> None:
    path = manifest(
        folder,
        "c1,p1/film.png,film,,61,F,1,",
        "c1,p1/a.wav,audio,heart,61,F,1,0",
        "c2,p1/note.txt,note,,,,,",
    )
    first, second = read_manifest(path)
    assert (first.case_id, first.patient, dict(first.truth)) == (
        "c1",
        Patient(61.0, "F"),
        {"pneumonia": 1, "murmur": 0},
    )
    case = first.read()
    assert (case.case_id, case.patient, len(case.images)) == ("c1", Patient(61.0, "F"), 1)
    assert case.audios[0].site is Site.HEART
    assert (second.truth, second.patient) == ({}, Patient())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("c1,p1/none.png,film,,,,,", "doesn't exist"),
        ("c1,/etc/passwd,note,,,,,", "absolute"),
        ("c1,C:\\a.png,film,,,,,", "absolute"),
        ("c1,../manifest.csv,note,,,,,", "leaves"),
        ("c1,,film,,,,,", "no path"),
        ("c1,p1/a\0b,film,,,,,", "can't be used"),
        ("c1,p1/note.txt,note,,,,,", "already has"),
        ("c1,p1/film.png,picture,,,,,", "kind"),
        ("c1,p1/a.wav,sound,knee,,,,", "site"),
        ("c1,p1/a.wav,lung,heart,,,,", "site heart to a lung"),
        ("c1,p1/a.wav,sound,,old,,,", "age"),
        ("c1,p1/a.wav,sound,,nan,,,", "age"),
        ("c1,p1/a.wav,sound,,200,,,", "age"),
        ("c1,p1/a.wav,sound,,,X,,", "sex"),
        ("c1,p1/a.wav,sound,,,,maybe,", "pneumonia"),
        ("c1,p1/a.wav,sound,,40,,,", "contradicts an earlier row of its case on age"),
        ("c1,p1/a.wav,sound,,,,0,", "contradicts an earlier row of its case on pneumonia"),
    ],
)
def test_a_bad_row_is_a_problem_and_the_rest_is_read(folder: Path, row: str, words: str) -> None:
    path = manifest(folder, "c1,p1/note.txt,note,,61,,1,", row, "c2,p1/film.png,film,,,,,")
    first, second = read_manifest(path)
    (problem,) = first.problems
    assert problem.code == "manifest"
    assert problem.refused
    assert words in problem.message
    assert "Row 3" in problem.message
    assert (first.patient, first.truth) == (Patient(61.0), {"pneumonia": 1})
    assert first.read().problems == (problem,)
    assert len(second.read().images) == 1


def test_a_row_without_a_case_stands_alone(folder: Path) -> None:
    bad, good = read_manifest(manifest(folder, ",p1/note.txt,note,,,,,", "c1,p1/note.txt,note,,,,,"))
    assert bad.case_id == "row 2"
    with pytest.raises(EmptyCaseError, match="no case_id"):
        bad.read()
    assert good.problems == ()


def test_columns_and_short_rows(folder: Path) -> None:
    (case,) = read_manifest(manifest(folder, "c1,p1/note.txt", columns="case_id,path,kind,severity"))
    assert len(case.read().texts) == 1


@pytest.mark.parametrize("row", ["c1,p1/a.wav,SECRET Jane,,,,,", "c1,p1/a.wav,sound,SECRET Jane,,,,"])
def test_a_cell_in_the_wrong_column_is_not_quoted(folder: Path, row: str) -> None:
    (case,) = read_manifest(manifest(folder, row))
    assert "SECRET" not in repr(case.problems)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        b"\xff\xfe\x00\x81",
        b"case_id,path\n\x00\xff",
        b"case_id,path" + b"," * 100_000,
        b"case_id,path\n1,a.txt" + b"," * 100_000,
    ],
)
def test_what_is_no_manifest_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(content)
    with pytest.raises(ManifestError):
        read_manifest(path)


def test_missing_manifest_and_too_many_rows(folder: Path) -> None:
    with pytest.raises(ManifestError, match="can't be read"):
        read_manifest(folder / "none.csv")
    path = manifest(folder, *["c1,p1/note.txt,note,,,,,"] * 3)
    with pytest.raises(ManifestError, match="more than 2 rows"):
        read_manifest(path, Limits(manifest_rows=2))
