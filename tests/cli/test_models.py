"""``multimodal zoo``, ``evaluate``, ``train`` and ``data``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from multimodal.cli import run
from multimodal.labels import Modality
from multimodal.zoo import Bundle


def test_zoo_lists_shows_and_verifies(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    tiny = next(entry for entry in listed if (entry["kind"], entry["name"]) == ("image", "tiny"))
    assert list(tiny) == ["kind", "name", "default", "arch", "labels", "parameters", "sha256", "branches"]
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

    assert run([*arguments, "--against", "tiny+tiny"]) == 0
    assert "mean difference to tiny+tiny: 0.00" in capsys.readouterr().out

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
    assert {path.name for path in pictures.iterdir()} == {
        "roc.png",
        "reliability.png",
        "confusion.png",
        "risk_coverage.png",
    }
    assert "pneumonia" in (own / "text" / "tiny" / "README.md").read_text()

    line[line.index(str(table))] = str(tmp_path / "nowhere" / "predictions.csv")
    assert run(line) == 2
    assert "nowhere" in capsys.readouterr().err


def test_a_card_tells_all_that_can_be_measured_of_a_branch(
    zoo: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MULTIMODAL_MODELS", str(shutil.copytree(zoo, tmp_path / "zoo")))
    assert run(["card", "text/tiny", "--data", str(notes), "--split", "val", "--rows", "12"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert all(f"val text, {part}" in told for part in ("explanations", "stress", "audit"))
    assert run(["card", "fusion/tiny", "--data", str(notes)]) == 2
    assert run(["evaluate", "fusion/tiny", "--data", f"text={notes}", "--stress"]) == 2

    plots = tmp_path / "plots"
    wanted = ["--explanations", "--stress", "--audit", "--plots", str(plots)]
    assert run(["evaluate", "text/tiny", "--data", str(notes), *wanted]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("midpoint gradients", "PGD", "length only"))
    assert (plots / "stress.png").exists()


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


def test_evaluate_measures_fusion_on_phantoms_that_nothing_was_trained_on(
    zoo: Path, notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "fusion/late", "--phantoms", "2", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["data"] == {"cohort": "phantoms", "source": "seeds 4000000 to 4000001", "cases": 2, "patients": 2}

    assert run(["evaluate", "fusion/late", "--phantoms", "2", "--data", f"text={notes}"]) == 2
    assert run(["evaluate", "text/tiny", "--phantoms", "2"]) == 2
    assert "--phantoms" in capsys.readouterr().err


@pytest.mark.parametrize("phantom_patients", [0, 3])
def test_train_hands_the_folders_to_the_training_of_a_branch(
    zoo: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phantom_patients: int
) -> None:
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    guarded: list[int] = []

    def train_branch(*arguments: Any, **options: Any) -> Bundle:
        calls.append((arguments, options))
        return Bundle("text", "mine", tmp_path)

    monkeypatch.setattr("multimodal.train.branch.train_branch", train_branch)
    for guard in ("detector.fit_detector", "abstention.fit_abstention"):
        monkeypatch.setattr(f"multimodal.train.{guard}", lambda bundle, sources: guarded.append(len(sources)))
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
    assert guarded == [2, 2]  # by the folders, not by phantoms


def test_train_takes_settings_of_recipe_preparation_and_architecture(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[dict[str, Any]] = []
    guarded: list[int] = []

    def train_branch(*arguments: Any, **options: Any) -> Bundle:
        calls.append(options)
        return Bundle("text", "mine", tmp_path)

    monkeypatch.setattr("multimodal.train.branch.train_branch", train_branch)
    for guard in ("detector.fit_detector", "abstention.fit_abstention"):
        monkeypatch.setattr(f"multimodal.train.{guard}", lambda bundle, sources: guarded.append(len(sources)))
    line = ["train", "text", "--arch", "small_transformer", "--data", str(notes), "--out", str(tmp_path / "mine")]
    given = ["--set", "epochs=3", "--set", "learning_rate=1", "--set", "preparation.max_tokens=64"]

    assert run([*line, *given, "--set", "option.hidden=32", "--pretrain-epochs", "2", "--init", str(tmp_path)]) == 0

    (options,) = calls
    assert (options["recipe"].epochs, options["recipe"].learning_rate) == (3, 1)
    start = options["start"]
    assert (start.preparation, start.options) == ({"max_tokens": 64}, {"hidden": 32})
    assert (start.pretrain_epochs, start.init, start.pretrained) == (2, tmp_path, False)
    capsys.readouterr()

    for wrong in ("epoch=3", "epochs=many", "epochs", "recipes.epochs=3"):
        assert run([*line, "--set", wrong]) == 2
        assert capsys.readouterr().err.startswith("multimodal: Expected --set ")


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


def test_sources_are_listed_with_their_terms(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list"]) == 0

    out = capsys.readouterr().out
    assert "circor" in out
    assert "CC BY 4.0" in out
