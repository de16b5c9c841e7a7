"""Wear and attack change what they should, and only within their bounds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from multimodal import zoo
from multimodal.case import Audio, Image, Text
from multimodal.engine.inference import evidence
from multimodal.evaluate import PARTS, complete_card, start
from multimodal.evaluate.stress import ATTACKS, WEAR, attack
from multimodal.evaluate.stress.film import shown
from multimodal.evaluate.stress.wear import worn
from multimodal.evaluate.trial import PER_PATIENT, drawn
from multimodal.explain.probe import probe
from multimodal.labels import Modality
from tests.evaluate.rows import dataset, item

TRUTH = np.tile([0.0, 1.0], 6)


@pytest.mark.parametrize("modality", list(Modality))
def test_wear_grows_with_its_strength_and_spares_the_item(modality: Modality) -> None:
    given = {
        Modality.IMAGE: item(modality, 3),
        Modality.AUDIO: Audio("s.wav", "", np.random.default_rng(1).normal(size=24_000).astype(np.float32), 2000),
        Modality.TEXT: Text(
            "n.txt", "", "Patient with chest pain and shortness of breath; left pleural effusion. " * 5
        ),
    }[modality]
    for wear in WEAR[modality]:
        found = [worn(wear, strength, given, np.random.default_rng(0)) for strength in wear.strengths]
        distance = [_distance(given, each) for each in found]
        assert all(a < b for a, b in zip([0.0, *distance], distance, strict=False)), (wear.name, distance)
        assert _distance(given, worn(wear, wear.strengths[0], given, np.random.default_rng(0))) == distance[0]


def test_another_shape_of_film_cuts_one_axis_by_chance() -> None:
    film = Image("f.png", "", np.random.default_rng(0).random((100, 80)).astype(np.float32))
    wear = next(wear for wear in WEAR[Modality.IMAGE] if wear.name == "shape")
    shapes = {worn(wear, 20, film, np.random.default_rng(seed)).pixels.shape for seed in range(20)}
    assert shapes == {(80, 80), (100, 64)}


def _distance(first: object, second: object) -> float:
    match first, second:
        case Image(), Image():
            if first.pixels.shape != second.pixels.shape:
                return float(first.pixels.size - second.pixels.size)
            return float(np.abs(shown(first) - shown(second)).mean())
        case Audio(), Audio():
            if first.samples.shape != second.samples.shape:
                return float(first.samples.size - second.samples.size)
            return float(1 - np.corrcoef(first.samples, second.samples)[0, 1])
        case Text(), Text():
            return float((Counter(first.text.split()) - Counter(second.text.split())).total())
    raise AssertionError


@pytest.mark.parametrize("modality", list(Modality))
def test_attacks_push_the_evidence_the_wrong_way(modality: Modality, zoo_root: Path) -> None:
    branch, given = zoo.load_branch(zoo.find(modality, f"tiny_{modality}")), item(modality, 3)
    asked = probe(branch, given, branch.config.labels[0], device="cpu")
    clean = asked.logits(asked.states(asked.inputs)).detach().double().mean(0).numpy()
    truth = np.where(np.arange(len(clean)) % 2, 1.0, 0.0)
    sign = 1 - 2 * truth
    before = np.nansum(sign * evidence(branch.config, clean))
    pushed = {name: np.nansum(sign * found) for name, found in attack(branch, given, truth, device="cpu").items()}
    for name in ATTACKS:
        steps = [value for key, value in pushed.items() if key.startswith(name)]
        assert len(steps) == 3
        assert before < steps[0] < steps[-1]


def test_rows_are_drawn_with_both_classes_and_few_of_a_patient() -> None:
    rare = np.zeros(60)
    rare[[7, 30, 31, 55]] = 1
    data = dataset(Modality.TEXT, {"pneumonia": rare}, patient=[f"made/{i // 5}" for i in range(60)])
    chosen = drawn(data, ["pneumonia"], rows=12)
    assert len(chosen) == 12
    assert chosen.label("pneumonia").sum() >= 3
    assert chosen.rows["patient"].value_counts().max() <= PER_PATIENT
    assert chosen.rows["patient"].tolist() == drawn(data, ["pneumonia"], rows=12).rows["patient"].tolist()
    assert len(drawn(data, ["pneumonia"], rows=500)) == 24


def test_a_whole_card_is_measured_once_and_goes_on_where_it_stopped(zoo_root: Path) -> None:
    bundle = zoo.find("text", "tiny_text")
    data = [
        dataset(
            Modality.TEXT,
            {"pneumonia": TRUTH},
            split=["test"] * 12,
            source=source,
            patient=[f"{source}/{i}" for i in range(12)],
        )
        for source in ("one", "two")
    ]
    steps = complete_card(bundle, data, rows=12, resamples=20, device="cpu")
    assert next(steps) == "one test"
    assert next(steps) == "one test, explanations"
    steps.close()
    assert set(PARTS).isdisjoint(bundle.config.metrics["one test"])

    told = list(complete_card(bundle, data, rows=12, resamples=20, device="cpu"))
    assert told[0] == "one test, explanations"
    assert len(told) == 7
    assert list(complete_card(bundle, data, rows=12, resamples=20, device="cpu")) == []
    zoo.verify(bundle)

    figures = json.loads(json.dumps(bundle.config.metrics["one test"], allow_nan=False))
    assert figures["stress"]["labels"] == ["pneumonia"]
    for curve in figures["stress"]["curves"]:
        for point in curve["points"]:
            assert point["difference"] == pytest.approx(point["auroc"] - figures["stress"]["auroc"])
    assert figures["audit"]["source"]["against"] == "two"
    card = (bundle.folder / "README.md").read_text()
    for title in ("## Explanations", "## Robustness", "## Shortcut audit", "PGD", "length only"):
        assert title in card
    begun = start(bundle, data[0], rows=12, device="cpu")
    assert begun.figures(begun.clean)["difference"] == 0
