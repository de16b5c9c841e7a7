from __future__ import annotations

import numpy as np
import pytest

from multimodal.evaluate import Scored, units
from multimodal.labels import Modality
from tests.evaluate.rows import dataset

NAN = np.nan


def scored(modality: Modality, label: str, scores: list[float], targets: list[float], **columns: object) -> Scored:
    return Scored(dataset(modality, {label: targets}, **columns), (label,), np.array(scores)[:, None])


def test_recordings_of_a_patient_are_one_unit() -> None:
    """The score is the mean over all recordings, the truth is any known one."""
    rows = scored(Modality.AUDIO, "murmur", [1.0, 3.0, -1.0, 5.0], [0, 1, 0, NAN], patient=["a", "a", "b", "a"])
    found = units(rows, "murmur")
    assert found.by_patient
    assert found.patients.tolist() == ["a", "b"]
    assert found.scores.tolist() == [3.0, -1.0]
    assert found.targets.tolist() == [1, 0]


def test_a_patient_of_unknown_truth_is_left_out() -> None:
    rows = scored(Modality.AUDIO, "murmur", [1.0, 3.0], [NAN, 0], patient=["a", "b"])
    assert units(rows, "murmur").patients.tolist() == ["b"]


def test_films_and_notes_are_each_a_unit() -> None:
    for modality in (Modality.IMAGE, Modality.TEXT):
        found = units(scored(modality, "pneumonia", [1.0, 2.0, 3.0], [0, 1, NAN], patient=["a", "a", "b"]), "pneumonia")
        assert not found.by_patient
        assert found.scores.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(("label", "by_patient", "n"), [("crackles", False, 4), ("pneumonia", True, 2)])
def test_cycles_count_apart_for_what_is_heard_in_them(label: str, by_patient: bool, n: int) -> None:
    unit = ["recording", "cycle", "cycle", "cycle"]
    found = units(scored(Modality.AUDIO, label, [1.0, 2, 3, 4], [0, 1, 0, 1], patient=["a"] * 4, unit=unit), label)
    assert found.by_patient is by_patient
    assert len(found.scores) == n
    assert set(found.strata) == {"made recording", "made cycle"}


def test_crackles_of_a_source_without_cycles_are_the_patients() -> None:
    found = units(scored(Modality.AUDIO, "crackles", [1.0, 2.0, 3.0], [1, 1, 1], patient=["a", "a", "a"]), "crackles")
    assert (found.by_patient, found.scores.tolist()) == (True, [2.0])


def test_a_row_of_which_nothing_is_said_does_not_count() -> None:
    found = units(scored(Modality.IMAGE, "pneumonia", [1.0, NAN], [0, 1]), "pneumonia")
    assert found.scores.tolist() == [1.0]


def test_strata_without_both_classes_cannot_be_compared() -> None:
    rows = scored(Modality.IMAGE, "pneumonia", [1.0, 2, 3, 4], [0, 1, 0, 0], side_px=[256.0, 256, 64, 64])
    found = units(rows, "pneumonia")
    assert found.comparable().strata.tolist() == ["made 256", "made 256"]
    alone = found.where(found.targets == 0)
    assert len(alone.comparable().scores) == 3


def test_age_groups_come_from_ages_unless_the_source_has_its_own() -> None:
    rows = scored(Modality.TEXT, "pneumonia", [0.0] * 5, [0, 1, 0, 1, 0], age=[17.9, 18, 40, 99, NAN])
    assert units(rows, "pneumonia").groups["age_group"].tolist() == ["0-17", "18-39", "40-64", "65+", ""]
    rows = scored(Modality.TEXT, "pneumonia", [0.0] * 2, [0, 1], age_group=["Infant", None])
    assert units(rows, "pneumonia").groups["age_group"].tolist() == ["Infant", ""]
