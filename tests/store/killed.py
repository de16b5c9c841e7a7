"""A program that is killed again and again while it writes; run as ``python -m tests.store.killed URL TIMES``.

Prints how many kills fell into a commit, how many cases were there over all rounds, and what wasn't whole.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import sys
import time

from sqlalchemy import text

from multimodal.formats import Kind
from multimodal.store import Review, Store, StoredInput, Verdict
from tests.store.made import diagnosis, item, result

ANSWER = diagnosis(
    result("pneumonia", 0.8), result("murmur", 0.2), items=(item("a.txt", "text"),), models={"text": "net"}
)
KEPT = StoredInput(Kind.NOTE, "a.txt", ANSWER.items[0].sha256, b"kept " * 8000)
TORN = """
    SELECT count(*) FROM cases WHERE (SELECT count(*) FROM case_labels WHERE case_id = cases.id) NOT IN (2, 3)
       OR (SELECT count(*) FROM case_models WHERE case_id = cases.id) != 1
       OR (SELECT sum(length(data)) FROM case_inputs WHERE case_id = cases.id) != 40000
       OR (verdict IS NULL) != (reviewed IS NULL)
"""
ORPHANS = "SELECT count(*) FROM {} WHERE case_id NOT IN (SELECT id FROM cases)"


def write_for_ever(store: Store, committing: mmap.mmap) -> None:
    mine = store.worklist("me")
    while True:
        committing[0] = 1
        case = mine.save(ANSWER, title="case", inputs=[KEPT])
        mine.review(case, Review(Verdict.AGREE, {"pneumonia": 1, "crackles": 1}))
        committing[0] = 0
        committing[1] = min(255, committing[1] + 1)


def found(store: Store, url: str) -> tuple[int, list[str]]:
    """How many cases there are, and what isn't whole; the cases are removed."""
    with store.reading() as session:
        wrong = []
        if url.startswith("sqlite"):
            wrong += [word for word in session.scalars(text("PRAGMA integrity_check")) if word != "ok"]
        wrong += ["torn"] * (session.scalar(text(TORN)) or 0)
        for table in ("case_labels", "case_models", "case_inputs"):
            wrong += [f"orphan in {table}"] * (session.scalar(text(ORPHANS.format(table))) or 0)
        count = session.scalar(text("SELECT count(*) FROM cases")) or 0
    with store.writing() as session:
        session.execute(text("DELETE FROM cases"))
    return count, wrong


def main(url: str, times: int) -> None:
    random.seed(0)
    store = Store(url)
    found(store, url)
    committing = mmap.mmap(-1, 2)  # whether the child commits, and how often it has
    within, cases, wrong = 0, 0, []
    for _ in range(times):
        committing[:] = bytes(2)
        store.close()  # a connection must not be carried across a fork
        child = os.fork()
        if child == 0:
            write_for_ever(store, committing)
        whole = random.randint(0, 3)
        while committing[1] < whole or not committing[0]:  # however busy the machine is
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.01))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        within += committing[0]
        count, broken = found(store, url)
        cases += count
        wrong += broken
    sys.stdout.write(json.dumps({"within": within, "cases": cases, "wrong": wrong}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
