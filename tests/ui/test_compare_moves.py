"""What an answer becomes when a part of the record is left out."""

from __future__ import annotations

import pytest

from multimodal.labels import Modality
from multimodal.ui import compare_charts
from multimodal.ui.compare_moves import describe, given, moves, told
from multimodal.ui.theme import LIGHT
from tests.ui.made import diagnosis, result

FILM, SOUND = Modality.IMAGE, Modality.AUDIO
WHOLE = diagnosis(
    result("pneumonia", 0.8, True),
    result("murmur", 0.6, True),
    by_subset={
        "image": {"pneumonia": 0.2},
        "audio": {"pneumonia": 0.75, "murmur": 0.6},
        "image+audio": {"pneumonia": 0.8, "murmur": 0.6},
    },
)


def test_moves_are_read_from_the_subsets() -> None:
    pneumonia, murmur = moves(WHOLE, [FILM])
    assert (pneumonia.before, pneumonia.after, pneumonia.crosses) == (0.8, 0.2, True)
    assert murmur.after is None
    assert given(WHOLE) == [FILM, SOUND]


@pytest.mark.parametrize(
    ("kept", "out", "words"),
    [
        ([FILM], [SOUND], "Without the sound, nothing speaks of heart murmur any more and pneumonia falls below"),
        ([SOUND], [FILM], "Without the film, the answer hardly changes."),
    ],
)
def test_what_leaving_out_does_in_words(kept: list[Modality], out: list[Modality], words: str) -> None:
    assert told(moves(WHOLE, kept), out).startswith(words)


def test_a_large_move_that_crosses_nothing_is_told() -> None:
    answer = diagnosis(
        result("pneumonia", 0.9, True), by_subset={"image": {"pneumonia": 0.5}, "image+audio": {"pneumonia": 0.9}}
    )
    words = told(moves(answer, [FILM]), [SOUND])
    assert words == (
        "Without the sound, no label crosses its threshold; pneumonia falls the most, from 90\xa0% to 50\xa0%."
    )


def test_the_picture_says_where_nothing_speaks_any_more() -> None:
    table = moves(WHOLE, [FILM])
    assert "Heart murmur 60\xa0%, then not spoken of" in describe(table)
    (rows,) = compare_charts.moves_chart(table, LIGHT).to_dict()["datasets"].values()
    assert [row["figures"] for row in rows] == ["80\xa0% → 20\xa0%", "60\xa0% → –"]
