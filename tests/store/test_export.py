"""Kept files, the list as CSV, corrections as folders to train on."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from multimodal.case import Diagnosis, ItemResult
from multimodal.datasets import load_item, read_folder
from multimodal.formats import read_case, screened
from multimodal.labels import Modality
from multimodal.phantom import Phantom, draw_patient, render
from multimodal.store import (
    Query,
    Review,
    ReviewState,
    Verdict,
    Worklist,
    corrections,
    csv_table,
    inputs_of,
    worklist_csv,
)
from tests.store.made import diagnosis, result

PREFIXED = ("film:film.dcm", "heart:heart.wav", "lung:lung.wav", "note:note.txt")


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return render(draw_patient(3, "pneumonia"))


def sources(phantom: Phantom) -> list[tuple[str, bytes]]:
    return [(name, phantom.files[name.split(":")[1]]) for name in PREFIXED]


def answered(phantom: Phantom) -> Diagnosis:
    case = read_case(sources(phantom))
    items = tuple(ItemResult(i.name, i.sha256, i.modality, getattr(i, "site", None)) for i in case.items)
    return diagnosis(result("pneumonia", 0.8), result("murmur", 0.2), items=items)


def save(mine: Worklist, phantom: Phantom, title: str = "one") -> str:
    return mine.save(answered(phantom), title=title, inputs=inputs_of(read_case(sources(phantom))))


def written(mine: Worklist, folder: Path) -> Path:
    for path, content in corrections(mine):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def test_kept_files_open_again_as_the_same_case(mine: Worklist, phantom: Phantom) -> None:
    before = read_case(sources(phantom))

    after = read_case([kept.source for kept in mine.inputs(save(mine, phantom))])

    assert np.allclose(after.images[0].pixels, before.images[0].pixels, rtol=0, atol=1.5e-7)
    assert after.images[0].window == pytest.approx(before.images[0].window)
    assert after.images[0].spacing_mm == before.images[0].spacing_mm
    assert after.patient == before.patient
    assert [one.site for one in after.audios] == ["heart", "lung"]
    assert np.array_equal(after.audios[1].samples, before.audios[1].samples)
    assert after.texts[0].text == screened(before.texts[0].text)
    assert [one.name for one in after.items] == ["film-1.dcm", "heart-1.wav", "lung-1.wav", "note-1.txt"]
    assert after.problems == ()


def test_only_items_of_the_case_are_kept_each_by_what_it_is(phantom: Phantom) -> None:
    case = replace(read_case(sources(phantom)), audios=())

    assert [(one.kind, one.name) for one in inputs_of(case)] == [("film", "film.dcm"), ("note", "note.txt")]


def test_corrections_are_read_back_by_the_trainers_reader(mine: Worklist, phantom: Phantom, tmp_path: Path) -> None:
    case = save(mine, phantom)
    mine.review(case, Review(Verdict.DISAGREE, {"pneumonia": 0, "heart_failure": 1, "murmur": 1, "no_finding": 0}))

    folder = written(mine, tmp_path / "out")

    image = read_folder(folder / "corrections_image", "image")
    audio = read_folder(folder / "corrections_audio", "audio")
    text = read_folder(folder / "corrections_text", "text")
    assert [len(one) for one in (image, audio, text)] == [1, 2, 1]
    for one in (image, audio, text):
        assert set(one.rows["patient"]) == {f"corrections_{one.modality}/{case}"}
    assert len({(*one.rows["split"], *one.rows["fold"]) for one in (image, text)}) == 1
    assert image.label("pneumonia")[0] == 0
    assert image.label("heart_failure")[0] == 1
    assert np.isnan(image.label("murmur")[0]), "a film cannot show a murmur"
    assert np.isnan(image.label("atelectasis")[0]), "not stated is unknown"
    heart, lung = (audio.where((audio.rows["site"] == site).to_numpy()) for site in ("heart", "lung"))
    assert (heart.label("murmur")[0], lung.label("pneumonia")[0]) == (1, 0)
    assert np.isnan(heart.label("pneumonia")[0])
    assert np.isnan(lung.label("murmur")[0])
    assert np.array_equal(load_item(image, 0).pixels, phantom.film.pixels)  # type: ignore[union-attr]
    assert load_item(text, 0).text == phantom.note.text  # type: ignore[union-attr]
    assert load_item(audio, 0).modality is Modality.AUDIO


def test_abnormal_elsewhere_does_not_make_a_film_abnormal(mine: Worklist, phantom: Phantom, tmp_path: Path) -> None:
    mine.review(save(mine, phantom), Review(Verdict.DISAGREE, {"no_finding": 0, "murmur": 1}))

    folder = written(mine, tmp_path)

    assert not (folder / "corrections_image").exists()
    audio = read_folder(folder / "corrections_audio", "audio")
    assert list(audio.rows["site"]) == ["heart"]
    assert audio.label("no_finding")[0] == 0


def test_only_reviewed_cases_with_files_count_and_a_file_counts_once(
    mine: Worklist, phantom: Phantom, tmp_path: Path
) -> None:
    save(mine, phantom, "no review")
    mine.review(save(mine, phantom, "no labels"), Review(Verdict.AGREE))
    no_files = mine.save(answered(phantom), title="no files")
    mine.review(no_files, Review(Verdict.AGREE, {"pneumonia": 1}))
    assert list(corrections(mine)) == []

    old, new = save(mine, phantom, "old"), save(mine, phantom, "new")
    mine.review(new, Review(Verdict.AGREE, {"pneumonia": 1}))
    mine.review(old, Review(Verdict.AGREE, {"pneumonia": 0}))
    image = read_folder(written(mine, tmp_path) / "corrections_image", "image")

    assert list(image.rows["patient"]) == [f"corrections_image/{old}"]
    assert image.label("pneumonia")[0] == 0, "the newest review counts"


def test_splits_are_about_70_15_15_and_stay(mine: Worklist) -> None:
    from multimodal.store.export import _place

    places = [_place(sha256(str(number).encode()).hexdigest()) for number in range(2000)]
    shares = {name: sum(place["split"] == name for place in places) / 2000 for name in ("train", "val", "test")}

    assert shares == pytest.approx({"train": 0.7, "val": 0.15, "test": 0.15}, abs=0.03)
    assert {place["fold"] for place in places} == set(range(5))
    assert _place("same") == _place("same")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "  '=1"),
        ("\t=1", "\t'=1"),
        ("a;=1", "a;'=1"),
        ("a\r\n=1", "a\r\n'=1"),
        ("＝1", "'＝1"),
        ("fine - 1 = 2, see a@b", "fine - 1 = 2, see a@b"),
    ],
)
def test_a_spreadsheet_runs_nothing(cell: str, expected: str) -> None:
    text = csv_table([{"a": cell, "b": -0.5}], ["a", "b"])

    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], [expected, "-0.5"]]


def test_the_list_as_csv_has_review_and_probabilities(mine: Worklist) -> None:
    first = mine.save(diagnosis(result("pneumonia", 0.81234), models={"image": "cnn"}), title="=cmd|' /C calc'!A0")
    mine.save(diagnosis(result("no_finding", 0.9)), title="other")
    mine.review(first, Review(Verdict.DISAGREE, {"pneumonia": 0}, "@now"))

    rows = list(csv.DictReader(io.StringIO(worklist_csv(mine), newline="")))
    reviewed = list(csv.DictReader(io.StringIO(worklist_csv(mine, Query(review=ReviewState.DISAGREE)), newline="")))

    assert [row["title"] for row in rows] == ["other", "'=cmd|' /C calc'!A0"]
    assert len(reviewed) == 1
    row = reviewed[0]
    assert (row["id"], row["finding"], row["pneumonia"]) == (first, "pneumonia", "0.8123")
    assert (row["review"], row["review_pneumonia"], row["review_murmur"]) == ("disagree", "0", "")
    assert (row["comment"], row["models"]) == ("'@now", "image=cnn")
