from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multimodal.datasets import LABEL_NAMES, Dataset, compose, join, phantom_dataset, read_folder
from multimodal.errors import UsageError
from multimodal.labels import Modality
from tests.datasets.folders import film_folder, note_folder, sound_folder, write_table


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[Modality, Dataset]:
    root = tmp_path_factory.mktemp("composed")
    return {
        Modality.IMAGE: read_folder(film_folder(root / "films"), "image"),
        Modality.AUDIO: read_folder(sound_folder(root / "sounds"), "audio"),
        Modality.TEXT: read_folder(note_folder(root / "notes"), "text"),
    }


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_case_never_mixes_splits(datasets: dict[Modality, Dataset], split: str) -> None:
    cohort = compose(datasets, ["pneumonia"], 50, 0, split=split, min_patients=2)
    for case in cohort.cases:
        for modality, row in case.rows.items():
            assert datasets[modality].rows["split"][row] == split
            assert datasets[modality].rows["patient"][row] == case.patients[modality]


def test_members_agree_on_the_target_and_half_are_positive(datasets: dict[Modality, Dataset]) -> None:
    cohort = compose(datasets, ["pneumonia", "murmur"], 40, 0, min_patients=2)
    assert cohort.labels == ("pneumonia",)
    assert cohort.covering["pneumonia"] == (Modality.IMAGE, Modality.TEXT)
    column = LABEL_NAMES.index("pneumonia")
    assert sum(case.labels[column] for case in cohort.cases) == 20
    for case in cohort.cases:
        assert {datasets[m].labels[case.rows[m], column] for m in cohort.covering[case.target]} == {case.labels[column]}


def test_the_draw_follows_from_the_seed(datasets: dict[Modality, Dataset]) -> None:
    first, again, other = (compose(datasets, ["pneumonia"], 20, seed, min_patients=2) for seed in (1, 1, 2))
    assert [case.rows for case in first.cases] == [case.rows for case in again.cases]
    assert [case.rows for case in first.cases] != [case.rows for case in other.cases]


def test_negatives_come_only_from_sources_that_cover_the_label(
    datasets: dict[Modality, Dataset], tmp_path: Path
) -> None:
    well = [{"patient_id": i, "split": "train", "text": f"Well {i}.", "pneumonia": 0} for i in range(50)]
    notes = join([datasets[Modality.TEXT], read_folder(write_table(tmp_path / "screening", well), "text")])
    cohort = compose({**datasets, Modality.TEXT: notes}, ["pneumonia"], 60, 0, min_patients=2)
    assert {case.patients[Modality.TEXT].split("/")[0] for case in cohort.cases} == {"notes"}


def test_a_label_that_members_contradict_is_unknown(tmp_path: Path) -> None:
    def notes(name: str, effusion: int) -> Dataset:
        rows = [
            {"patient_id": i, "split": "train", "text": "a", "pneumonia": i % 2, "pleural_effusion": effusion}
            for i in range(20)
        ]
        rows += [{"patient_id": 99, "split": "train", "text": "a", "pleural_effusion": 1 - effusion}]
        return read_folder(write_table(tmp_path / name, rows), "text")

    pair = {Modality.IMAGE: notes("a", 0), Modality.TEXT: notes("b", 1)}
    cohort = compose(pair, ["pneumonia"], 10, 0)
    assert all(np.isnan(case.labels[LABEL_NAMES.index("pleural_effusion")]) for case in cohort.cases)


def test_a_modality_with_too_few_patients_to_cover_a_label_has_no_say_in_it(
    datasets: dict[Modality, Dataset], tmp_path: Path
) -> None:
    row = {"file_name": "a.wav", "split": "train", "site": "lung"}
    rows = [{**row, "patient_id": i, "pneumonia": int(i == 0), "crackles": i % 2} for i in range(20)]
    sounds = read_folder(write_table(tmp_path / "sounds", rows), "audio")
    cohort = compose({**datasets, Modality.AUDIO: sounds}, ["pneumonia"], 40, 0, min_patients=2)
    assert cohort.covering["pneumonia"] == (Modality.IMAGE, Modality.TEXT)
    assert sum(case.labels[LABEL_NAMES.index("pneumonia")] for case in cohort.cases) == 20


def test_phantoms_are_never_composed(datasets: dict[Modality, Dataset]) -> None:
    mixed = {
        Modality.IMAGE: join([datasets[Modality.IMAGE], phantom_dataset(40, 0, "image")]),
        Modality.TEXT: join([datasets[Modality.TEXT], phantom_dataset(40, 0, "text")]),
    }
    cohort = compose(mixed, ["pneumonia"], 60, 0, min_patients=2)
    assert not any(key.startswith("phantom/") for case in cohort.cases for key in case.patients.values())


def test_too_few_patients_are_refused(datasets: dict[Modality, Dataset]) -> None:
    with pytest.raises(UsageError, match="No label is covered by two modalities"):
        compose(datasets, ["pneumonia"], 10, 0, split="test", min_patients=30)
    with pytest.raises(UsageError, match="two modalities or three"):
        compose({Modality.TEXT: datasets[Modality.TEXT]}, ["pneumonia"], 10, 0)


def test_the_stratum_does_not_tell_the_label(datasets: dict[Modality, Dataset], tmp_path: Path) -> None:
    """Nine in ten large notes have the label, one in ten small ones: drawn stratum first, half of each do."""
    rows = [
        {"patient_id": i, "split": "train", "text": "a", "side_px": px, "pneumonia": int((i % 10 == 0) == (px == 64))}
        for i, px in enumerate([64] * 200 + [256] * 200)
    ]
    notes = read_folder(write_table(tmp_path / "sizes", rows), "text")
    cohort = compose({**datasets, Modality.TEXT: notes}, ["pneumonia"], 2000, 0, min_patients=2)
    column = LABEL_NAMES.index("pneumonia")
    small = np.array([case.rows[Modality.TEXT] < 200 for case in cohort.cases])
    positive = np.array([case.labels[column] == 1 for case in cohort.cases])
    assert abs(positive[small].mean() - positive[~small].mean()) < 0.08
