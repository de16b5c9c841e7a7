"""A batch in the background: answers into the worklist, stop, go on, restart."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from multimodal.case import Case, Diagnosis
from multimodal.store import Query, Sort, Store, Worklist
from multimodal.ui import cases_batch
from multimodal.ui.cases_job import Job, Phase
from tests.ui.made import Double

NOTE = "Patient {} has had a cough and a fever since Monday."


class Halting(Double):
    """Waits at a case until it is let go."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at, self.reached, self.let_go = at, Event(), Event()

    def diagnose(self, case: Case) -> Diagnosis:
        if case.case_id == self.at:
            self.reached.set()
            assert self.let_go.wait(30)
        return super().diagnose(case)


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def cohort() -> bytes:
    """Four cases with a note each; that of c is empty."""
    rows = "".join(f"{name},notes/{name}.txt,note\n" for name in "abcd")
    notes = {f"set/notes/{name}.txt": "" if name == "c" else NOTE.format(name) for name in "abcd"}
    return archive({"set/manifest.csv": f"case_id,path,kind\n{rows}", **notes})


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Worklist]:
    store = Store(f"sqlite:///{tmp_path / 'cases.db'}")
    yield store.worklist("me")
    store.close()


def job(data: bytes, mine: Worklist, engine: Double | None = None, keep: bool = False) -> Job:
    return Job(data, "cohort.zip", mine, engine or Double(), models="default", keep_files=keep)


def titles(mine: Worklist) -> list[str]:
    return [case.title for case in mine.search(Query(sort=Sort.TITLE, descending=False)).cases]


def folder(batch: Job) -> Path:
    return Path(batch._folder.name)


def test_every_answer_comes_into_the_worklist_and_the_results(cohort: bytes, mine: Worklist) -> None:
    batch = job(cohort, mine, keep=True)
    batch.start()
    batch.wait(60)

    now = batch.progress
    assert (now.phase, now.done, now.total) == (Phase.DONE, 4, 4)
    assert [name for name, _ in now.failures] == ["c"]
    assert titles(mine) == ["a", "b", "d"]
    lines = [json.loads(line) for line in batch.jsonl.splitlines()]
    assert [line["case_id"] for line in lines] == ["a", "b", "c", "d"]
    assert lines[2]["error"]["code"] == "empty_case"
    table = list(csv.DictReader(io.StringIO(batch.csv(), newline="")))
    assert float(table[0]["pneumonia"]) > 0
    assert table[2]["error"]
    first = mine.search(Query(search="a", sort=Sort.TITLE, descending=False)).cases[0]
    assert mine.inputs(first.id) == (), "a batch keeps no notes: nobody has seen what screening leaves of them"
    assert not folder(batch).exists(), "nothing that was unpacked stays"


def test_it_stops_after_the_case_at_work_and_goes_on(cohort: bytes, mine: Worklist) -> None:
    engine = Halting("b")
    batch = job(cohort, mine, engine)
    batch.start()
    assert engine.reached.wait(30)
    assert batch.progress.phase is Phase.RUNNING
    assert batch.progress.current == "b"
    batch.stop()
    engine.let_go.set()
    batch.wait(30)

    assert (batch.progress.phase, batch.progress.done, batch.progress.total) == (Phase.STOPPED, 2, 4)
    assert titles(mine) == ["a", "b"]

    batch.start()
    batch.wait(60)

    assert (batch.progress.phase, batch.progress.done) == (Phase.DONE, 4)
    assert titles(mine) == ["a", "b", "d"]
    assert [case.case_id for case in engine.calls] == ["a", "b", "d"]


def test_given_again_after_a_restart_it_does_only_what_is_left(cohort: bytes, mine: Worklist) -> None:
    engine = Halting("b")
    before = job(cohort, mine, engine)
    before.start()
    assert engine.reached.wait(30)
    before.stop()
    engine.let_go.set()
    before.wait(30)
    before.dismiss()
    assert not folder(before).exists()

    second = Double()
    after = job(cohort, mine, second)
    after.start()
    after.wait(60)

    assert [case.case_id for case in second.calls] == ["d"]
    assert titles(mine) == ["a", "b", "d"]
    assert sorted(json.loads(line)["case_id"] for line in after.jsonl.splitlines()) == ["a", "b", "c", "d"]
    assert (after.progress.done, after.progress.total) == (4, 4)


def test_another_choice_of_models_is_another_batch(cohort: bytes, mine: Worklist) -> None:
    one, again = job(cohort, mine), job(cohort, mine)
    other = Job(cohort, "cohort.zip", mine, Double(), models="other", keep_files=False)

    assert one.key == again.key
    assert one.key != other.key
    for batch in (one, again, other):
        batch.dismiss()


def test_a_zip_without_manifest_has_a_folder_for_each_case(mine: Worklist) -> None:
    files = {f"all/{name}/note.txt": NOTE.format(name) for name in ("x", "y")}
    batch = job(archive(files), mine)
    batch.start()
    batch.wait(60)

    assert batch.progress.phase is Phase.DONE
    assert titles(mine) == ["x", "y"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"a letter", "Give the batch as a zip"),
        (archive({"note.txt": "one note"}), "neither manifest.csv nor a folder"),
        (archive({"../evil/manifest.csv": "case_id,path\n"}), "land outside"),
        (archive({"manifest.csv": "name\n"}), "no column"),
        (b"PK\x03\x04 torn", "cut short"),
    ],
)
def test_an_archive_that_cannot_be_run_is_told(data: bytes, problem: str, mine: Worklist) -> None:
    batch = job(data, mine)
    batch.start()
    batch.wait(60)

    assert batch.progress.phase is Phase.FAILED
    assert problem in str(batch.progress.problem)
    assert mine.search().total == 0
    batch.dismiss()


def test_a_batch_has_one_owner() -> None:
    cases_batch.place("me").job = canary = object()  # type: ignore[assignment]

    assert cases_batch.place("me").job is canary
    assert cases_batch.place("you").job is None


def test_what_a_killed_program_left_unpacked_is_removed(
    cohort: bytes, mine: Worklist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, alive = (tmp_path / f"multimodal-batch-{program}-x" for program in (2**30, os.getpid()))
    for folder in (dead, alive):
        (folder / "in").mkdir(parents=True)

    Job(cohort, "b.zip", mine, Double(), models="m", keep_files=False).dismiss()

    assert not dead.exists()
    assert alive.exists()
