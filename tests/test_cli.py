"""The command line, as a user types it: output, exit codes, one line for an error."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from multimodal.case import Diagnosis
from multimodal.cli import app, run
from multimodal.labels import Modality
from multimodal.zoo import Bundle
from tests.engine.tiny import save_branch

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo of one small untrained branch of each kind."""
    root = tmp_path_factory.mktemp("models")
    for modality in Modality:
        save_branch(root, modality, "tiny")
    (root / "defaults.json").write_text(json.dumps({**dict.fromkeys(Modality, "tiny"), "fusion": "late"}))
    return root


@pytest.fixture
def zoo(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MULTIMODAL_MODELS", str(models))
    return models


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two phantom patients and their manifest."""
    folder = tmp_path_factory.mktemp("phantoms")
    assert run(["phantom", "--n", "2", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def patient(phantoms: Path) -> Path:
    return sorted(path for path in phantoms.iterdir() if path.is_dir())[0]


def commands() -> list[str]:
    """Every command as it is typed."""

    def walk(command: object, name: str) -> list[str]:
        members = getattr(command, "commands", None)
        if members is None:
            return [name]
        return [found for word, member in members.items() for found in walk(member, f"{name} {word}".strip())]

    return walk(typer.main.get_command(app), "")


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout


def test_help_loads_neither_torch_nor_streamlit() -> None:
    code = (
        "import sys; from multimodal.cli import run; assert run(['--help']) == 0;"
        "print({'torch', 'transformers', 'streamlit', 'pandas'} & set(sys.modules))"
    )

    shown = python(code)

    assert shown.splitlines()[-1] == "set()"
    assert "not a medical device" in shown


@pytest.mark.parametrize("command", commands())
def test_every_command_has_help_and_stands_in_the_readme(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == 0

    assert len(capsys.readouterr().out.splitlines()) > 4
    group, _, member = command.partition(" ")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`multimodal {command}" in readme or (f"`multimodal {group}" in readme and f"`{group} {member}" in readme)


def test_the_entry_point_returns_the_exit_code() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv = ['multimodal', 'nonsense']; from multimodal.cli import main; main()",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == ["multimodal: No such command 'nonsense'."]


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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["diagnose"], "Missing argument"),
        (["diagnose", "none.png"], "none.png"),
        (["diagnose", "{patient}", "--model", "image"], "NAME=VALUE"),
        (["diagnose", "{patient}", "--model", "image=none"], "tiny"),
        (["diagnose", "{patient}", "--model", "colour=tiny"], "image, audio, text, fusion"),
        (["diagnose", "{patient}", "--model", "image=tiny", "--model", "image=tiny"], "twice"),
        (["diagnose", "{patient}", "--prevalence", "pneumonia=often"], "number"),
        (["diagnose", "{patient}", "--prevalence", "pneumonia=2"], "0"),
        (["diagnose", "{patient}", "--prevalence", "gout=0.2"], "gout"),
        (["diagnose", "{patient}", "--age", "-3"], "--age"),
        (["diagnose", "{patient}", "--sex", "X"], "--sex"),
        (["batch", "none.csv", "--out", "results.jsonl"], "none.csv"),
        (["batch", "{patient}/../manifest.csv"], "--out"),
        (["zoo", "show", "image"], "KIND/NAME"),
        (["zoo", "show", "image/none"], "tiny"),
        (["evaluate", "image/tiny"], "--data"),
        (["evaluate", "image/tiny", "--data", "none"], "none"),
        (["evaluate", "fusion/late", "--data", "none"], "NAME=VALUE"),
        (["evaluate", "fusion/late", "--data", "colour=none"], "image, audio, text"),
        (["evaluate", "fusion/none", "--cases", "{patient}/../manifest.csv"], "none"),
        (["evaluate", "image/tiny", "--cases", "{patient}/../manifest.csv"], "--data"),
        (["train", "image", "--arch", "none", "--data", "none", "--out", "run"], "none"),
        (["train", "colour", "--arch", "none", "--data", "none", "--out", "run"], "colour"),
        (["phantom", "--n", "0", "--out", "run"], "--n"),
    ],
)
def test_bad_input_ends_in_one_line_and_exit_code_2(
    arguments: list[str],
    told: str,
    zoo: Path,
    patient: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    code = run([argument.format(patient=patient) for argument in arguments])

    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith("multimodal: ")
    assert told in captured.err


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


def test_zoo_lists_shows_and_verifies(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    tiny = next(entry for entry in listed if (entry["kind"], entry["name"]) == ("image", "tiny"))
    assert list(tiny) == ["kind", "name", "default", "arch", "labels", "parameters", "sha256"]
    assert tiny["default"] is True
    assert tiny["arch"] == "small_cnn"
    assert len(tiny["sha256"]) == 64

    assert run(["zoo", "list"]) == 0
    assert "image/tiny" in capsys.readouterr().out
    assert run(["zoo", "show", "image/tiny"]) == 0
    assert "small_cnn" in capsys.readouterr().out
    assert run(["zoo", "verify", "image/tiny"]) == 0
    assert capsys.readouterr().out == "image/tiny: ok\n"


def test_a_changed_bundle_is_no_fault_of_the_user(
    zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "image" / "changed"
    bundle.mkdir(parents=True)
    for file in (zoo / "image" / "tiny").iterdir():
        content = file.read_bytes()
        (bundle / file.name).write_bytes(
            content.replace(b'"tiny"', b'"changed"') if file.suffix == ".json" else content + b"\0"
        )
    monkeypatch.setenv("MULTIMODAL_MODELS", str(tmp_path))

    assert run(["zoo", "verify", "image/changed"]) == 1

    captured = capsys.readouterr()
    assert captured.out.startswith("image/changed: ")
    assert captured.err == "multimodal: Bundles that cannot be used: image/changed.\n"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder of labelled notes of twelve patients in each split."""
    folder = tmp_path / "notes"
    folder.mkdir()
    rows = ["text,indication,patient_id,split,pneumonia"]
    for number in range(24):
        sick, split = number % 2, "train" if number < 12 else "val"
        finding, reason = ("crackles at the right base", "Cough") if sick else ("clear lungs", "Check up")
        rows.append(f"Patient {number} has {finding}.,{reason} before travel,p{number},{split},{sick}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_evaluate_measures_a_branch(zoo: Path, notes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", "text/tiny", "--data", str(notes), "--split", "val"]

    assert run([*arguments, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    entry = figures["labels"]["pneumonia"]
    assert {"n", "patients", "positives", "auroc", "auroc_ci", "auprc", "ece"} <= set(entry)
    assert (entry["n"], entry["patients"], entry["positives"]) == (12, 12, 6)

    assert run([*arguments, "--text-column", "indication"]) == 0
    out = capsys.readouterr().out
    assert "AUROC" in out
    assert "pneumonia" in out


def test_evaluate_writes_predictions_plots_and_the_card(
    zoo: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(zoo, tmp_path / "zoo")
    monkeypatch.setenv("MULTIMODAL_MODELS", str(own))
    table, pictures = tmp_path / "predictions.csv", tmp_path / "plots"
    line = ["evaluate", "text/tiny", "--data", str(notes), "--predictions", str(table), "--plots", str(pictures)]

    assert run([*line, "--card"]) == 0
    assert len(table.read_text().splitlines()) == 13
    assert {path.name for path in pictures.iterdir()} == {"roc.png", "reliability.png", "confusion.png"}
    assert "pneumonia" in (own / "text" / "tiny" / "README.md").read_text()

    line[line.index(str(table))] = str(tmp_path / "nowhere" / "predictions.csv")
    assert run(line) == 2
    assert "nowhere" in capsys.readouterr().err


def test_evaluate_measures_fusion_on_a_paired_cohort(
    zoo: Path, phantoms: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "fusion/late", "--cases", str(phantoms / "manifest.csv")]

    assert run([*arguments, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["data"]["cases"] == 2
    assert "image+audio+text" in figures["by_subset"]

    assert run(arguments) == 0
    assert "pneumonia" in capsys.readouterr().out


@pytest.mark.parametrize("phantom_patients", [0, 3])
def test_train_hands_the_folders_to_the_training_of_a_branch(
    zoo: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phantom_patients: int
) -> None:
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def train_branch(*arguments: Any, **options: Any) -> Bundle:
        calls.append((arguments, options))
        return Bundle("text", "mine", tmp_path)

    monkeypatch.setattr("multimodal.train.branch.train_branch", train_branch)
    out = tmp_path / "mine"

    line = [
        "train",
        "text",
        "--arch",
        "small_transformer",
        "--data",
        str(notes),
        "--data",
        str(notes),
        "--out",
        str(out),
    ]
    assert run([*line, "--folds", "5", "--phantoms", str(phantom_patients)]) == 0

    (((kind, arch, datasets, folder), options),) = calls
    assert (kind, arch, folder, options["folds"]) == ("text", "small_transformer", out, 5)
    assert [len(dataset) for dataset in datasets] == [24, 24, 3][: 2 + bool(phantom_patients)]


def test_train_hands_folders_and_branches_to_the_training_of_a_head(
    zoo: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def train_fusion(*arguments: Any, **options: Any) -> Bundle:
        calls.append((arguments, options))
        return Bundle("fusion", "mine", tmp_path)

    monkeypatch.setattr("multimodal.train.fusion.train_fusion", train_fusion)
    line = ["train", "fusion", "--arch", "gated", "--out", str(tmp_path / "mine")]

    assert run([*line, "--data", f"text={notes}", "--data", f"text={notes}", "--text-column", "indication"]) == 0

    (((arch, branches, datasets, _), _options),) = calls
    assert arch == "gated"
    assert branches[Modality.TEXT].name == "tiny"
    assert len(datasets[Modality.TEXT]) == 48
    assert run([*line, "--data", f"text={notes}", "--folds", "5"]) == 2


def test_phantoms_are_files_with_a_truth(phantoms: Path) -> None:
    header, *rows = (phantoms / "manifest.csv").read_text(encoding="utf-8").splitlines()

    assert {"case_id", "path", "kind", "pneumonia"} <= set(header.split(","))
    assert len(rows) == 8
    assert sorted(path.name for path in phantoms.rglob("*.*") if path.parent != phantoms) == sorted(
        ["film.dcm", "heart.wav", "lung.wav", "note.txt"] * 2
    )


def test_sources_are_listed_with_their_terms(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list"]) == 0

    out = capsys.readouterr().out
    assert "circor" in out
    assert "CC BY 4.0" in out


def test_the_readmes_python_runs(
    zoo: Path, patient: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = readme.split("## From Python", 1)[1].split("```python\n", 1)[1].split("```", 1)[0]
    monkeypatch.chdir(patient)

    exec(code, {})

    assert 0 <= float(capsys.readouterr().out.split()[-1]) <= 1
