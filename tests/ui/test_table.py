from __future__ import annotations

import re
from dataclasses import replace

import pytest

from multimodal.case import Case, Diagnosis, ItemResult, ModelRef
from multimodal.ui.engine import Option
from multimodal.ui.sidebar import swapped
from multimodal.ui.table import comparison_table, legend, provenance_table
from multimodal.ui.theme import LIGHT
from tests.ui.made import Double, diagnosis, result
from tests.ui.test_tiles import HOSTILE, film, note, sound


@pytest.fixture
def full() -> Diagnosis:
    return Double().diagnose(Case("c", (film(),), (sound(),), (note(),)))


def heads(markup: str) -> list[str]:
    return re.findall(r'<th scope="col".*?>(.*?)</th>', markup)


def test_every_single_every_pair_and_the_fusion_have_a_column(full: Diagnosis) -> None:
    assert heads(comparison_table(full)) == [
        *("Label", "All fused", "In words", "Film", "Sound", "Note", "Film + sound", "Film + note", "Sound + note"),
    ]


def test_one_modality_has_no_pairs() -> None:
    alone = Double().diagnose(Case("c", texts=(note(),)))
    assert heads(comparison_table(alone)) == ["Label", "All fused", "In words", "Note"]


def test_a_modality_that_does_not_speak_of_a_label_has_a_dash_never_a_number(full: Diagnosis) -> None:
    row = next(line for line in comparison_table(full).split("<tr>") if ">Heart murmur<" in line)
    assert re.findall(r"<td.*?>(.*?)</td>", row)[2] == "–"


def test_the_legend_names_only_what_is_drawn(full: Diagnosis) -> None:
    assert "Film alone" in legend(full, LIGHT)
    assert "Film alone" not in legend(Double().diagnose(Case("c", texts=(note(),))), LIGHT)


def test_the_range_of_a_fused_answer_is_on_hover_and_in_the_legend_where_the_networks_tell_it(full: Diagnosis) -> None:
    assert "95 % range" not in comparison_table(full) + legend(full, LIGHT)
    told = diagnosis(replace(result("pneumonia", 0.86, True), spread=1.0))
    assert 'title="95 % range: 46\xa0% to 98\xa0%">86\xa0%' in comparison_table(told)
    assert "95 % range" in legend(told, LIGHT)


def test_models_and_files_are_listed_with_hashes_and_escaped() -> None:
    made = diagnosis(
        models={"image": ModelRef("net", "f" * 64), "fusion": ModelRef("late", "")},
        items=(ItemResult(HOSTILE, "e" * 64, "audio", "heart", used=False),),
    )
    markup = provenance_table(made)
    assert "f" * 64 in markup
    assert "Heart sound" in markup
    assert "(not used)" in markup
    assert "<script>" not in markup


def test_a_swapped_branch_is_told_apart_from_a_fitting_one() -> None:
    head = Option("gated", "gated", "f", {"image": "i", "audio": "a"})
    fitting = {
        "image": Option("one", "cnn", "i"),
        "audio": Option("two", "lstm", "a"),
        "text": Option("t", "bert", "t"),
    }
    assert swapped({**fitting, "fusion": head}) == {}
    told = swapped({**fitting, "image": Option("other", "cnn", "x"), "fusion": head})
    assert list(told) == ["image"]
    assert "late fusion" in told["image"]
    assert swapped({"image": Option("other", "cnn", "x"), "fusion": Option("late", "late")}) == {}
    assert swapped(fitting) == {}
