"""Many cases to one JSON line each, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from multimodal.batch import BatchSummary, run_batch
from multimodal.case import Case, Diagnosis
from multimodal.errors import ManifestError, NonFiniteError, UsageError
from multimodal.formats import ManifestCase


class Echo:
    """An engine that answers with the case's name, fails or stops where it is told to."""

    def __init__(self, trouble: Mapping[str, BaseException] | None = None) -> None:
        self.trouble = trouble or {}
        self.seen: list[str] = []

    def diagnose(self, case: Case) -> Diagnosis:
        self.seen.append(case.case_id)
        if case.case_id in self.trouble:
            raise self.trouble[case.case_id]
        return Diagnosis(case.case_id, (), {}, {}, {}, (), (), (), {}, "0", 0.0)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Five cases with a note each; the note of case 3 is empty, and case 5 leads out of the folder."""
    rows = ["case_id,path,kind"]
    for number in (4, 1, 3, 2):
        note = "" if number == 3 else f"Patient {number} has a cough and fever since Monday."
        (tmp_path / f"{number}.txt").write_text(note, encoding="utf-8")
        rows.append(f"case-{number},{number}.txt,note")
    rows.append("case-5,../secret.txt,note")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_one_line_a_case_in_the_order_of_the_manifest(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"

    summary = run_batch(manifest, out, Echo())

    assert summary == BatchSummary(diagnosed=3, failed=2, skipped=0)
    assert [line["case_id"] for line in lines(out)] == ["case-4", "case-1", "case-3", "case-2", "case-5"]
    assert Diagnosis.from_json(out.read_text(encoding="utf-8").splitlines()[0]).case_id == "case-4"


def test_a_bad_case_becomes_a_line_with_its_code(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    trouble = {"case-1": NonFiniteError("The network gave NaN."), "case-2": ZeroDivisionError("a secret")}

    summary = run_batch(manifest, out, Echo(trouble))

    assert summary.failed == 4
    errors = {line["case_id"]: line["error"] for line in lines(out) if "error" in line}
    assert {name: error["code"] for name, error in errors.items()} == {  # type: ignore[index]
        "case-1": "non_finite",
        "case-2": "error",
        "case-3": "empty_case",
        "case-5": "empty_case",
    }
    assert "secret" not in str(errors["case-2"])


def test_an_interrupted_run_is_resumed_without_doing_a_case_twice(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_batch(manifest, out, Echo({"case-2": KeyboardInterrupt()}))
    assert [line["case_id"] for line in lines(out)] == ["case-4", "case-1", "case-3"]

    second = Echo()
    summary = run_batch(manifest, out, second)

    assert second.seen == ["case-2"]
    assert summary == BatchSummary(diagnosed=1, failed=1, skipped=3)
    assert [line["case_id"] for line in lines(out)] == ["case-4", "case-1", "case-3", "case-2", "case-5"]


def test_resuming_survives_a_last_line_torn_anywhere(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    run_batch(manifest, out, Echo())
    whole = [(line["case_id"], "error" in line) for line in lines(out)]
    written = out.read_bytes()
    last = written[: written[:-1].rfind(b"\n") + 1]

    for cut in range(len(last), len(written)):
        out.write_bytes(written[:cut])
        assert run_batch(manifest, out, Echo()).skipped == 4
        assert [(line["case_id"], "error" in line) for line in lines(out)] == whole


def test_a_finished_run_has_nothing_left(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    run_batch(manifest, out, Echo())
    before = out.read_bytes()

    assert run_batch(manifest, out, Echo()) == BatchSummary(diagnosed=0, failed=0, skipped=5)
    assert out.read_bytes() == before


def test_results_are_never_written_over(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    run_batch(manifest, out, Echo())

    with pytest.raises(UsageError, match="holds results already"):
        run_batch(manifest, out, Echo(), resume=False)


@pytest.mark.parametrize("content", ["a letter", "a letter\n", '{"case_id": oops}\n', '{"case_id": "a"}\nx'])
def test_a_file_that_holds_something_else_is_left_alone(manifest: Path, tmp_path: Path, content: str) -> None:
    out = tmp_path / "letter.txt"
    out.write_text(content, encoding="utf-8")

    with pytest.raises(UsageError, match=r"letter\.txt: Line . is not a result"):
        run_batch(manifest, out, Echo())

    assert out.read_text(encoding="utf-8") == content


def test_what_cannot_be_read_or_written_is_told(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        run_batch(tmp_path / "none.csv", tmp_path / "results.jsonl", Echo())
    with pytest.raises(UsageError, match="cannot be written"):
        run_batch(manifest, tmp_path / "no" / "folder.jsonl", Echo())


def test_progress_sees_the_cases_that_are_left(manifest: Path, tmp_path: Path) -> None:
    seen: list[str] = []

    def track(cases: Sequence[ManifestCase]) -> Sequence[ManifestCase]:
        seen.extend(case.case_id for case in cases)
        return cases

    run_batch(manifest, tmp_path / "results.jsonl", Echo(), track=track)

    assert seen == ["case-4", "case-1", "case-3", "case-2", "case-5"]
