"""``multimodal diagnose``, ``batch`` and ``phantom``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pypdf import PdfReader

from multimodal.case import Diagnosis
from multimodal.cli import run


def test_diagnose_prints_the_contract_as_json(zoo: Path, patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diagnose", str(patient), "--age", "67", "--sex", "F", "--json"]) == 0

    out = capsys.readouterr().out
    raw = json.loads(out)
    assert set(raw) == {
        "case_id",
        "labels",
        "by_modality",
        "by_subset",
        "shares",
        "quality",
        "warnings",
        "items",
        "models",
        "version",
        "elapsed_ms",
        "explanations",
    }
    assert {"label", "name", "probability", "present", "set"} <= set(raw["labels"][0])
    assert set(raw["by_modality"]) == {"image", "audio", "text"}
    assert len(raw["by_subset"]) == 7
    assert Diagnosis.from_json(out).models["image"].name == "tiny"


def test_a_name_cannot_rewrite_the_terminal(zoo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "[red]a\x1b[2J\u202eb.txt"
    (tmp_path / name).write_text("Cough and fever for three days.")
    (tmp_path / f"bad{name}").write_bytes(bytes(100))
    assert run(["diagnose", str(tmp_path / name), str(tmp_path / f"bad{name}")]) == 0
    assert run(["diagnose", str(tmp_path / f"bad{name}")]) == 2
    out, err = capsys.readouterr()
    assert "Case [red]a [2J b" in out
    assert not {"\x1b", "\u202e"} & {*out, *err}


def test_diagnose_prints_a_table_for_people(zoo: Path, patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diagnose", f"note:{patient / 'note.txt'}", str(patient / "film.dcm")]) == 0

    out = capsys.readouterr().out
    assert "Pneumonia" in out
    assert "image=tiny" in out
    assert "not a medical device" in out


def test_a_file_that_cannot_be_read_is_told_and_the_rest_goes_on(
    zoo: Path, patient: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.dcm"
    broken.write_bytes((patient / "film.dcm").read_bytes()[:300])

    assert run(["diagnose", str(patient / "note.txt"), str(broken)]) == 0

    assert "broken.dcm" in capsys.readouterr().out


def test_a_prevalence_moves_the_answer(zoo: Path, patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = []
    for prevalence in ("0.01", "0.9"):
        assert run(["diagnose", str(patient), "--prevalence", f"pneumonia={prevalence}", "--json"]) == 0
        diagnosis = Diagnosis.from_json(capsys.readouterr().out)
        answers.append({result.label: result.probability for result in diagnosis.labels})

    assert answers[0]["pneumonia"] < answers[1]["pneumonia"]
    assert answers[0]["crackles"] == pytest.approx(answers[1]["crackles"])


def test_a_report_is_written_beside_the_answer(
    zoo: Path, patient: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.pdf"
    assert run(["diagnose", str(patient), "--json", "--report", str(out)]) == 0
    given = Diagnosis.from_json(capsys.readouterr().out)
    (page,) = PdfReader(out).pages
    words = page.extract_text()
    assert all(item.sha256 in words for item in given.items)
    assert "Orange: what speaks for" in words

    assert run(["diagnose", str(patient), "--report", str(tmp_path / "none" / "out.pdf")]) == 2
    assert "can't be written" in capsys.readouterr().err


def test_a_label_is_explained_on_request(zoo: Path, patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diagnose", str(patient), "--explain", "auto", "--explain", "pneumonia", "--json"]) == 0
    out = capsys.readouterr().out
    found, by_modality = (json.loads(out)[key] for key in ("explanations", "by_modality"))
    speak = {modality for modality, answers in by_modality.items() if "pneumonia" in answers}
    assert {entry["modality"] for entry in found if entry["label"] == "pneumonia"} == speak >= {"image", "text"}
    assert all(entry["method"] and "faithfulness" in entry for entry in found)
    assert Diagnosis.from_json(out).explanations == tuple(found)

    assert run(["diagnose", str(patient), "--explain", "pneumonia"]) == 0
    shown = capsys.readouterr().out
    assert "film.dcm, pneumonia" in shown
    assert run(["diagnose", str(patient), "--explain", "plague"]) == 2
    assert "plague" in capsys.readouterr().err


def test_batch_writes_a_line_a_case_and_resumes(
    zoo: Path, phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.jsonl"
    arguments = ["batch", str(phantoms / "manifest.csv"), "--out", str(out)]

    assert run(arguments) == 0
    first = out.read_text(encoding="utf-8")
    assert "2 diagnosed, 0 failed." in capsys.readouterr().err
    assert run(arguments) == 2
    assert run([*arguments, "--resume"]) == 0

    assert out.read_text(encoding="utf-8") == first
    assert [Diagnosis.from_json(line).models["text"].name for line in first.splitlines()] == ["tiny", "tiny"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "2 done before" in captured.err


def test_phantoms_are_files_with_a_truth(phantoms: Path) -> None:
    header, *rows = (phantoms / "manifest.csv").read_text(encoding="utf-8").splitlines()

    assert {"case_id", "path", "kind", "pneumonia"} <= set(header.split(","))
    assert len(rows) == 8
    assert sorted(path.name for path in phantoms.rglob("*.*") if path.parent != phantoms) == sorted(
        ["film.dcm", "heart.wav", "lung.wav", "note.txt"] * 2
    )
