"""What holds of the folder of every source."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multimodal.case import Audio, Image, Text
from multimodal.datasets import SOURCES, load_item, read_folder
from multimodal.datasets.builders import BUILDERS, Prepared, write_folder
from multimodal.errors import ManifestError
from multimodal.labels import Modality
from tests.datasets.builders import downloads


@pytest.mark.parametrize("source", list(BUILDERS))
def test_reads_back_as_a_dataset(source: str, prepare: Callable[[str], pd.DataFrame], tmp_path: Path) -> None:
    table = prepare(source)
    card = SOURCES[source]

    dataset = read_folder(tmp_path / source, card.modality)

    assert len(dataset) == len(table) > 3
    assert set(dataset.rows["source"]) == {source}
    assert set(table["split"]) <= {"train", "val", "test"}
    assert set(table["fold"]) <= set(range(5))
    assert np.isfinite(dataset.labels).any()
    for i in range(len(dataset)):
        item = load_item(dataset, i)
        assert isinstance(item, {Modality.IMAGE: Image, Modality.AUDIO: Audio, Modality.TEXT: Text}[card.modality])
        if isinstance(item, Image):
            assert min(item.pixels.shape) <= 256
        if isinstance(item, Audio):
            assert item.rate == 4000


@pytest.mark.parametrize("source", [name for name in BUILDERS if SOURCES[name].modality is not Modality.TEXT])
def test_neither_names_nor_order_tell_the_class(
    source: str, prepare: Callable[[str], pd.DataFrame], tmp_path: Path
) -> None:
    table = prepare(source)

    assert all(re.fullmatch(r"[0-9a-f]{16}\.(jpeg|flac)", name) for name in table["file_name"])
    assert table["file_name"].is_monotonic_increasing
    assert {path.name for path in (tmp_path / source).iterdir()} == {"metadata.csv", *table["file_name"]}


@pytest.mark.parametrize("source", list(BUILDERS))
def test_the_same_download_gives_the_same_table(source: str, tmp_path: Path) -> None:
    download = getattr(downloads, source)(tmp_path / "download")
    for run in ("one", "other"):
        write_folder(BUILDERS[source], download, tmp_path / run / source)

    one, other = ((tmp_path / run / source / "metadata.csv").read_bytes() for run in ("one", "other"))
    assert one == other


@pytest.mark.parametrize("source", list(BUILDERS))
def test_another_folder_is_refused_in_one_sentence(source: str, tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()

    with pytest.raises(ManifestError, match="official download"):
        write_folder(BUILDERS[source], tmp_path / "else", tmp_path / "out")


def prepared(source: str, tmp_path: Path) -> Prepared:
    return write_folder(BUILDERS[source], tmp_path / "download", tmp_path / source)


def test_unreadable_and_missing_files_are_left_out_and_told(tmp_path: Path) -> None:
    downloads.cohen(tmp_path / "download")
    (tmp_path / "download/images/1.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    (tmp_path / "download/images/2.jpg").unlink()

    outcome = prepared("cohen", tmp_path)

    assert (outcome.rows, outcome.patients) == (6, 6)
    assert len(outcome.left_out) == 2
    assert any("1.jpg" in reason for reason in outcome.left_out)
    assert any("2.jpg" in reason and "missing" in reason for reason in outcome.left_out)


def test_one_film_under_two_patients_is_left_out(tmp_path: Path) -> None:
    downloads.cohen(tmp_path / "download")
    images = tmp_path / "download/images"
    (images / "1.jpg").write_bytes((images / "2.jpg").read_bytes())

    outcome = prepared("cohen", tmp_path)

    assert outcome.rows == 6
    assert outcome.left_out == ("One item stands under 2 patients and was left out.",)
    assert len(list((tmp_path / "cohen").glob("*.jpeg"))) == 6


def test_a_download_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    downloads.cohen(tmp_path / "download")
    for path in (tmp_path / "download/images").iterdir():
        path.unlink()

    with pytest.raises(ManifestError, match="Nothing of cohen"):
        prepared("cohen", tmp_path)


def test_a_patient_in_two_official_parts_is_an_error(tmp_path: Path) -> None:
    downloads.mimic_cxr(tmp_path / "download")
    split = "dicom_id,study_id,subject_id,split\n" + "\n".join(
        f"{film},{study},{subject},{'test' if film == '02aa804e' else 'train'}"
        for subject, study, film in downloads.MIMIC
    )
    (tmp_path / "download/mimic-cxr-2.0.0-split.csv.gz").unlink()
    downloads.text(tmp_path / "download/mimic-cxr-2.0.0-split.csv", split)

    with pytest.raises(ManifestError, match="10000032"):
        write_folder(BUILDERS["mimic_cxr"], tmp_path / "download", tmp_path / "out")
