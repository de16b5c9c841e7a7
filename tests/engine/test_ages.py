from __future__ import annotations

from dataclasses import replace

import pytest

from multimodal.bundle import BundleConfig
from multimodal.case import Patient
from multimodal.datasets import SOURCES
from multimodal.engine import Engine
from multimodal.engine.ages import LEARNED_FROM, uncovered_ages
from multimodal.labels import Modality
from tests.engine.tiny import full_case

TAUGHT = {
    "kermany": {"pneumonia": 900, "heart_failure": 0},
    "nih": {"pneumonia": 200, "heart_failure": 39},
    "phantom": {"pneumonia": 70, "heart_failure": 44},
}


def config(**taught: dict[str, int]) -> BundleConfig:
    sources = {name: {"positive_patients": counts} for name, counts in (taught or TAUGHT).items()}
    labels = ("pneumonia", "heart_failure")
    return BundleConfig(
        "image", "a", "small_cnn", labels, calibration=dict.fromkeys(labels), training={"sources": sources}
    )


def messages(age: float | None, *configs: BundleConfig) -> list[str]:
    spoken = {Modality.IMAGE: ("pneumonia", "heart_failure")}
    found = uncovered_ages(Patient(age), {Modality.IMAGE: configs}, spoken)
    assert all(notice.code == "age_not_covered" for notice in found)
    return [notice.message for notice in found]


def test_a_label_learned_from_adults_is_doubted_in_a_child():
    (message,) = messages(4, config())
    assert message == (
        "The film's answer on heart failure was learned from adults only; at the age of 4 it may be wrong."
    )


def test_a_label_learned_from_children_is_doubted_in_an_adult():
    (message,) = messages(60, config(kermany={"pneumonia": 900}))
    assert message.startswith("The film's answer on pneumonia was learned from children only")


def test_a_label_that_was_not_spoken_of_is_not_doubted():
    assert uncovered_ages(Patient(4), {Modality.IMAGE: [config()]}, {Modality.IMAGE: ("pneumonia",)}) == []


@pytest.mark.parametrize(
    ("age", "made"),
    [
        (60, config()),
        (None, config()),
        (4, config(phantom={"pneumonia": 70})),
        (4, config(my_clinic={"pneumonia": 70})),
        (4, config(nih={"pneumonia": 9})),
    ],
)
def test_nothing_is_said_without_reason(age, made):
    assert messages(age, made) == []


def test_every_source_named_is_one_that_is_known():
    assert set(LEARNED_FROM) <= set(SOURCES)


def test_the_engine_warns_of_another_patients_note():
    case = full_case()
    stranger = replace(case.texts[0], text="A 4-year-old boy. " + case.texts[0].text)
    told = {notice.code for notice in Engine().diagnose(replace(case, texts=(stranger,))).warnings}
    assert {"age_contradicted", "sex_contradicted"} <= told
    assert not {"age_contradicted", "sex_contradicted"} & {n.code for n in Engine().diagnose(case).warnings}
