"""A against B: agreement, changed decisions and the words for them."""

from __future__ import annotations

import pytest

from multimodal.case import Case, Diagnosis
from multimodal.ui import lab_chart, lab_pairs, lab_tables
from multimodal.ui.lab_pairs import Compared
from multimodal.ui.theme import LIGHT
from tests.ui.made import diagnosis, result

A = diagnosis(result("pneumonia", 0.8, True), result("heart_failure", 0.2, False), result("murmur", 0.5, None))
B = diagnosis(result("pneumonia", 0.1, False), result("heart_failure", 0.25, False), result("wheezes", 0.6, True))


def test_a_changed_decision_comes_first_and_an_unspoken_label_last() -> None:
    pairs = lab_pairs.pair(A, B)
    assert [(p.label, p.flips) for p in pairs] == [
        ("pneumonia", True),
        ("heart_failure", False),
        ("murmur", False),
        ("wheezes", False),
    ]
    assert pairs[0].difference == pytest.approx(-0.7)
    assert pairs[2].difference == 0
    assert lab_pairs.decision(pairs[2].a) == "open"
    assert lab_pairs.decision(pairs[2].b) == "not spoken of"


def test_the_sentence_counts_and_names_what_changed() -> None:
    words = lab_pairs.sentence(lab_pairs.pair(A, B)).replace("\N{NO-BREAK SPACE}", " ")
    assert words == ("A and B decide alike on 1 of 2 labels. Pneumonia (80 % to 10 %), found against not found.")


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (A, A, "A and B say the same of all 3 labels."),
        (A, diagnosis(), "There is no label that both speak of."),
        (
            diagnosis(result("murmur", 0.6, True)),
            diagnosis(result("murmur", 0.9, True)),
            "A and B decide alike on all 1 labels. Heart murmur (60 % to 90 %) differs the most.",
        ),
    ],
)
def test_the_sentence_of_agreement(a: Diagnosis, b: Diagnosis, words: str) -> None:
    assert lab_pairs.sentence(lab_pairs.pair(a, b)).replace("\N{NO-BREAK SPACE}", " ") == words


def test_a_cohort_counts_agreement_by_label_and_says_who_is_right() -> None:
    one = Compared("Phantom 1", lab_pairs.pair(A, B), {"pneumonia": 0, "heart_failure": 0})
    two = Compared("Phantom 2", lab_pairs.pair(A, A), {"pneumonia": 1})
    rows = {row.label: row for row in lab_pairs.agreement([one, two])}
    assert (rows["pneumonia"].same, rows["pneumonia"].cases) == (1, 2)
    assert rows["pneumonia"].mean == pytest.approx(0.35)
    assert rows["pneumonia"].largest == pytest.approx(0.7)
    assert rows["murmur"].cases == 1
    assert "wheezes" not in rows
    assert next(iter(rows)) == "pneumonia"
    ((case, flip),) = lab_pairs.flipped([one, two])
    assert lab_pairs.right(case, flip) == "B"
    words = lab_pairs.cohort_sentence([one, two]).replace("\N{NO-BREAK SPACE}", " ")
    assert words == (
        "A and B decide alike in 80 % of 5 decisions on phantoms. Of 1 that differ, A is right in 0 and B in 1."
    )


def test_agreement_in_every_case_is_a_count_and_no_chance() -> None:
    cohort = [Compared("Phantom 1", lab_pairs.pair(A, A), {})]
    assert "<td>1 (100%)</td>" in lab_tables.agreement_html(lab_pairs.agreement(cohort))


def test_an_open_decision_is_right_for_neither() -> None:
    pairs = lab_pairs.pair(A, diagnosis(result("murmur", 0.4, False)))
    flip = next(p for p in pairs if p.flips)
    assert lab_pairs.right(Compared("x", pairs, {"murmur": 1}), flip) == "neither"
    assert lab_pairs.right(Compared("x", pairs, {}), flip) == ""


def test_a_cohort_of_phantoms_is_drawn_once_for_both_and_told() -> None:
    asked: list[Case] = []
    told: list[float] = []

    def answer(case: Case) -> Diagnosis:
        asked.append(case)
        return A

    cohort = lab_pairs.compare(2, 7000, answer, answer, lambda _, done: told.append(done))
    assert [case.name for case in cohort] == ["Phantom 7000", "Phantom 7001"]
    assert asked[0] is asked[1] is not asked[2]
    assert set(cohort[0].truth.values()) <= {0, 1}
    assert told == [0, 0.5]


def test_the_dumbbell_holds_both_answers() -> None:
    pairs = lab_pairs.pair(A, B)
    spec = lab_chart.dumbbell(pairs, LIGHT).to_dict()
    (values,) = spec["datasets"].values()
    assert [(row["a"], row["b"], row["flips"]) for row in values] == [
        (0.8, 0.1, True), (0.2, 0.25, False), (0.5, None, False), (None, 0.6, False),
    ]  # fmt: skip


def test_the_strip_has_a_mark_for_every_shared_label_of_every_case() -> None:
    cohort = [Compared("Phantom 1", lab_pairs.pair(A, B), {})]
    spec = lab_chart.differences(cohort, lab_pairs.agreement(cohort), LIGHT).to_dict()
    assert [row["points"] for rows in spec["datasets"].values() for row in rows if "points" in row] == [
        "−70 points",
        "+5 points",
    ]


def test_tables_escape_what_they_show() -> None:
    html = lab_tables.table("<x>", ("a",), [("<b>", "&")])
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "&amp;" in html
