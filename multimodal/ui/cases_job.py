"""A batch in the background: one thread, one archive, results into the worklist. No Streamlit."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from threading import Event, Lock, Thread
from typing import Any

from multimodal.batch import Diagnoser, run_batch
from multimodal.case import Case, Diagnosis
from multimodal.errors import MultimodalError, UsageError
from multimodal.formats import Limits, ManifestCase, open_archive
from multimodal.formats.guard import typed
from multimodal.labels import LABELS
from multimodal.store import Worklist, csv_table, inputs_of

_MANIFEST = "manifest.csv"
_RESULTS = "results.jsonl"
_PREFIX = "multimodal-batch-"


class Phase(StrEnum):
    """Where a batch stands."""

    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Progress:
    """A batch at one moment.

    Attributes:
        phase: Where it stands.
        done: Cases that are finished, with an answer or an error.
        total: Cases in all; 0 until the archive is unpacked.
        current: Name of the case at work.
        problem: Why it failed as a whole, or None.
        failures: Case and reason for every case without an answer, once it no longer runs.
    """

    phase: Phase
    done: int = 0
    total: int = 0
    current: str = ""
    problem: str | None = None
    failures: tuple[tuple[str, str], ...] = ()


class Job:
    """One batch of one owner, from start to dismissal.

    What is unpacked lies in a folder of its own that only this user can read, until the batch is done or
    dismissed. A batch that is given again, after a restart too, goes on behind the cases that are in the worklist.

    Args:
        archive: A zip with ``manifest.csv``, or with a folder a case.
        name: Its name, for errors.
        worklist: Where answers go.
        engine: Answers for a case; shared with whoever uses it at the same time.
        models: Key of the choice of models; another choice is another batch.
        keep_files: Whether the films and sounds are kept with the answers.
    """

    def __init__(
        self, archive: bytes, name: str, worklist: Worklist, engine: Diagnoser, *, models: str, keep_files: bool
    ) -> None:
        self.name = name
        self.key = sha256(sha256(archive).digest() + models.encode()).hexdigest()
        self._archive: bytes | None = archive
        self._worklist = worklist
        self._engine = engine
        self._keep_files = keep_files
        _sweep()
        self._folder = TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-")
        self._manifest: Path | None = None
        self._results = b""
        self._stop = Event()
        self._lock = Lock()
        self._progress = Progress(Phase.STOPPED)
        self._thread: Thread | None = None

    @property
    def progress(self) -> Progress:
        """Where it stands now."""
        with self._lock:
            return self._progress

    @property
    def jsonl(self) -> bytes:
        """The results so far, a line a case, as ``multimodal batch`` writes them."""
        out = Path(self._folder.name) / _RESULTS
        with suppress(FileNotFoundError):
            return out.read_bytes()
        return self._results

    def start(self) -> None:
        """Run, or go on behind what is done; returns at once."""
        if self._thread is None or not self._thread.is_alive():
            self._stop.clear()
            self._tell(phase=Phase.RUNNING, problem=None, failures=())
            self._thread = Thread(target=self._run, name="batch", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop after the case at work."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the thread to end."""
        if self._thread is not None:
            self._thread.join(timeout)

    def dismiss(self) -> None:
        """Stop, and remove everything but what is in the worklist."""
        self.stop()
        self.wait()
        self._folder.cleanup()
        self._archive, self._results = None, b""

    def csv(self) -> str:
        """The results as a table, a row a case: the probabilities, or why there are none."""
        rows = []
        for line in _lines(self.jsonl):
            labels = {label["label"]: round(label["probability"], 4) for label in line.get("labels", ())}
            error = line.get("error")
            rows.append({"case_id": line["case_id"], "error": error["message"] if error else "", **labels})
        return csv_table(rows, ("case_id", "error", *LABELS))

    def _run(self) -> None:
        folder = Path(self._folder.name)
        try:
            if self._manifest is None:
                self._manifest = self._unpacked(folder / "in")
                self._resume(folder / _RESULTS)
            run_batch(self._manifest, folder / _RESULTS, _Saving(self), track=self._track)
        except MultimodalError as error:
            self._tell(phase=Phase.FAILED, problem=error.message)
            return
        except Exception as error:  # the thread has nobody to raise to
            self._tell(phase=Phase.FAILED, problem=f"The program failed on this batch ({type(error).__name__}).")
            return
        self._results = self.jsonl
        stopped = self._stop.is_set() and self.progress.done < self.progress.total
        if not stopped:
            self._folder.cleanup()
        failures = tuple(
            (str(line["case_id"]), str(line["error"]["message"])) for line in _lines(self._results) if "error" in line
        )
        self._tell(phase=Phase.STOPPED if stopped else Phase.DONE, current="", failures=failures)

    def answer(self, case: Case) -> Diagnosis:
        """Diagnose a case and put it into the worklist."""
        diagnosis = self._engine.diagnose(case)
        # Nobody has seen what the screening of these notes leaves, so no note is kept.
        inputs = inputs_of(replace(case, texts=())) if self._keep_files else ()
        self._worklist.save(diagnosis, title=case.case_id, inputs=inputs, batch=self.key)
        return diagnosis

    def _unpacked(self, folder: Path) -> Path:
        """Path of the manifest of the unpacked archive."""
        data = self._archive or b""
        if not data.startswith(b"PK"):
            raise UsageError("Give the batch as a zip archive.", file=self.name)
        limits = Limits.from_environment()
        archive, members = open_archive(data, self.name, replace(limits, case_files=limits.manifest_rows))
        with archive, typed(self.name, "zip archive"):
            for member in members:
                archive.extract(member, folder)
        self._archive = None
        found = sorted(folder.rglob(_MANIFEST), key=lambda path: len(path.parts))
        return found[0] if found else _folders_as_cases(folder, self.name)

    def _resume(self, out: Path) -> None:
        """Begin the results with what the worklist holds of this very batch."""
        known = self._worklist.batch(self.key)
        lines = (replace(diagnosis, case_id=title).to_json() for title, diagnosis in known.items())
        out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _track(self, left: Sequence[ManifestCase]) -> Iterator[ManifestCase]:
        before = self.jsonl.count(b"\n")
        self._tell(done=before, total=before + len(left))
        for number, case in enumerate(left, start=before + 1):
            if self._stop.is_set():
                return
            self._tell(current=case.case_id)
            yield case
            self._tell(done=number)

    def _tell(self, **changes: object) -> None:
        with self._lock:
            self._progress = replace(self._progress, **changes)  # type: ignore[arg-type]  # named above


@dataclass(frozen=True)
class _Saving:
    """The engine as the batch sees it: every answer goes into the worklist before its line is written."""

    job: Job

    def diagnose(self, case: Case) -> Diagnosis:
        """Answer for one case."""
        return self.job.answer(case)


def _folders_as_cases(folder: Path, name: str) -> Path:
    """Write the manifest of an archive that has none: every folder is a case."""
    root = folder
    while len(inside := [path for path in sorted(root.iterdir()) if path.is_dir()]) == 1:
        if any(path.is_file() for path in inside[0].iterdir()):
            break
        root = inside[0]
    if not inside:
        raise UsageError(f"The zip holds neither {_MANIFEST} nor a folder for each case.", file=name)
    manifest = root / _MANIFEST
    with manifest.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("case_id", "path"))
        for case in inside:
            rows.writerows((case.name, path.relative_to(root)) for path in sorted(case.rglob("*")) if path.is_file())
    return manifest


def _sweep() -> None:
    """Remove what batches of killed programs have left: a patient's files in a temporary folder."""
    for folder in Path(gettempdir()).glob(f"{_PREFIX}*-*"):
        program = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if program.isdecimal() and not _runs(int(program)):
            rmtree(folder, ignore_errors=True)


def _runs(program: int) -> bool:
    try:
        os.kill(program, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _lines(results: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.splitlines()]
