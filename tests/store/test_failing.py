"""Killed, full, read-only: everything that was said to be kept is there, and nothing is there in part."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from multimodal.errors import StoreError
from multimodal.store import Query, Review, Store, Verdict
from tests.store.made import diagnosis, result

ROOT = Path(__file__).parents[2]
KILLS = 100
CASES = 40
BATCH = """
import sys, time
from pathlib import Path
from multimodal.store import Store
from multimodal.ui.cases_job import Job
from tests.ui.made import Double

class Slow(Double):
    def diagnose(self, case):
        time.sleep(0.02)
        return super().diagnose(case)

mine = Store(sys.argv[1]).worklist("me")
job = Job(Path(sys.argv[2]).read_bytes(), "b.zip", mine, Slow(), models="m", keep_files=False)
job.start()
print("started", flush=True)
job.wait()
print(job.progress.phase, flush=True)
"""
FULL = """
import resource, signal, sys
from multimodal.errors import StoreError
from multimodal.formats import Kind
from multimodal.store import Store, StoredInput
from tests.store.made import diagnosis
mine = Store(sys.argv[1]).worklist("me")
mine.save(diagnosis(), title="one")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
try:
    mine.save(diagnosis(), title="two", inputs=[StoredInput(Kind.NOTE, "a.txt", "0" * 64, bytes(1_000_000))])
except StoreError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, limit)
mine.save(diagnosis(), title="three")
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def titles(url: str) -> list[str]:
    store = Store(url)
    found = sorted(case.title for case in store.worklist("me").search(Query(limit=None)).cases)
    store.close()
    return found


@pytest.mark.timeout(600)
def test_killed_a_hundred_times_while_it_commits_nothing_is_there_in_part(url: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-m", "tests.store.killed", url, str(KILLS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert killed.returncode == 0, killed.stderr
    told = json.loads(killed.stdout)
    assert told["wrong"] == []
    assert told["within"] > KILLS / 2, "most kills must fall into a commit, or nothing is tested"
    assert told["cases"] >= KILLS, "commits must have gone through, one and a half a round on average"


@pytest.mark.timeout(600)
def test_a_batch_that_is_killed_goes_on_where_it_was(url: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        rows = "".join(f"c{number:02},{number}.txt,note\n" for number in range(CASES))
        made.writestr("manifest.csv", f"case_id,path,kind\n{rows}")
        for number in range(CASES):
            made.writestr(f"{number}.txt", "Cough for three days.")
    archive = tmp_path / "batch.zip"
    archive.write_bytes(buffer.getvalue())
    random.seed(1)
    done = [0]
    store = Store(url)

    def count() -> int:
        return store.worklist("me").search(Query(limit=1)).total

    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", BATCH, url, str(archive)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        with child.stdout:
            assert child.stdout.readline() == "started\n"
            while count() <= done[-1] and child.poll() is None:
                time.sleep(0.02)
            time.sleep(random.uniform(0, 0.1))
            child.kill()
            child.wait()
        done.append(count())
    store.close()
    finished = run(BATCH, url, str(archive))

    assert finished.stdout == "started\ndone\n", finished.stderr
    assert 0 < done[1] < done[2] < done[3] <= CASES
    assert titles(url) == [f"c{number:02}" for number in range(CASES)]


def test_a_disk_that_takes_no_more_bytes_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'cases.db'}"

    full = run(FULL, url)

    assert (full.returncode, full.stderr) == (0, "")
    assert full.stdout in (
        "The disk is full; nothing was changed.\n",
        "The database can't be reached, read or written.\n",
    )
    assert titles(url) == ["one", "three"]
    store = Store(url)
    with store.reading() as session:
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"
    store.close()


def test_a_read_only_database_is_read_and_not_changed(url: str) -> None:
    store = Store(url)
    case = store.worklist("me").save(diagnosis(result("pneumonia", 0.8)), title="one")
    store.close()
    read_only = Store(f"{url}%20-cdefault_transaction_read_only%3Don" if url.startswith("postgresql") else url)
    if url.startswith("sqlite"):
        with read_only.reading() as session:
            session.connection().exec_driver_sql("PRAGMA query_only = ON")
    mine = read_only.worklist("me")

    for change in (
        lambda: mine.save(diagnosis(), title="two"),
        lambda: mine.review(case, Review(Verdict.AGREE)),
        lambda: mine.delete(case),
    ):
        with pytest.raises(StoreError, match="may only be read; nothing was changed"):
            change()

    assert mine.get(case).review is None
    read_only.close()
    assert titles(url) == ["one"]
