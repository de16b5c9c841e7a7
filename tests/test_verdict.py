from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.case import Notice
from multimodal.labels import LABELS
from multimodal.verdict import Answer, Band, answer, band, percent
from tests.ui.made import diagnosis, result

NBSP = "\N{NO-BREAK SPACE}"


def said(*labels: object) -> str:
    return answer(diagnosis(*labels)).headline.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("probability", "present", "word"),
    [
        (0.90, True, Band.VERY_LIKELY),
        (0.89, True, Band.LIKELY),
        (0.50, True, Band.LIKELY),
        (0.49, True, Band.POSSIBLE),
        (0.07, True, Band.POSSIBLE),
        (0.29, False, Band.UNLIKELY),
        (0.60, False, Band.POSSIBLE),
        (0.95, None, Band.POSSIBLE),
        (0.05, None, Band.POSSIBLE),
    ],
)
def test_words_are_fixed_to_bands(probability: float, present: bool | None, word: Band) -> None:
    assert band(result("pneumonia", probability, present)) is word


def test_the_sentence_names_what_is_likely_and_what_cannot_be_ruled_out() -> None:
    labels = (
        result("pneumonia", 0.86, True),
        result("obstructive_airway_disease", 0.31, None),
        result("heart_failure", 0.04, False),
    )
    assert said(*labels) == "Pneumonia (86 %) is likely. Obstructive airway disease (31 %) can't be ruled out."


def test_several_of_one_band_share_a_sentence() -> None:
    labels = (
        result("pneumonia", 0.97, True),
        result("heart_failure", 0.93, True),
        result("valvular_heart_disease", 0.66, True),
    )
    assert (
        said(*labels)
        == "Pneumonia (97 %) and heart failure (93 %) are very likely. Heart valve disease (66 %) is likely."
    )


def test_signs_go_with_a_condition_and_stand_alone_without_one() -> None:
    signs = (result("crackles", 0.8, True), result("pleural_effusion", 0.7, True))
    with_condition = answer(diagnosis(result("pneumonia", 0.9, True), *signs))
    assert with_condition.detail[0].replace(NBSP, " ") == "With it: Crackles (80 %) and fluid around the lung (70 %)."
    assert said(signs[0]) == "Crackles (80 %) are likely."


def test_nothing_abnormal() -> None:
    labels = (result("no_finding", 0.93, True), result("pneumonia", 0.03, False))
    assert said(*labels) == "Very likely nothing abnormal (93 %)."


def test_possible_splits_at_one_half() -> None:
    labels = (result("pneumonia", 0.66, None), result("heart_failure", 0.2, None), result("murmur", 0.1, False))
    assert (
        said(*labels)
        == "No condition is likely. Pneumonia (66 %) is possible. Heart failure (20 %) can't be ruled out."
    )


def test_what_is_called_at_its_threshold_is_possible_and_what_stays_open_cannot_be_ruled_out() -> None:
    labels = (result("pneumonia", 0.42, True), result("heart_failure", 0.48, None), result("no_finding", 0.1, False))
    assert (
        said(*labels)
        == "No condition is likely. Pneumonia (42 %) is possible. Heart failure (48 %) can't be ruled out."
    )


def test_where_nothing_is_likely_the_findings_above_their_threshold_are_told() -> None:
    signs = (result("murmur", 0.36, None), result("crackles", 0.33, True), result("wheezes", 0.1, None))
    words = answer(diagnosis(result("pneumonia", 0.05, False), *signs))
    assert words.headline == "No condition is likely."
    assert words.detail[0].replace(NBSP, " ") == "Heart murmur (36 %) and crackles (33 %) are possible."
    assert answer(diagnosis(result("crackles", 0.33, True))).detail[0].endswith("are possible.")


def test_abstaining_is_an_answer_and_says_why() -> None:
    quality = (
        Notice("lateral", "This is a lateral view.", item="film.dcm", refused=True),
        Notice("clipped", "The sound clips in places.", item="lung.wav"),
    )
    words = answer(diagnosis(quality=quality))
    assert words == Answer("Not enough to say.", ("film.dcm: This is a lateral view.",))


def test_every_label_uncertain_is_not_enough_to_say() -> None:
    assert said(result("pneumonia", 0.2, None)).startswith("Not enough to say.")


@given(st.floats(0, 1))
def test_percent_is_whole_and_never_promises(probability: float) -> None:
    text = percent(probability).replace(NBSP, " ")
    assert re.fullmatch(r"(?:< 1|[1-9]\d?|> 99) %", text)


@given(st.lists(st.tuples(st.sampled_from(sorted(LABELS)), st.floats(0, 1), st.sampled_from((True, False, None)))))
def test_any_answer_can_be_said(drawn: list[tuple[str, float, bool | None]]) -> None:
    labels = {label: result(label, probability, present) for label, probability, present in drawn}
    words = answer(diagnosis(*labels.values()))
    assert words.headline.endswith(".")
    assert "nan" not in words.headline


def test_no_verdict_says_so() -> None:
    words = answer(diagnosis(result("pneumonia", 0.66, None), result("heart_failure", 0.04, False)))
    assert words.detail == ("No verdict on pneumonia: what was given speaks neither clearly for nor clearly against.",)
