"""Many cases from a manifest to one JSON line each: flushed, resumable, never stopped by a bad case."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from multimodal.case import Case, Diagnosis
from multimodal.errors import MultimodalError, UsageError
from multimodal.formats import ManifestCase, read_manifest

_HEAD = b'{"case_id": '
"""How every line of a results file begins; tells a torn line from a file that is none of ours."""


class Diagnoser(Protocol):
    """What turns a case into a diagnosis: the engine, or a client of a server."""

    def diagnose(self, case: Case) -> Diagnosis:
        """Answer for one case."""
        ...


@dataclass(frozen=True)
class BatchSummary:
    """What became of a batch.

    Attributes:
        diagnosed: Cases with an answer, written in this run.
        failed: Cases with an error, written in this run.
        skipped: Cases that an earlier run had written.
    """

    diagnosed: int
    failed: int
    skipped: int


def run_batch(
    manifest: str | Path,
    out: str | Path,
    engine: Diagnoser,
    *,
    resume: bool = True,
    track: Callable[[Sequence[ManifestCase]], Iterable[ManifestCase]] = iter,
) -> BatchSummary:
    """Diagnose every case of a manifest, in its order.

    A line is a :class:`Diagnosis` as JSON or, for a case that failed,
    ``{"case_id": ..., "error": {"code", "message", "file"}}``. Each is flushed when it is
    done, so that a run which is stopped at any point can be resumed.

    Args:
        manifest: ``manifest.csv``, one row a file.
        out: Results, one JSON line a case.
        engine: Answers for a case.
        resume: Go on with what ``out`` already holds: its cases are skipped, and a last
            line that was torn is done again. Otherwise ``out`` must be new or empty.
        track: Wraps the cases that are left to do; a progress bar, for example.

    Raises:
        ManifestError: If the manifest cannot be read at all.
        UsageError: If ``out`` cannot be written, or holds something else than results.
    """
    manifest, out = Path(manifest), Path(out)
    cases = read_manifest(manifest)
    try:
        finished = _finished(out, resume) if out.exists() else frozenset()
        left = [case for case in cases if case.case_id not in finished]
        failed = 0
        with out.open("a", encoding="utf-8") as results:
            for case in track(left):
                line, answered = _line(case, engine)
                results.write(line + "\n")
                results.flush()
                failed += not answered
    except OSError as error:
        raise UsageError(f"The results cannot be written ({error.strerror}).", file=out.name) from error
    return BatchSummary(diagnosed=len(left) - failed, failed=failed, skipped=len(cases) - len(left))


def _line(case: ManifestCase, engine: Diagnoser) -> tuple[str, bool]:
    """The JSON line of one case, and whether it holds an answer."""
    try:
        return engine.diagnose(case.read()).to_json(), True
    except MultimodalError as error:
        problem = {"code": error.code, "message": error.message, "file": error.file}
    except Exception as error:  # whatever it is, the other cases go on
        problem = {
            "code": "error",
            "message": f"The program failed on this case ({type(error).__name__}).",
            "file": None,
        }
    return json.dumps({"case_id": case.case_id, "error": problem}, ensure_ascii=False), False


def _finished(out: Path, resume: bool) -> frozenset[str]:
    """Identifiers of the cases with a whole line; a torn last line is cut off."""
    if not resume and out.stat().st_size:
        raise UsageError("The file holds results already: resume it, or name another.", file=out.name)
    finished = set()
    whole = 0
    with out.open("r+b") as results:
        for number, line in enumerate(results, start=1):
            if not line.startswith(_HEAD[: len(line)]):
                raise UsageError(f"Line {number} is not a result of a batch.", file=out.name)
            if not line.endswith(b"\n"):
                break
            try:
                finished.add(str(json.loads(line)["case_id"]))
            except ValueError as error:
                raise UsageError(f"Line {number} is not a result of a batch.", file=out.name) from error
            whole += len(line)
        results.truncate(whole)
    return frozenset(finished)
