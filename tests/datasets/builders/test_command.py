"""``multimodal data prepare``: a folder, one line of summary, one line for what is at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from multimodal.cli import run
from multimodal.datasets import read_folder
from multimodal.datasets.builders import BUILDERS
from tests.datasets.builders import downloads


def test_prepares_a_folder_that_can_be_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    download, out = downloads.cohen(tmp_path / "download"), tmp_path / "cohen"
    (download / "images/3.jpg").unlink()

    assert run(["data", "prepare", "cohen", "--from", str(download), "--out", str(out)]) == 0

    told = " ".join(capsys.readouterr().err.split())
    assert "3.jpg: The file is missing from the download." in told
    assert "7 items of 7 patients" in told
    assert len(read_folder(out, "image")) == 7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["colour", "--from", "{folder}", "--out", "{folder}/new"], "kermany, nih"),
        (["nih", "--from", "{folder}/none", "--out", "{folder}/new"], "none"),
        (["nih", "--from", "{folder}", "--out", "{folder}/new"], "Data_Entry_2017"),
        (["nih", "--from", "{folder}", "--out", "{folder}"], "empty folder"),
        (["nih", "--from", "{folder}", "--out", "{folder}/file/new"], "cannot be written"),
    ],
)
def test_what_is_at_fault_is_said_in_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    assert run(["data", "prepare", *(word.format(folder=tmp_path) for word in arguments)]) == 2

    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_the_list_names_the_labels_of_each_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list"]) == 0

    out = capsys.readouterr().out
    assert all(", ".join(builder.labels) in out for builder in BUILDERS.values())
