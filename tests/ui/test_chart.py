from __future__ import annotations

import math
from dataclasses import replace

import pytest
from scipy.special import expit, logit
from scipy.stats import norm

from multimodal.case import Case, Diagnosis
from multimodal.labels import Modality
from multimodal.ui.chart import PICK, answers_chart, describe, describe_pushes, pushes, pushes_chart, rows
from multimodal.ui.theme import DARK, LIGHT, SHAPES, Palette
from tests.ui.conftest import THEME
from tests.ui.made import Double, diagnosis, result
from tests.ui.test_tiles import film, note, sound


@pytest.fixture
def full() -> Diagnosis:
    return Double().diagnose(Case("c", (film(),), (sound(),), (note(),)))


def test_one_row_a_label_and_source(full: Diagnosis) -> None:
    table = rows(full)
    murmur = {row["source"]: row["probability"] for row in table if row["title"] == "Heart murmur"}
    assert set(murmur) == {"Fused answer", "Sound", "Note"}  # a film does not speak of murmurs
    assert murmur["Sound"] == full.by_modality["audio"]["murmur"]
    assert {row["title"] for row in table} == {answer.name for answer in full.labels}


def test_shares_keep_their_sign_and_are_told_as_odds(full: Diagnosis) -> None:
    table = {(row["title"], row["source"]): row for row in pushes(full)}
    assert table["Pneumonia", "Film"]["share"] == pytest.approx(1.5)
    assert table["Pneumonia", "Film"]["factor"] == f"odds × {math.exp(1.5):.1f}"
    assert table["Heart failure", "Film"]["factor"] == f"odds ÷ {math.exp(0.6):.1f}"
    assert table["Heart murmur", "Film"]["factor"] == "no effect"


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_charts_are_valid_and_rows_line_up(full: Diagnosis, colours: Palette) -> None:
    left, right = answers_chart(full, colours).to_dict(), pushes_chart(full, colours).to_dict()
    assert left["height"] == right["height"]
    assert left["autosize"] == right["autosize"]
    titles = [answer.name for answer in full.labels]
    assert all(layer["encoding"]["y"]["sort"] == titles for layer in left["layer"])
    assert right["layer"][0]["encoding"]["y"]["sort"] == titles


def test_a_click_anywhere_on_a_row_names_its_label(full: Diagnosis) -> None:
    chart = answers_chart(full, LIGHT, "murmur").to_dict()
    (parameter,) = chart["params"]
    assert (parameter["name"], parameter["select"]["fields"]) == (PICK, ["label"])
    ground, *marks = chart["layer"]
    assert ground["encoding"]["color"]["condition"]["test"] == "datum.label == 'murmur'"
    known = {answer.label: answer.name for answer in full.labels}
    for layer in (ground, *marks):
        assert all(known[row["label"]] == row["title"] for row in chart["datasets"][layer["data"]["name"]])
    assert marks[0]["encoding"]["detail"]["field"] == "label"  # an aggregate keeps no other field
    assert "params" not in answers_chart(full, LIGHT).to_dict()


def test_an_uncertain_answer_is_an_open_dot() -> None:
    made = diagnosis(result("pneumonia", 0.4, None), result("murmur", 0.9, True))
    assert {row["title"]: row["open"] for row in rows(made)} == {"Pneumonia": True, "Heart murmur": False}


def test_a_fused_answer_lies_on_its_range_and_a_screen_reader_hears_it() -> None:
    told = replace(result("pneumonia", 0.86, True), spread=1.0)
    chart = answers_chart(diagnosis(told, result("murmur", 0.9, True)), LIGHT).to_dict()
    (band,) = (layer for layer in chart["layer"] if layer["encoding"]["x"].get("field") == "low")
    (row,) = chart["datasets"][band["data"]["name"]]
    assert row["label"] == "pneumonia"
    assert (row["low"], row["high"]) == pytest.approx(expit(logit(0.86) + norm.ppf([0.025, 0.975])), abs=1e-6)
    assert describe(diagnosis(told)).startswith(
        "Probability of each label: Pneumonia 86\xa0% (46\xa0% to 98\xa0%), likely"
    )


def test_without_a_range_there_is_no_band(full: Diagnosis) -> None:
    assert all(layer["encoding"]["x"].get("field") != "low" for layer in answers_chart(full, LIGHT).to_dict()["layer"])


def test_the_shares_are_heard_too(full: Diagnosis) -> None:
    assert "Pneumonia: film odds × 4.5, sound " in describe_pushes(full)
    assert describe_pushes(diagnosis(result("pneumonia", 0.4, None))) == "No part moved the odds."


def test_a_diagnosis_without_shares_still_draws() -> None:
    chart = pushes_chart(diagnosis(result("pneumonia", 0.4, None)), LIGHT).to_dict()
    assert chart["layer"][0]["encoding"]["x"]["scale"]["domain"][1] > 0


def test_the_picture_in_words(full: Diagnosis) -> None:
    assert "Pneumonia" in describe(full)
    assert describe(diagnosis()) == "No label could be scored."


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_colours_reach_wcag_aa(colours: Palette) -> None:
    for surface in (colours.surface, colours.panel):
        assert contrast(colours.ink, surface) >= 4.5
        assert contrast(colours.muted, surface) >= 4.5
        assert contrast(colours.accent, surface) >= 4.5
        assert all(contrast(colours.modalities[m], surface) >= 3 for m in Modality)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_button_in_the_theme_s_colour_reaches_wcag_aa(scheme: str) -> None:
    theme = THEME[scheme]
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5  # Streamlit writes on it in white
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 3  # frames and sliders


def test_colour_is_never_the_only_sign() -> None:
    assert len(set(SHAPES.values())) == len(Modality)
