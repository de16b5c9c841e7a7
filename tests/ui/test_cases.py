"""The Cases page as a reader uses it, without a browser."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from multimodal.case import Case, Text
from multimodal.formats import Kind
from multimodal.store import Query, Review, ReviewState, Store, StoredInput, Verdict, Worklist
from multimodal.ui import cases_batch, cases_list, cases_owner
from multimodal.ui.cases_job import Job, Phase, Progress
from multimodal.ui.cases_owner import LOCAL, owner
from tests.ui.conftest import HOME
from tests.ui.made import Double


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "data" / "cases.db"
    monkeypatch.setenv("MULTIMODAL_DATABASE", f"sqlite:///{file}")
    return file


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def mine(store: Store) -> Worklist:
    return store.worklist(LOCAL)


def at_cases() -> AppTest:
    return AppTest.from_file(str(HOME), default_timeout=240).switch_page("cases.py")


@pytest.fixture
def page(double: Double) -> AppTest:
    return at_cases()


def save(mine: Worklist, title: str, *, note: bytes | None = None) -> str:
    text = Text("note.txt", "0" * 64, "cough")
    inputs = () if note is None else (StoredInput(Kind.NOTE, "note.txt", "0" * 64, note),)
    return mine.save(Double().diagnose(Case("case", texts=(text,))), title=title, inputs=inputs)


def opened(page: AppTest, case_id: str) -> AppTest:
    page.query_params["case"] = case_id
    return page.run()


def everything(page: AppTest) -> str:
    """All that reaches the browser."""
    return "\n".join(str(element.proto) for element in page._tree if hasattr(element, "proto"))


def press(page: AppTest, label: str) -> AppTest:
    next(one for one in page.button if one.label == label).click()
    return page.run()


def test_the_empty_page_says_what_to_do_and_offers_a_sample(page: AppTest, mine: Worklist) -> None:
    page.run()
    assert not page.exception
    assert page.title[0].value == "Cases"
    assert "Save to cases" in everything(page)

    press(page, "Add a sample case")

    assert not page.exception
    case = mine.search().cases[0]
    assert case.title == "Phantom, pneumonia"
    assert [kept.kind for kept in mine.inputs(case.id)] == ["film", "heart", "lung", "note"]
    assert case.id in everything(page)


def test_filters_narrow_the_list(page: AppTest, mine: Worklist) -> None:
    ids = {title: save(mine, title) for title in ("first", "second")}
    mine.review(ids["first"], Review(Verdict.AGREE, {}, "quite sure"))
    page.run()
    assert all(case_id in everything(page) for case_id in ids.values())

    page.text_input(key="cases-search").set_value("QUITE")
    page.run()
    assert ids["first"] in everything(page)
    assert ids["second"] not in everything(page)

    page.selectbox(key="cases-review").set_value(ReviewState.OPEN)
    page.run()
    assert "No case matches" in page.info[0].value


def test_a_row_says_what_was_found_and_what_was_corrected(mine: Worklist) -> None:
    mine.review(save(mine, "one"), Review(Verdict.DISAGREE, {"pneumonia": 0}))

    row = cases_list.row(mine.search().cases[0])

    assert (row["title"], row["finding"], row["review"]) == ("one", "Pneumonia", "Disagreed")
    assert row["corrected"] == "Pneumonia: no"
    assert row["modalities"] == ["text"]


def test_a_case_opens_with_its_answer_and_kept_evidence(page: AppTest, mine: Worklist) -> None:
    opened(page, save(mine, "with <b>files</b>", note=b"FINDINGS: a canary in the note, and cough.\n"))

    assert not page.exception
    assert "with &lt;b&gt;files" in everything(page)
    assert "mm-answer" in everything(page)
    assert "a canary in the note" in everything(page)

    opened(page, save(mine, "without files"))
    assert "a canary in the note" not in everything(page)
    assert "no evidence to show" in everything(page)


def test_a_review_is_kept_and_the_next_case_opened(page: AppTest, mine: Worklist) -> None:
    first, second = save(mine, "first"), save(mine, "second")
    opened(page, first)
    page.button_group(key=f"verdict-{first}").set_value(Verdict.DISAGREE)
    page.multiselect(key=f"Present-{first}").set_value(["heart_failure"])
    page.multiselect(key=f"Absent-{first}").set_value(["pneumonia"])
    page.text_area(key=f"comment-{first}").set_value("Oedema.")
    press(page, "Save, open next")

    assert not page.exception
    assert mine.get(first).review == Review(Verdict.DISAGREE, {"pneumonia": 0, "heart_failure": 1}, "Oedema.")
    assert page.query_params["case"] == second


@pytest.mark.parametrize(
    ("verdict", "present", "absent", "message"),
    [
        (None, [], [], "Say first"),
        (Verdict.AGREE, ["murmur"], ["murmur"], "both present and absent"),
        (Verdict.AGREE, ["murmur", "no_finding"], [], "can't both be present"),
    ],
)
def test_a_review_that_makes_no_sense_is_told(
    page: AppTest, mine: Worklist, verdict: Verdict | None, present: list[str], absent: list[str], message: str
) -> None:
    case = save(mine, "one")
    opened(page, case)
    page.button_group(key=f"verdict-{case}").set_value(verdict)
    page.multiselect(key=f"Present-{case}").set_value(present)
    page.multiselect(key=f"Absent-{case}").set_value(absent)
    press(page, "Save")

    assert message in page.warning[0].value
    assert mine.get(case).review is None


def test_a_batch_comes_as_a_zip_or_as_a_folder(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[bytes, str]] = []
    jobs: list[Job] = []

    class Recorded(Job):
        def __init__(self, archive: bytes, name: str, *rest: object, **options: object) -> None:
            given.append((archive, name))
            super().__init__(archive, name, *rest, **options)
            jobs.append(self)

        def start(self) -> None:
            pass

    monkeypatch.setattr(cases_batch, "Job", Recorded)
    files = [("ward/two/note.txt", b"fever"), ("ward/one/note.txt", b"cough")]
    for turn in (files, list(reversed(files))):
        page.run()
        page.file_uploader(key="batch-folder").set_value([(name, data, "text/plain") for name, data in turn])
        press(page.run(), "Run")
        assert not page.exception
    for job in jobs:
        job.dismiss()
    (archive, name), again = given
    assert again == (archive, name), "the same folder goes on where it was cut short"
    assert name == "ward"
    with zipfile.ZipFile(io.BytesIO(archive)) as unpacked:
        assert {entry: unpacked.read(entry) for entry in unpacked.namelist()} == dict(files)


def test_while_the_first_batch_runs_nobody_is_told_that_nothing_is_saved(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Running(Job):
        def start(self) -> None:
            self._progress = Progress(Phase.RUNNING, done=1, total=3, current="two")

    monkeypatch.setattr(cases_batch, "Job", Running)
    page.run()
    page.file_uploader(key="batch-folder").set_value([("ward/one/note.txt", b"cough", "text/plain")])
    press(page.run(), "Run")
    assert not page.exception
    shown = everything(page)
    job = cases_batch.place(LOCAL).job
    assert job is not None
    job.dismiss()
    assert "1 of 3 cases, now at two" in shown
    assert "Nothing is saved yet" not in shown
    assert "Add a sample case" not in shown


def test_deleting_returns_to_the_list(page: AppTest, mine: Worklist) -> None:
    case = save(mine, "canary")
    opened(page, case)
    press(page, "Delete for good")

    assert not page.exception
    assert mine.search().total == 0
    assert "case" not in page.query_params
    assert "canary" not in everything(page)


def test_two_readers_never_see_each_others_cases(
    page: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ids = {
        name: save(store.worklist(name), f"canary-{name}", note=f"The canary-note-{name} coughs.".encode())
        for name in ("one", "two")
    }
    for me, other in (("one", "two"), ("two", "one")):
        monkeypatch.setattr(cases_owner, "owner", lambda user, address, by_token, me=me: me)
        page.query_params.clear()
        page.run()
        assert f"canary-{me}" in everything(page)
        assert f"canary-{other}" not in everything(page)
        reader = at_cases()
        opened(reader, ids[me])
        assert f"canary-note-{me}" in everything(reader)
        opened(reader, ids[other])
        assert "no such case" in reader.info[0].value
        assert f"canary-{other}" not in everything(reader)
        assert f"canary-note-{other}" not in everything(reader)
    assert store.worklist("one").search(Query(search="canary-two")).total == 0
    assert "canary" not in caplog.text


def test_whose_worklist_it_is() -> None:
    claims = {"is_logged_in": True, "iss": "https://id", "sub": "17", "email": "doe@example.org"}

    assert owner({"is_logged_in": False}, "127.0.0.1") == LOCAL
    assert owner({}, "localhost") == LOCAL
    assert owner({}, "0.0.0.0") is None
    assert owner({}, "") is None
    mine = owner(claims, "0.0.0.0")
    assert mine is not None
    assert len(mine) == 64
    assert mine == owner(claims, "127.0.0.1")
    assert mine != owner({**claims, "sub": "18"}, "")
    assert mine != owner({**claims, "iss": "https://other"}, "")


def test_without_sign_in_a_shared_server_keeps_nothing(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases_owner, "owner", lambda user, address, by_token: None)
    page.run()

    assert "sign in" in page.info[0].value
    assert [one.label for one in page.button] == []


def test_a_broken_database_is_told(page: AppTest, database: Path) -> None:
    database.parent.mkdir()
    database.write_text("not a database, " * 100)
    page.run()

    assert not page.exception
    assert "is none" in page.error[0].value


@pytest.mark.parametrize("keep", [False, True])
def test_saving_from_the_diagnose_page_is_the_readers_own_act(
    app: AppTest, double: Double, database: Path, keep: bool
) -> None:
    app.run()
    press(app, "Pneumonia")
    assert not database.exists(), "nothing is opened before it is asked for"

    next(one for one in app.text_input if one.label == "Title").set_value("Bed 7")
    if keep:
        next(one for one in app.checkbox if one.label == "Keep the files too").check()
    press(app, "Save")

    assert not app.exception
    assert [one.value for one in (*app.error, *app.warning)] == []
    assert "Open in Cases" in [one.label for one in app.button]
    store = Store()
    cases = store.worklist(LOCAL).search().cases
    assert [(case.title, case.has_inputs) for case in cases] == [("Bed 7", keep)]
    store.close()


def exporting(page: AppTest) -> tuple[bool, str]:
    """Whether corrections can be downloaded, and what the page says of them."""
    button = next(one for one in page.get("download_button") if one.proto.label == "Corrections to train on")
    return not button.proto.disabled, "\n".join(element.proto.body for element in page.get("html"))


def test_where_there_are_no_corrections_the_page_says_how_to_get_some(page: AppTest, mine: Worklist) -> None:
    bare = save(mine, "without its files")
    mine.review(bare, Review(Verdict.DISAGREE, {"pneumonia": 1}))
    page.run()
    assert not page.exception
    given, words = exporting(page)
    assert not given
    assert "There are no corrections to train on yet" in words
    assert "Keep the files too" in words
    kept = save(mine, "with its files", note=b"Cough and fever.")
    assert not exporting(page.run())[0], "a case that nobody reviewed corrects nothing"
    mine.review(kept, Review(Verdict.AGREE, {"pneumonia": 1}))
    given, words = exporting(page.run())
    assert given
    assert "no corrections" not in words


def test_a_label_is_found_by_the_fields_own_word_too(page: AppTest, mine: Worklist) -> None:
    case = save(mine, "A case")
    opened(page, case)
    offered = page.multiselect(key=f"Present-{case}").options
    for word in ("atelectasis", "pleural effusion", "COPD", "mitral regurgitation", "Collapsed lung tissue"):
        assert any(word in option for option in offered), word
    assert len(offered) == len(set(offered))
