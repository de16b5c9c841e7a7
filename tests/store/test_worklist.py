"""Saving, finding, opening, reviewing and deleting cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multimodal.case import Notice
from multimodal.errors import UsageError
from multimodal.formats import Kind
from multimodal.store import Query, Review, ReviewState, Sort, Store, StoredInput, Verdict, Worklist
from tests.store.made import diagnosis, item, result

PNEUMONIA = diagnosis(
    result("crackles", 0.95),
    result("pneumonia", 0.86),
    items=(item("a.dcm"), item("b.txt", "text")),
    models={"image": "cnn", "text": "encoder"},
)
HEALTHY = diagnosis(
    result("no_finding", 0.9), result("pneumonia", 0.04), items=(item("c.dcm"),), models={"image": "other"}
)
UNSURE = diagnosis(result("pneumonia", 0.4), items=(item("d.wav", "audio", "lung"),), models={"image": "cnn"})


@pytest.fixture
def three(mine: Worklist) -> dict[str, str]:
    """Ids by title."""
    answers = {"First": PNEUMONIA, "second": HEALTHY, "Third": UNSURE}
    return {title: mine.save(answer, title=title) for title, answer in answers.items()}


def titles(mine: Worklist, **query: object) -> list[str]:
    return [case.title for case in mine.search(Query(**query)).cases]  # type: ignore[arg-type]


def test_a_case_outlives_the_engine_that_saved_it(store: Store, url: str) -> None:
    kept = StoredInput(Kind.FILM, "a.dcm", PNEUMONIA.items[0].sha256, b"\0film\xff")
    before = datetime.now(UTC)
    case_id = store.worklist("me").save(PNEUMONIA, title="  Ward 3,\n bed 2 ", inputs=[kept])
    store.worklist("me").review(
        case_id, Review(Verdict.DISAGREE, {"pneumonia": 0, "heart_failure": 1}, "Oedema.\nSure.")
    )
    store.close()

    again = Store(url)
    case = again.worklist("me").get(case_id)

    assert case.title == "Ward 3, bed 2"
    assert before <= case.created <= case.updated <= datetime.now(UTC)
    assert (case.finding, case.probability) == ("pneumonia", 0.86)
    assert case.modalities == ("image", "text")
    assert case.models == {"image": "cnn", "text": "encoder"}
    assert case.diagnosis.labels == PNEUMONIA.labels
    assert [one.sha256 for one in case.diagnosis.items] == [one.sha256 for one in PNEUMONIA.items]
    assert case.review == Review(Verdict.DISAGREE, {"pneumonia": 0, "heart_failure": 1}, "Oedema.\nSure.")
    assert case.has_inputs
    assert [one.data for one in again.worklist("me").inputs(case_id)] == [b"\0film\xff"]
    again.close()


def test_the_list_shows_the_newest_first_in_pages(mine: Worklist, three: dict[str, str]) -> None:
    assert titles(mine) == ["Third", "second", "First"]
    assert titles(mine, limit=2) == ["Third", "second"]
    assert titles(mine, limit=2, offset=2) == ["First"]
    assert mine.search(Query(limit=1)).total == 3


@pytest.mark.parametrize(
    ("sort", "descending", "expected"),
    [
        (Sort.CREATED, False, ["First", "second", "Third"]),
        (Sort.TITLE, False, ["First", "second", "Third"]),
        (Sort.PROBABILITY, True, ["second", "First", "Third"]),
        (Sort.PROBABILITY, False, ["First", "second", "Third"]),
        (Sort.FINDING, False, ["second", "First", "Third"]),
    ],
)
def test_it_sorts_with_what_has_no_value_last(
    mine: Worklist, three: dict[str, str], sort: Sort, descending: bool, expected: list[str]
) -> None:
    assert titles(mine, sort=sort, descending=descending) == expected


def test_it_finds_by_title_comment_and_finding_whatever_the_case_of_letters(
    mine: Worklist, three: dict[str, str]
) -> None:
    mine.review(three["second"], Review(Verdict.AGREE, {}, "Übliche Lunge, 100%_sicher"))

    assert titles(mine, search="FIRST") == ["First"]
    assert titles(mine, search="übLICHE") == ["second"]
    assert titles(mine, search="no abnorm") == ["second"]
    assert titles(mine, search="%_s") == ["second"]
    assert titles(mine, search="%") == ["second"]
    assert titles(mine, search="nothing such") == []


def test_it_filters_by_label_review_model_and_day(mine: Worklist, three: dict[str, str]) -> None:
    mine.review(three["First"], Review(Verdict.DISAGREE, {"pneumonia": 0}))
    mine.review(three["Third"], Review(Verdict.AGREE, {"pneumonia": 1}))
    today = datetime.now(UTC).date()

    assert titles(mine, label="crackles") == ["First"]
    assert titles(mine, label="pneumonia") == ["Third"], "the reviewer's word counts before the answer"
    assert titles(mine, review=ReviewState.OPEN) == ["second"]
    assert titles(mine, review=ReviewState.DISAGREE) == ["First"]
    assert titles(mine, model="cnn") == ["Third", "First"]
    assert titles(mine, model="cnn", review=ReviewState.AGREE) == ["Third"]
    assert mine.models() == ("cnn", "encoder", "other")
    assert len(titles(mine, since=today - timedelta(days=1), until=today + timedelta(days=1))) == 3
    assert titles(mine, until=today - timedelta(days=2)) == []
    assert titles(mine, since=today + timedelta(days=2)) == []


def test_a_review_replaces_the_one_before(mine: Worklist, three: dict[str, str]) -> None:
    mine.review(three["First"], Review(Verdict.DISAGREE, {"pneumonia": 0, "murmur": 1}, "old words"))
    mine.review(three["First"], Review(Verdict.AGREE, {"crackles": 1}))

    assert mine.get(three["First"]).review == Review(Verdict.AGREE, {"crackles": 1})
    assert titles(mine, search="old words") == []
    assert titles(mine, label="murmur") == []


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"flu": 1}, "Expected labels out of"),
        ({"pneumonia": 2}, "Expected 1 or 0"),
        ({"no_finding": 1, "pneumonia": 1}, "can't both be present"),
    ],
)
def test_a_review_that_makes_no_sense_is_refused(
    mine: Worklist, three: dict[str, str], labels: dict[str, int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        mine.review(three["First"], Review(Verdict.DISAGREE, labels))

    assert mine.get(three["First"]).review is None


@pytest.mark.parametrize("title", ["", "  \n\u202e", "x" * 201])
def test_a_title_is_needed_and_short(mine: Worklist, title: str) -> None:
    with pytest.raises(UsageError, match="title of 1 to 200"):
        mine.save(HEALTHY, title=title)


def test_a_deleted_case_is_gone(mine: Worklist, three: dict[str, str]) -> None:
    mine.delete(three["First"])

    assert titles(mine) == ["Third", "second"]
    for gone in (mine.get, mine.inputs, mine.delete):
        with pytest.raises(UsageError, match="no such case"):
            gone(three["First"])


def test_owners_never_meet(store: Store) -> None:
    mine, yours = store.worklist("me"), store.worklist("you")
    kept = StoredInput(Kind.NOTE, "b.txt", PNEUMONIA.items[1].sha256, b"canary-mine")
    my_case = mine.save(PNEUMONIA, title="canary-mine", inputs=[kept], batch="same")
    your_case = yours.save(HEALTHY, title="canary-yours", batch="same")
    mine.review(my_case, Review(Verdict.AGREE, {"murmur": 1}, "canary-mine"))

    assert titles(mine) == ["canary-mine"]
    assert titles(yours) == ["canary-yours"]
    assert yours.search(Query(search="canary", label=None)).total == 1
    assert yours.models() == ("other",)
    assert set(yours.batch("same")) == {"canary-yours"}
    for act in (yours.get, yours.inputs, yours.delete, lambda i: yours.review(i, Review(Verdict.DISAGREE))):
        with pytest.raises(UsageError, match="no such case"):
            act(my_case)
    assert mine.get(my_case).review == Review(Verdict.AGREE, {"murmur": 1}, "canary-mine")
    assert yours.get(your_case).title == "canary-yours"


def test_names_of_files_are_not_kept(mine: Worklist) -> None:
    said = diagnosis(
        result("pneumonia", 0.86),
        items=(item("DOE^JOHN.DCM"), item("john doe heart.wav", "audio", "heart"), item("DOE^JOHN (2).dcm")),
        quality=(Notice("short", "john doe heart.wav is short, unlike DOE^JOHN.DCM.", "john doe heart.wav"),),
        warnings=(Notice("corrupt_file", "The file is damaged.", "Doe scan.png", refused=True),),
        explanations=({"item": "DOE^JOHN.DCM", "parts": [{"of": "john doe heart.wav"}]},),
        case_id="DOE^JOHN",
    )

    kept = mine.get(mine.save(said, title="Bed 2")).diagnosis

    assert [one.name for one in kept.items] == ["film-1.dcm", "heart-1.wav", "film-2.dcm"]
    assert kept.quality[0].message == "heart-1.wav is short, unlike film-1.dcm."
    assert kept.warnings[0].item == "file-1.png"
    assert kept.explanations[0] == {"item": "film-1.dcm", "parts": [{"of": "heart-1.wav"}]}
    assert "doe" not in kept.to_json().lower()


def test_an_answer_without_labels_can_be_kept(mine: Worklist) -> None:
    case = mine.get(mine.save(diagnosis(), title="Nothing to say"))

    assert (case.finding, case.probability, case.modalities) == (None, None, ())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), min_size=1, max_size=40), st.text(st.characters(), max_size=40))
def test_any_text_can_be_a_title_or_a_comment(mine: Worklist, title: str, comment: str) -> None:
    case_id = mine.save(UNSURE, title=f"t{title}")
    mine.review(case_id, Review(Verdict.AGREE, {}, comment))

    case = mine.get(case_id)
    assert case.title.startswith("t")
    assert case.review is not None
    assert mine.search(Query(search=case.title)).total >= 1
