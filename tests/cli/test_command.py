"""The command line, as a user types it: help, exit codes, one line for an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from multimodal.cli import app, run

ROOT = Path(__file__).resolve().parents[2]


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


def test_the_readmes_python_runs(
    zoo: Path, patient: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = readme.split("## From Python", 1)[1].split("```python\n", 1)[1].split("```", 1)[0]
    monkeypatch.chdir(patient)

    exec(code, {})

    assert 0 <= float(capsys.readouterr().out.split()[-1]) <= 1
