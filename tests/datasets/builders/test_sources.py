"""Each source's labels, ages and splits, as its official files tell them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multimodal.datasets import load_item, read_folder
from multimodal.datasets.builders import BUILDERS, write_folder
from multimodal.errors import ManifestError
from tests.datasets.builders import downloads

NAN = np.nan


def labels(table: pd.DataFrame, source: str, **where: object) -> list[float]:
    """The labels of the one row that has these cells."""
    rows = table
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return [float(rows.iloc[0][name]) for name in BUILDERS[source].labels]


def test_kermany_keeps_its_test_part_and_hides_the_series(prepare: Callable[[str], pd.DataFrame]) -> None:
    table = prepare("kermany")

    assert len(table) == 64
    assert (table["split"] == "test").sum() == 3
    # Patient 1 of the bacterial series has two films; patient 1 of the viral series is someone else.
    assert table.groupby("patient_id").size().max() == 2
    assert table["patient_id"].nunique() == 44
    assert table["patient_id"].str.fullmatch(r"[0-9a-f]{12}").all()
    assert (table["no_finding"] + table["pneumonia"] == 1).all()
    assert set(table.loc[table["no_finding"] == 1, "subtype"].isna()) == {True}
    assert table["pneumonia"].sum() == 42


def test_nih_leaves_what_may_be_pneumonia_unknown(prepare: Callable[[str], pd.DataFrame]) -> None:
    table = prepare("nih")

    assert labels(table, "nih", patient_id="0") == [0, 0, 1, 0, 0, 1, 0]
    assert labels(table, "nih", patient_id="2") == [0, 0, 0, 1, 1, 0, 0]
    np.testing.assert_equal(labels(table, "nih", patient_id="3"), [0, NAN, 0, 0, 0, 0, 0])
    assert labels(table, "nih", patient_id="4") == [0, 1, 0, 0, 0, 0, 0]
    np.testing.assert_equal(labels(table, "nih", patient_id="5"), [0, NAN, 0, 0, 0, 0, 1])
    assert labels(table, "nih", patient_id="6") == [0, 0, 0, 0, 0, 0, 0]
    assert "99" not in set(table["patient_id"])
    assert table.loc[table["view"] == "AP", "age"].isna().all()
    assert set(table["side_px"]) == {20, 256}


def test_cohen_takes_frontal_films_with_their_notes(prepare: Callable[[str], pd.DataFrame], tmp_path: Path) -> None:
    table = prepare("cohen")

    assert len(table) == 8
    expected = [
        [0, 1, 1],
        [1, 0, 0],
        [0, 1, 0],
        [0, NAN, 0],
        [0, 1, 0],
        [NAN, NAN, NAN],
        [0, 1, 1],
        [0, NAN, 0],
    ]
    np.testing.assert_equal([labels(table, "cohen", patient_id=str(n)) for n in range(8)], expected)
    assert set(table["licence"]) == {"not stated", "CC BY-NC-SA"}
    notes = read_folder(tmp_path / "cohen", "text")
    assert "A man with cough, for 3 days." in {load_item(notes, i).text for i in range(len(notes))}  # type: ignore[union-attr]


def test_circor_knows_where_a_murmur_was_heard_and_who_came_twice(prepare: Callable[[str], pd.DataFrame]) -> None:
    table = prepare("circor")

    assert len(table) == 13
    assert labels(table, "circor", record_id=9979, position="AV") == [1, 0]
    np.testing.assert_equal(labels(table, "circor", record_id=9979, position="MV"), [NAN, 0])
    np.testing.assert_equal(labels(table, "circor", record_id=9983, position="AV"), [NAN, NAN])
    assert labels(table, "circor", record_id=2530, position="AV") == [0, 0]
    assert labels(table, "circor", record_id=13918, position="MV") == [0, 1]
    assert (table["patient_id"] == "50379").sum() == 4


def test_bmdhs_keeps_unknown_valves_unknown(prepare: Callable[[str], pd.DataFrame]) -> None:
    table = prepare("bmdhs")

    def row(patient: str) -> list[float]:
        return labels(table, "bmdhs", patient_id=patient, posture="sit", position="Aor")

    assert row("patient_001") == [0, 1, 1, 1, 0, 0]
    assert row("patient_002") == [1, 0, 0, 0, 0, 0]
    np.testing.assert_equal(row("patient_003"), [NAN] * 6)
    assert row("patient_004") == [0, 1, 0, 0, 0, 1]
    assert table.groupby("patient_id")["age"].first().to_dict() == {
        "patient_002": 21,
        "patient_004": 60,
    } | dict.fromkeys(("patient_001", "patient_003"), pytest.approx(NAN, nan_ok=True))


def test_kauh_reads_conditions_and_sounds_from_the_coded_names(prepare: Callable[[str], pd.DataFrame]) -> None:
    table = prepare("kauh")

    expected = {
        "P1": [0, 1, 0, 0, 0, 0, 1],
        "P2": [1, 0, 0, 0, 0, 0, 0],
        "P3": [0, 1, 1, 0, 0, 1, 1],
        "P4": [0, 0, 0, 0, 1, 1, 0],
        "P5": [0, 0, 0, 1, 0, NAN, NAN],
        "P6": [0, 0, 0, 0, 0, 1, 0],
        "P7": [0, 1, 0, 0, 0, 1, 0],
    }
    for patient, cells in expected.items():
        np.testing.assert_equal(labels(table, "kauh", patient_id=patient, filter_mode="D"), cells)
    assert (table.groupby("patient_id").size() == 3).all()


@pytest.mark.parametrize(
    "name",
    ["BP1_Asthma,E W,P L L R,53,M.wav", "BP9_Gout,E W,P L L,52,F.wav", "BP9_N,X,P L L,52,F.wav", "patient9.wav"],
)
def test_kauh_refuses_a_number_of_two_people_and_unknown_codes(name: str, tmp_path: Path) -> None:
    downloads.kauh(tmp_path / "download")
    downloads.sound(tmp_path / "download/Audio Files" / name)

    with pytest.raises(ManifestError):
        write_folder(BUILDERS["kauh"], tmp_path / "download", tmp_path / "out")


def test_icbhi_gives_recordings_and_cycles(prepare: Callable[[str], pd.DataFrame], tmp_path: Path) -> None:
    table = prepare("icbhi")

    assert table["unit"].value_counts().to_dict() == {"cycle": 6, "recording": 5}
    assert labels(table, "icbhi", patient_id="102", unit="recording") == [0, 1, 0, 1, 0]
    assert sorted(table.loc[(table["patient_id"] == "102") & (table["unit"] == "cycle"), "crackles"]) == [0, 1]
    assert labels(table, "icbhi", patient_id="122", unit="cycle") == [0, 0, 1, 0, 0]
    np.testing.assert_equal(labels(table, "icbhi", patient_id="108", unit="cycle"), [0, 0, NAN, 0, 0])
    assert labels(table, "icbhi", patient_id="101", position="Al", unit="cycle") == [1, 0, 0, 0, 0]
    assert table.loc[table["patient_id"] == "102", "age"].eq(0.75).all()
    dataset = read_folder(tmp_path / "icbhi", "audio")
    seconds = [round(load_item(dataset, i).seconds, 2) for i in range(len(dataset))]  # type: ignore[union-attr]
    assert sorted(seconds) == [1.0, *[1.5] * 5, *[3.0] * 5]


def test_openi_follows_the_coded_terms(prepare: Callable[[str], pd.DataFrame]) -> None:
    table = prepare("openi")

    assert set(table["patient_id"]) == {"1", "2", "3", "4", "5"}
    expected = {
        "1": [1, 0, 0, 0, 0, 0, 0],
        "2": [0, 0, 0, 0, 0, 1, 0],
        "3": [0, NAN, 0, 0, 0, 0, 1],
        "4": [0, 1, 1, 0, 0, 0, 0],
        "5": [0, 0, 0, 1, 0, 0, 0],
    }
    for patient, cells in expected.items():
        np.testing.assert_equal(labels(table, "openi", patient_id=patient), cells)
    first = table[table["patient_id"] == "1"].iloc[0]
    assert first["text"] == "INDICATION: Cough & pain\nFINDINGS: Clear lungs."
    assert first["indication"] == "Cough & pain"


def test_chexpert_keeps_uncertainty_unknown_and_links_reports(prepare: Callable[[str], pd.DataFrame]) -> None:
    table = prepare("chexpert")

    expected = {
        "patient00001": [1, NAN, 0, 0, 0, 0],
        "patient00002": [0, NAN, 1, NAN, NAN, NAN],
        "patient00003": [NAN, NAN, NAN, NAN, NAN, 0],
        "patient00004": [0, NAN, NAN, NAN, NAN, NAN],
        "patient64541": [NAN, 0, NAN, NAN, NAN, NAN],
    }
    for patient, cells in expected.items():
        np.testing.assert_equal(labels(table, "chexpert", patient_id=patient), cells)
    assert len(table) == 5
    assert set(table.loc[table["split"] == "val", "patient_id"]) == {"patient64541"}
    linked = table[table["text"].notna()]
    assert linked["text"].tolist() == ["INDICATION: Dyspnea.\nFINDINGS: Large heart.\nIMPRESSION: Oedema."]
    assert linked["patient_id"].tolist() == ["patient00002"]


def test_mimic_cxr_keeps_the_official_split_and_links_reports(prepare: Callable[[str], pd.DataFrame]) -> None:
    table = prepare("mimic_cxr")

    assert dict(zip(table["study_id"], table["split"], strict=True)) == {
        50414267: "train",
        53189527: "train",
        50000001: "val",
        50000002: "test",
    }
    assert labels(table, "mimic_cxr", study_id=50414267) == [1, 0, 0, 0, 0, 0]
    np.testing.assert_equal(labels(table, "mimic_cxr", study_id=53189527), [0, NAN, NAN, 1, NAN, NAN])
    linked = table[table["text"].notna()].iloc[0]
    assert (linked["indication"], linked["findings"], linked["impression"]) == (
        "Cough.",
        "Right effusion.",
        "Effusion.",
    )
    assert linked["text"].startswith("EXAMINATION:")
