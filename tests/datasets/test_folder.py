from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multimodal.case import Audio, Image, Text
from multimodal.datasets import LABEL_NAMES, join, load_item, read_folder
from multimodal.errors import ManifestError, UsageError
from multimodal.labels import Modality, Site
from tests.datasets.folders import film_folder, note_folder, sound_folder, write_table


def test_rows_labels_and_patients(tmp_path: Path) -> None:
    data = read_folder(film_folder(tmp_path / "ward"), "image")
    assert data.modality is Modality.IMAGE
    assert len(data) == 200
    assert set(data.rows["source"]) == {"ward"}
    assert data.rows["patient"][0] == "ward/0"
    assert data.labels.shape == (200, len(LABEL_NAMES))
    assert data.label("pneumonia")[:6].tolist() == [0, 0, 1, 1, 0, 0]
    assert data.rows["sex"][:7:6].tolist() == ["M", "M"]
    assert set(data.rows["sex"]) == {"F", "M"}
    assert data.rows["age"][2] == 21


def test_an_empty_cell_is_unknown_and_an_absent_column_too(tmp_path: Path) -> None:
    data = read_folder(film_folder(tmp_path / "ward"), "image")
    assert np.isnan(data.label("no_finding")[0])
    assert data.label("no_finding")[1] == 1
    assert np.isnan(data.label("atelectasis")).all()


def test_items_are_read(tmp_path: Path) -> None:
    film = load_item(read_folder(film_folder(tmp_path / "a", n=2), "image"), 1)
    sound = load_item(read_folder(sound_folder(tmp_path / "b", n=2), "audio"), 1)
    note = load_item(read_folder(note_folder(tmp_path / "c", n=2), "text"), 1)
    assert isinstance(film, Image)
    assert film.pixels.shape == (40, 40)
    assert isinstance(sound, Audio)
    assert (sound.rate, sound.site) == (2000, Site.LUNG)
    assert isinstance(note, Text)
    assert [section.title for section in note.sections] == ["indication", "findings"]


def test_a_text_column_can_be_chosen(tmp_path: Path) -> None:
    data = read_folder(note_folder(tmp_path / "c", n=4), "text", text_column="indication")
    note = load_item(data, 1)
    assert isinstance(note, Text)
    assert note.text == "Cough and fever for 1 days"


def test_a_paired_folder_gives_each_modality_its_rows(tmp_path: Path) -> None:
    folder = film_folder(tmp_path / "pairs", n=4)
    rows = [
        {"file_name": f"{i}.png", "patient_id": i, "split": "train", "text": "A note." if i < 3 else ""}
        for i in range(4)
    ]
    write_table(folder, rows)
    assert len(read_folder(folder, "image")) == 4
    assert len(read_folder(folder, "text")) == 3


@pytest.mark.parametrize("column", ["split", "fold"])
def test_a_patient_in_two_places_is_refused(tmp_path: Path, column: str) -> None:
    rows = [{"patient_id": 7, "split": "train", "fold": 0, "text": "a"} for _ in range(2)]
    rows[1][column] = "test" if column == "split" else 1
    with pytest.raises(ManifestError, match=rf"ward/7 stands in more than one {column}"):
        read_folder(write_table(tmp_path / "ward", rows), "text")


def test_joining_finds_a_patient_in_two_splits(tmp_path: Path) -> None:
    folders = [
        read_folder(write_table(tmp_path / str(i) / "ward", [{"patient_id": 1, "split": split, "text": "a"}]), "text")
        for i, split in enumerate(("train", "test"))
    ]
    with pytest.raises(ManifestError, match="more than one split"):
        join(folders)


def test_datasets_of_two_modalities_do_not_join(tmp_path: Path) -> None:
    film = read_folder(film_folder(tmp_path / "a", n=2), "image")
    note = read_folder(note_folder(tmp_path / "b", n=2), "text")
    with pytest.raises(UsageError, match="one modality"):
        join([film, note])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"patient_id": 1, "split": "train", "text": "a", "pneumonia": "maybe"}, "pneumonia must be 1, 0 or empty"),
        ({"patient_id": 1, "split": "train", "text": "a", "pneumonia": 2}, "pneumonia must be 1, 0 or empty"),
        ({"patient_id": "", "split": "train", "text": "a"}, "no patient_id"),
        ({"patient_id": 1, "split": "", "text": "a"}, "no split"),
        ({"patient_id": 1, "text": "a"}, "no column split"),
        ({"patient_id": 1, "split": "train"}, "no column text"),
        ({"patient_id": 1, "split": "train", "fold": "x", "text": "a"}, "fold must be a whole number"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, row: dict[str, object], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_folder(write_table(tmp_path / "ward", [row]), "text")


def test_a_sound_needs_a_site(tmp_path: Path) -> None:
    row = {"file_name": "a.wav", "patient_id": 1, "split": "train", "site": "knee"}
    with pytest.raises(ManifestError, match="site must be heart or lung"):
        read_folder(write_table(tmp_path / "ward", [row]), "audio")


def test_files_stay_inside_the_folder(tmp_path: Path) -> None:
    row = {"file_name": "../secret.png", "patient_id": 1, "split": "train"}
    with pytest.raises(ManifestError, match="leads out of the folder"):
        read_folder(write_table(tmp_path / "ward", [row]), "image")


def test_a_missing_folder_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"No readable metadata\.csv in nowhere"):
        read_folder(tmp_path / "nowhere", "image")
    row = {"file_name": "gone.png", "patient_id": 1, "split": "train"}
    with pytest.raises(ManifestError, match=r"gone\.png"):
        load_item(read_folder(write_table(tmp_path / "ward", [row]), "image"), 0)


def test_names_of_files_change_nothing(tmp_path: Path) -> None:
    plain = read_folder(film_folder(tmp_path / "a" / "ward", n=4), "image")
    folder = film_folder(tmp_path / "b" / "ward", n=4)
    table = (folder / "metadata.csv").read_text()
    for i in range(4):
        (folder / f"{i}.png").rename(folder / f"person_bacteria_{i}.png")
        table = table.replace(f"\n{i}.png", f"\nperson_bacteria_{i}.png")
    (folder / "metadata.csv").write_text(table)
    renamed = read_folder(folder, "image")
    np.testing.assert_array_equal(plain.labels, renamed.labels)
    first, second = load_item(plain, 3), load_item(renamed, 3)
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    np.testing.assert_array_equal(first.pixels, second.pixels)


def test_where_keeps_rows_labels_and_items_together(tmp_path: Path) -> None:
    data = read_folder(film_folder(tmp_path / "ward"), "image")
    test = data.in_split("test")
    assert set(test.rows["split"]) == {"test"}
    ill = test.where(test.label("pneumonia") == 1)
    assert ill.positive_patients("pneumonia") == ill.rows["patient"].nunique() > 0
    film = load_item(ill, 0)
    assert isinstance(film, Image)
    assert film.pixels[20:].mean() > film.pixels[:20].mean() + 0.2
