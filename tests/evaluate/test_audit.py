"""What an audit takes out is gone, and the rest is as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import welch

from multimodal import zoo
from multimodal.case import Audio, Image, Item, Section, Text
from multimodal.evaluate import start
from multimodal.evaluate.audit import QUESTIONS, audit, note
from multimodal.evaluate.audit.film import lungs, markers, ring
from multimodal.labels import Modality
from tests.evaluate.rows import dataset

RATE = 4000


def left(modality: Modality, name: str, item: Item) -> Item:
    question = next(question for question in QUESTIONS[modality] if question.name == name)
    return question.change(item, np.random.default_rng(0))


def film() -> Image:
    pixels = np.random.default_rng(0).uniform(0.2, 0.6, (120, 100)).astype(np.float32)
    pixels[8:14, 5:10] = 1  # a letter
    pixels[50:60, 28:34] = 1  # as bright and small, but in a lung
    return Image("film.png", "", pixels)


@pytest.mark.parametrize(("covered", "kept"), [("ring covered", "ring only"), ("lungs covered", "lungs only")])
def test_a_part_of_a_film_and_the_rest_are_complements(covered: str, kept: str) -> None:
    given = film()
    mask = {"ring covered": ring, "lungs covered": lungs}[covered](given.pixels.shape)
    without, only = (left(Modality.IMAGE, name, given) for name in (covered, kept))
    assert isinstance(without, Image)
    assert isinstance(only, Image)
    np.testing.assert_array_equal(without.pixels[~mask], given.pixels[~mask])
    np.testing.assert_array_equal(only.pixels[mask], given.pixels[mask])
    assert len(np.unique(without.pixels[mask])) == len(np.unique(only.pixels[~mask])) == 1


def test_letters_are_found_outside_the_lungs() -> None:
    found = markers(film())
    assert found[8:14, 5:10].all()
    assert not found[lungs((120, 100))].any()
    assert found.mean() < 0.02


def test_bands_of_a_sound_are_what_they_say() -> None:
    noise = np.random.default_rng(0).normal(size=8 * RATE).astype(np.float32)
    given = Audio("sound.wav", "", noise, RATE)
    for name, low, high in (
        ("lowest band only", 0, 50),
        ("highest band only", 700, 2000),
        ("highest band cut", 0, 700),
    ):
        found = left(Modality.AUDIO, name, given)
        assert isinstance(found, Audio)
        frequency, power = welch(found.samples, RATE, nperseg=2048)
        inside = (frequency >= low) & (frequency <= high)
        assert power[inside].sum() > 0.95 * power.sum()


def test_the_quiet_parts_are_quiet_and_scrambling_keeps_the_samples() -> None:
    t = np.arange(4 * RATE) / RATE
    beats = (np.sin(2 * np.pi * 100 * t) * (t % 0.8 < 0.2)).astype(np.float32)
    given = Audio("sound.wav", "", beats, RATE)
    quiet, mixed = (left(Modality.AUDIO, name, given) for name in ("quiet parts only", "scrambled"))
    assert isinstance(quiet, Audio)
    assert isinstance(mixed, Audio)
    assert np.abs(quiet.samples).max() < 1e-3
    np.testing.assert_array_equal(np.sort(mixed.samples), np.sort(beats))
    assert not np.array_equal(mixed.samples, beats)


def test_a_note_loses_its_diagnosis_its_conclusions_or_all_its_words() -> None:
    text = "INDICATION: cough. FINDINGS: right lower lobe consolidation. IMPRESSION: Pneumonia."
    parts = [("findings", 28, 62), ("impression", 74, len(text))]
    given = Text("note.txt", "", text, tuple(Section(*part) for part in parts))
    found = {question.name: left(Modality.TEXT, question.name, given) for question in QUESTIONS[Modality.TEXT]}
    texts = {name: left.text for name, left in found.items() if isinstance(left, Text)}
    assert "neumonia" not in texts["diagnosis words hidden"]
    assert "cough" in texts["diagnosis words hidden"]
    assert "consolidation" not in texts["conclusions cut"]
    assert "cough" in texts["conclusions cut"]
    assert sorted(texts["words scrambled"].split()) == sorted(text.split())
    assert len(set(texts["length only"].replace(":", "").replace(".", "").split())) == 1


def test_a_note_says_of_what_is_absent_that_it_is_not_there() -> None:
    given = Text("note.txt", "", "Cough.\n", (Section("findings", 0, 6),))
    found = note.denied(given, ("no_finding", "cardiomegaly", "atelectasis"))
    assert found.text == "Cough. The patient does not have cardiomegaly. The patient does not have atelectasis."


def test_denials_are_added_to_the_notes_of_those_without_the_label_alone(
    zoo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, list[str]] = {}

    def denied(given: Text, absent: list[str]) -> Text:
        asked[given.name] = absent
        return given

    monkeypatch.setattr(note, "denied", denied)
    data = dataset(Modality.TEXT, {"pneumonia": np.tile([0.0, 1.0], 6)}, split=["test"] * 12)
    found = audit(start(zoo.find("text", "tiny_text"), data, rows=12, device="cpu"))["questions"]
    (answer,) = (entry for entry in found if entry["name"] == note.DENIED[0])
    assert answer["difference"] == 0
    assert asked == {f"{i}.txt": [] if i % 2 else ["pneumonia"] for i in range(12)}


def test_a_source_that_looks_different_is_told_and_few_patients_are_not(zoo_root: Path) -> None:
    bundle = zoo.find("text", "tiny_text")
    truth = np.tile([0.0, 1.0], 6)
    here = dataset(Modality.TEXT, {"pneumonia": truth}, split=["test"] * 12)
    same = dataset(Modality.TEXT, {"pneumonia": truth}, source="two", patient=[f"two/{i}" for i in range(12)])
    few = same.where(np.arange(2))
    begun = start(bundle, here, rows=12, device="cpu")
    told = audit(begun, same)["source"]
    assert told["items"] == 24
    assert told["auroc_ci"][0] <= told["auroc"] <= told["auroc_ci"][1]
    assert told["auroc"] < 0.8  # the very same items
    assert audit(begun, few)["source"]["auroc"] is None
    assert "source" not in audit(begun)
