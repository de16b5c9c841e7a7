"""Splits and folds: whole patients, their shares, every label spread, the same for any order of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.datasets.builders import FOLDS, SPLITS, split_patients
from multimodal.errors import ManifestError

MANY = 40
"""Patients with a label from which on it must be found in every part."""


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[list[str], np.ndarray]:
    """Rows of patients with one to three rows each, and labels of any prevalence with unknowns."""
    n, labels = draw(st.integers(1, 150)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    patients = [f"p{patient}" for patient in range(n) for _ in range(rng.integers(1, 4))]
    values = (rng.random((len(patients), labels)) < rng.random(labels)).astype(float)
    values[rng.random(values.shape) < rng.random() * 0.5] = np.nan
    return patients, values


def by_patient(patients: list[str], parts: list) -> dict[str, object]:
    """The one part of each patient."""
    found: dict[str, set] = {}
    for patient, part in zip(patients, parts, strict=True):
        found.setdefault(patient, set()).add(part)
    assert all(len(parts) == 1 for parts in found.values())
    return {patient: next(iter(parts)) for patient, parts in found.items()}


@settings(max_examples=60, deadline=None)
@given(cohorts(), st.integers(0, 5))
def test_patients_stay_whole_and_labels_spread(cohort: tuple[list[str], np.ndarray], seed: int) -> None:
    patients, labels = cohort
    splits, folds = split_patients(patients, labels, [None] * len(patients), seed=seed)

    for parts, names in ((splits, tuple(SPLITS)), (folds, tuple(range(FOLDS)))):
        part_of = by_patient(patients, parts)
        assert set(part_of.values()) <= set(names)
        for column in labels.T:
            having = {patient for patient, value in zip(patients, column, strict=True) if value == 1}
            if len(having) >= MANY:
                assert {part_of[patient] for patient in having} == set(names)


@settings(max_examples=20, deadline=None)
@given(cohorts(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(cohort: tuple[list[str], np.ndarray], random: object) -> None:
    patients, labels = cohort
    order = np.random.default_rng(random.randint(0, 99)).permutation(len(patients))  # type: ignore[attr-defined]
    there = split_patients(patients, labels, [None] * len(patients))
    shuffled = split_patients([patients[i] for i in order], labels[order], [None] * len(patients))

    for one, other in zip(there, shuffled, strict=True):
        assert [one[i] for i in order] == other


@pytest.mark.parametrize("prevalence", [0.05, 0.5])
def test_shares_are_met_for_all_and_for_a_label(prevalence: float) -> None:
    n = 1000
    patients = [str(number) for number in range(n)]
    ill = np.arange(n) < prevalence * n
    splits, folds = split_patients(patients, ill[:, None].astype(float), [None] * n)

    for name, share in SPLITS.items():
        chosen = np.array(splits) == name
        assert chosen.sum() == pytest.approx(share * n, abs=2)
        assert (chosen & ill).sum() == pytest.approx(share * ill.sum(), abs=1)
    assert np.ptp(np.bincount(np.array(folds)[ill], minlength=FOLDS)) <= 1


def test_an_official_part_is_kept_and_the_rest_share_what_it_leaves() -> None:
    patients = [str(number) for number in range(200)]
    official = ["test" if number < 40 else None for number in range(200)]
    splits, folds = split_patients(patients, np.zeros((200, 1)), official)

    assert set(splits[:40]) == {"test"}
    assert set(splits[40:]) == {"train", "val"}
    assert splits.count("train") == pytest.approx(160 * 0.70 / 0.85, abs=1)
    assert set(folds[:40]) == set(range(FOLDS))


def test_another_seed_is_another_split() -> None:
    patients = [str(number) for number in range(100)]
    one, other = (split_patients(patients, np.zeros((100, 1)), [None] * 100, seed=seed) for seed in (0, 1))

    assert one != other


@pytest.mark.parametrize("official", [["train", "test"], ["test", None]])
def test_a_patient_in_two_official_parts_is_an_error(official: list[str | None]) -> None:
    with pytest.raises(ManifestError, match="Patient a "):
        split_patients(["a", "a"], np.zeros((2, 1)), official)
