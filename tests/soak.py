"""Many records, one in ten with a hostile file, on the app's own way: decoding processes, engine, worklist.

``python -m tests.soak --records 500`` does it with the models that ship and prints what was found.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from multimodal.case import Case, Diagnosis
from multimodal.engine import Engine
from multimodal.errors import MultimodalError
from multimodal.formats import read_case
from multimodal.phantom import draw_patient, render
from multimodal.phantom.record import FILES
from multimodal.store import Store, inputs_of
from tests.hostile.inputs import REFUSED

PATIENTS = 8
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Found:
    """What many records have left behind.

    Attributes:
        records: How many there were.
        hostile: How many had a hostile file.
        refused: Of those, how many say so, be it of the file or of the whole record.
        differing: Clean records whose answer isn't that of the clean run.
        kept: Cases in the database at the end.
        processes: Decoding processes after a quarter and at the end.
        files: Open files of the program then.
        temporary: Temporary files then.
        memory_mb: Of the program and its decoding processes then.
        slope_kb: By which it grew a record, over the last three quarters.
    """

    records: int
    hostile: int
    refused: int
    differing: int
    kept: int
    processes: tuple[int, int]
    files: tuple[int, int]
    temporary: tuple[int, int]
    memory_mb: tuple[float, float]
    slope_kb: float


def soak(engine: Engine, records: int, folder: Path) -> Found:
    """Run that many records through, and look at what they leave."""
    tempfile.tempdir, before = str(folder / "tmp"), tempfile.tempdir
    (folder / "tmp").mkdir()
    store = Store(f"sqlite:///{folder / 'cases.db'}")
    try:
        return _soak(engine, records, store, folder / "tmp")
    finally:
        store.close()
        tempfile.tempdir = before


def _soak(engine: Engine, records: int, store: Store, temporary: Path) -> Found:
    given = [_files(seed) for seed in range(PATIENTS)]
    hostile_files = [one.make() for one in REFUSED]
    clean = [_answer(engine.diagnose(read_case(files))) for files in given]
    mine = store.worklist("soak")
    hostile = refused = differing = 0
    memory: list[int] = []
    quarter = (0, 0, 0)
    for number in range(records):
        files = given[number % PATIENTS]
        if is_hostile := number % 10 == 5:
            bad = hostile_files[hostile % len(hostile_files)]
            files, hostile = [("hostile", bad), *files[1:]], hostile + 1
        try:
            case = read_case(files)
            diagnosis = engine.diagnose(case)
            mine.save(diagnosis, title=f"{number}", inputs=inputs_of(case) if number % 25 == 0 else ())
        except MultimodalError:
            refused += is_hostile
            differing += not is_hostile
        else:
            refused += is_hostile and _refuses(case)
            differing += not is_hostile and _answer(diagnosis) != clean[number % PATIENTS]
        memory.append(sum(_resident(process) for process in (os.getpid(), *_children())))
        if number == records // 4:
            quarter = _counts(temporary)
    early = memory[records // 4 :]
    slope = float(np.polyfit(np.arange(len(early)), early, 1)[0])
    end = _counts(temporary)
    processes, files_open, temporary_files = zip(quarter, end, strict=True)
    return Found(
        records=records,
        hostile=hostile,
        refused=refused,
        differing=differing,
        kept=mine.search().total,
        processes=processes,
        files=files_open,
        temporary=temporary_files,
        memory_mb=(early[0] / 1e6, early[-1] / 1e6),
        slope_kb=slope / 1e3,
    )


def _files(seed: int) -> list[tuple[str, bytes]]:
    phantom = render(draw_patient(seed))
    return [(f"{kind}:{name}", phantom.files[name]) for kind, name in FILES.items()]


def _answer(diagnosis: Diagnosis) -> str:
    return replace(diagnosis, elapsed_ms=0.0).to_json()


def _refuses(case: Case) -> bool:
    return any(notice.refused for notice in case.problems)


def _counts(temporary: Path) -> tuple[int, int, int]:
    return len(_children()), len(os.listdir("/proc/self/fd")), sum(1 for _ in temporary.rglob("*"))  # noqa: PTH208


def _children() -> list[int]:
    return [
        int(child)
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
        if Path(f"/proc/{child}/statm").exists()
    ]


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=500)
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Engine(device="cpu"), parser.parse_args(arguments).records, Path(folder))
    sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")


if __name__ == "__main__":
    main()
