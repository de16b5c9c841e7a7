"""A task that nothing was trained for, told by a line through embeddings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from multimodal import zoo
from multimodal.cli import run
from multimodal.errors import UsageError
from multimodal.evaluate.probe import probe
from multimodal.labels import Modality
from tests.formats.files import film, png

PATIENTS = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A film and a note of each patient; the note says the answer, the film does not."""
    rows = ["file_name,patient_id,split,fold,text,task,luck"]
    for number in range(PATIENTS):
        (tmp_path / f"{number}.png").write_bytes(png(film(seed=number)))
        answer = number // 2 % 2
        word = "crackles crackles crackles" if answer else "clear clear clear"
        luck = int(np.random.default_rng(number).integers(2))
        rows.append(f"{number}.png,p{number},test,{number % 5},Patient has {word} today.,{answer},{luck}")
    rows.append(f"0.png,q1,test,0,,{1},{1}")  # without a note
    rows.append("1.png,q2,test,0,Patient has crackles.,,")  # of unknown answer
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def bundles(zoo_root: Path) -> dict[Modality, zoo.Bundle]:
    return {modality: zoo.find(modality, f"tiny_{modality}") for modality in (Modality.IMAGE, Modality.TEXT)}


def test_what_the_note_says_is_found_and_films_say_nothing(folder: Path, bundles: dict[Modality, zoo.Bundle]) -> None:
    found = probe(bundles, folder, "task", device="cpu", resamples=40)
    json.dumps(found, allow_nan=False)
    assert found["data"] == {"source": folder.name, "rows": PATIENTS, "patients": PATIENTS}
    areas = {name: entry["auroc"] for name, entry in found["auroc"].items()}
    assert set(areas) == {"image", "text", "fused", "rim", "bag_of_words"}
    assert areas["text"] == areas["bag_of_words"] == 1
    assert 0.2 < areas["image"] < 0.8
    assert found["fused_minus"]["text"]["difference"] == pytest.approx(areas["fused"] - 1)


def test_hidden_words_are_gone(folder: Path, bundles: dict[Modality, zoo.Bundle]) -> None:
    notes = {Modality.TEXT: bundles[Modality.TEXT]}
    found = probe(notes, folder, "task", hide=["crackl", "clear"], device="cpu", resamples=20)
    assert found["auroc"]["text"]["auroc"] == 0.5
    assert "fused" not in found["auroc"]
    assert "fused_minus" not in found


def test_nothing_is_told_of_luck(folder: Path, bundles: dict[Modality, zoo.Bundle]) -> None:
    areas = probe(bundles, folder, "luck", device="cpu", resamples=20)["auroc"]
    assert all(entry["auroc"] < 0.8 for entry in areas.values())  # a probe that saw its own rows would reach 1


@pytest.mark.parametrize("column", ["nothing", "text"])
def test_a_column_must_hold_an_answer(column: str, folder: Path, bundles: dict[Modality, zoo.Bundle]) -> None:
    with pytest.raises(UsageError, match=column):
        probe(bundles, folder, column, device="cpu")


def test_the_command_tells_the_table(folder: Path, zoo_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["probe", "--data", str(folder), "--column", "task"]
    assert run(line) == 0
    out = capsys.readouterr().out
    assert f"{PATIENTS} rows of {PATIENTS} patients" in out
    assert "bag_of_words" in out
    assert run([*line, "--json", "--kinds", "text"]) == 0
    assert json.loads(capsys.readouterr().out)["bundles"] == {"text": "tiny_text"}
