"""What is a note at all: told by its words."""

from __future__ import annotations

import time

import pytest

from multimodal.case import Text
from multimodal.datasets.foreign import draw_foreign, foreign_kinds
from multimodal.labels import Modality
from multimodal.phantom import draw_patient, render
from multimodal.quality import check


def codes(text: str) -> dict[str, bool]:
    return {notice.code: notice.refused for notice in check(Text("note.txt", "0" * 64, text))}


@pytest.mark.parametrize(
    "text",
    [
        "not a film",
        "test",
        "Lorem ipsum dolor sit amet",
        "milk, bread, eggs, chicken breast",
        "Happy new year, see you at the station",
        "print(sum(numbers))",
        "10.101.53.7 GET /index.html 200",
        "XXXX",
        "The scent of the sea, " * 30 + "and no heart",
    ],
)
def test_words_of_everything_else_are_left_out_for_one_reason(text: str) -> None:
    assert codes(text) == {"note_not_clinical": True}


@pytest.mark.parametrize("kind", [kind for kind in foreign_kinds(Modality.TEXT) if kind != "random_words"])
def test_no_kind_of_foreign_text_is_a_note(kind: str) -> None:
    for seed in range(20):
        text = draw_foreign(Modality.TEXT, kind, seed)
        assert any(notice.refused for notice in check(text)), text


@pytest.mark.parametrize(
    "text",
    [
        "chest pain x 3 days",
        "SOB, fever",
        "r/o PNA",
        "786.2 and V12.01",
        "Increased O2 requirement",
        "s/p splenectomy",
        "weight loss",
        "30 year old, MVC",
        "Sickle cell crisis",
        "URI for a week",
    ],
)
def test_a_short_indication_passes(text: str) -> None:
    assert codes(text) == {}


@pytest.mark.parametrize(
    "text", ["cough", "SOB", "fever", "CP", "Palpitations", "MVC.", "Pneumothorax?", "splenomegaly"]
)
def test_a_single_clinical_word_is_an_indication(text: str) -> None:
    assert codes(text) == {"note_short": False}


def test_words_that_were_taken_out_may_have_been_clinical() -> None:
    assert codes("History of XXXX.") == {"note_not_clinical": False}
    assert codes("Productive ___ since May") == {"note_not_clinical": False}


def test_the_note_of_a_phantom_passes() -> None:
    for seed in range(12):
        assert not any(codes(render(draw_patient(seed)).note.text).values())


@pytest.mark.parametrize("text", ["x" * 200_000, "itis" * 50_000, "ab " * 66_000])
def test_the_longest_text_is_judged_at_once(text: str) -> None:
    start = time.perf_counter()
    check(Text("note.txt", "", text))
    assert time.perf_counter() - start < 2
