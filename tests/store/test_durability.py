"""What the database promises: private, whole, shared by processes, and rid of what was deleted."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from multimodal.errors import MissingExtraError, StoreError, UsageError
from multimodal.formats import Kind
from multimodal.store import DATABASE_VARIABLE, Review, Store, StoredInput, Verdict, Worklist, database_url
from tests.store.made import diagnosis, item, result

ROOT = Path(__file__).parents[2]
SAVER = """
import sys
from multimodal.store import Query, Review, Store, Verdict
from tests.store.made import diagnosis, result
mine = Store(sys.argv[1]).worklist("me")
for number in range(15):
    case = mine.save(diagnosis(result("pneumonia", 0.8)), title=f"{sys.argv[2]} {number}")
    mine.review(case, Review(Verdict.AGREE, {"pneumonia": 1}))
    if number % 3 == 0:
        mine.delete(case)
"""
KILLED = """
import os, sys
from multimodal.store import Store
from tests.store.made import diagnosis, result
mine = Store(sys.argv[1]).worklist("me")
mine.save(diagnosis(result("pneumonia", 0.8)), title="whole")
print("saved", flush=True)
with mine._sessions.writing() as session:
    session.connection().exec_driver_sql("UPDATE cases SET title = 'torn'")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "cases.db"


@pytest.fixture
def mine(file: Path) -> Iterator[Worklist]:
    store = Store(f"sqlite:///{file}")
    yield store.worklist("me")
    store.close()


def ask(file: Path, statement: str) -> object:
    """The first cell of an answer, past the store."""
    with closing(sqlite3.connect(file)) as connection, connection:
        row = connection.execute(statement).fetchone()
    return row and row[0]


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_the_file_is_the_users_alone_and_set_up_to_last(mine: Worklist, file: Path) -> None:
    mine.save(diagnosis(), title="one")

    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}
    with mine._sessions.reading() as session:
        connection = session.connection()
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "temp_store", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "temp_store": 2,
        "busy_timeout": 15_000,
    }


def test_two_processes_write_at_once_and_nothing_is_lost(url: str) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", SAVER, url, name], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    problems = [writer.communicate(timeout=120)[1] for writer in writers]

    assert problems == ["", ""]
    store = Store(url)
    assert store.worklist("me").search().total == 20
    store.close()


def test_a_process_that_is_killed_leaves_the_last_whole_state(file: Path) -> None:
    url = f"sqlite:///{file}"
    run = subprocess.run([sys.executable, "-c", KILLED, url], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (-9, "saved\n")

    store = Store(url)
    assert [case.title for case in store.worklist("me").search().cases] == ["whole"]
    store.close()
    assert ask(file, "PRAGMA integrity_check") == "ok"


def test_deleted_means_no_byte_is_left_in_any_file(mine: Worklist, file: Path) -> None:
    canaries = [b"canary-title", b"canary-comment", b"canary-finding", b"canary-model", b"canary-file"]
    answer = diagnosis(
        result("pneumonia", 0.8),
        items=(item("a.txt", "text"),),
        models={"text": "canary-model"},
        by_modality={"canary-finding": {}},
    )
    kept = StoredInput(Kind.NOTE, "a.txt", answer.items[0].sha256, b"canary-file " * 20_000)
    stays = mine.save(diagnosis(), title="stays")
    cases = [mine.save(answer, title=f"canary-title {number}", inputs=[kept]) for number in range(5)]
    for case in cases:
        mine.review(case, Review(Verdict.AGREE, {}, "canary-comment"))
    assert all(canary in bytes_of(file.parent) for canary in canaries)

    for case in cases:
        mine.delete(case)

    assert [canary for canary in canaries if canary in bytes_of(file.parent)] == []
    assert [case.id for case in mine.search().cases] == [stays]


def test_a_newer_database_is_refused_and_left_alone(mine: Worklist, file: Path) -> None:
    mine.save(diagnosis(), title="from the future")
    ask(file, "UPDATE store_version SET version = 99")

    with pytest.raises(StoreError, match="newer version"):
        Store(f"sqlite:///{file}")

    assert ask(file, "SELECT count(*) FROM cases") == 1


def test_a_failing_database_is_told_without_what_was_to_be_written(mine: Worklist, file: Path) -> None:
    with mine._sessions.writing() as session:
        session.connection().exec_driver_sql("DROP TABLE case_labels")

    with pytest.raises(StoreError) as caught:
        mine.save(diagnosis(result("pneumonia", 0.8)), title="canary")

    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_full_disk_changes_nothing(mine: Worklist, file: Path) -> None:
    mine.save(diagnosis(), title="one")
    with mine._sessions.reading() as session:
        pages = session.connection().exec_driver_sql("PRAGMA page_count").scalar()
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    big = StoredInput(Kind.NOTE, "a.txt", "0" * 64, bytes(1_000_000))

    with pytest.raises(StoreError, match="disk is full"):
        mine.save(diagnosis(), title="two", inputs=[big])

    assert [case.title for case in mine.search().cases] == ["one"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="can't be created"):
        Store(f"sqlite:///{tmp_path / 'no' / 'cases.db'}")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir or Madam, " * 100)

    with pytest.raises(StoreError, match="is none"):
        Store(f"sqlite:///{letter}")
    assert letter.read_text().startswith("Dear Sir")


@pytest.mark.parametrize("url", ["nonsense", "mysql://secret@host/name", "sqlite://", "sqlite:///:memory:", ""])
def test_a_url_of_something_else_is_refused_without_repeating_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    with pytest.raises(UsageError, match="Expected MULTIMODAL_DATABASE") as caught:
        Store(url or "x://")
    assert "secret" not in str(caught.value)


def test_postgresql_without_its_driver_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(MissingExtraError, match=r'pip install "multimodal-diagnosis\[postgres\]"'):
        Store("postgresql://somebody@127.0.0.1/none")


def test_the_environment_names_the_database(tmp_path: Path) -> None:
    assert database_url({DATABASE_VARIABLE: "sqlite:///a.db"}) == "sqlite:///a.db"
    assert database_url({}).startswith("sqlite:///")
    assert database_url({}).endswith("cases.db")


def test_the_store_needs_neither_torch_nor_streamlit() -> None:
    code = "import sys, multimodal.store; print(sorted({'torch', 'streamlit'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert run.stdout == "[]\n"
