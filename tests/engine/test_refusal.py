from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from multimodal import zoo
from multimodal.branches.heads import Heads, write_heads
from multimodal.case import Case, Diagnosis, Image
from multimodal.datasets.foreign import draw_foreign
from multimodal.engine import Engine, run
from multimodal.labels import Modality
from multimodal.ood import FeatureDetector, WordDetector, limited, statistics, write_detector
from multimodal.phantom import draw_patient, render
from multimodal.quality import check
from tests.engine.tiny import NOTES, film, full_case, note, save_branch, sound


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (tmp_path,))
    names = {kind: f"tiny_{kind}" for kind in ("image", "text")}
    for kind, name in names.items():
        save_branch(tmp_path, kind, name)
    (tmp_path / zoo.DEFAULTS).write_text(json.dumps(names))
    return tmp_path


def guard(kind: str, limit: float, name: str = "") -> None:
    bundle = zoo.find(kind, name or f"tiny_{kind}")
    if kind == "text":
        detector = WordDetector.fit(NOTES * 3)
    else:
        network = zoo.load(bundle).network
        detector = FeatureDetector.fit(np.stack([statistics(network, film(seed)) for seed in range(12)]))
    write_detector(bundle.folder, bundle.config, limited(detector, limit), {})


def record() -> Case:
    return Case("case", images=(film(20),), texts=(note(),))


@cache
def chest(seed: int) -> Image:
    return Image("film.dcm", "", render(draw_patient(seed)).film.pixels)


def refused(diagnosis: Diagnosis) -> list[str | None]:
    return [notice.item for notice in diagnosis.quality if notice.code == "foreign_input" and notice.refused]


def test_a_foreign_item_is_left_out_and_the_rest_goes_on(root: Path) -> None:
    guard("image", 3.0)
    case = record()
    grain = np.random.default_rng(0).random((140, 140), np.float32)
    photograph = replace(film(21), name="cat.jpg", pixels=0.5 * film(21).pixels + 0.5 * grain)
    diagnosis = Engine(device="cpu").diagnose(replace(case, images=(*case.images, photograph)))
    assert refused(diagnosis) == ["cat.jpg"]
    assert [item.used for item in diagnosis.items] == [True, False, True]
    alone = Engine(device="cpu").diagnose(case)
    assert diagnosis.labels == alone.labels


def test_a_foreign_note_says_so_in_a_plain_sentence(root: Path) -> None:
    guard("text", 0.4)
    recipe = replace(
        note(), text="For a sick friend: whisk butter, sugar and cinnamon, simmer onions until golden brown."
    )
    diagnosis = Engine(device="cpu").diagnose(Case("recipe", texts=(recipe,)))
    (notice,) = [n for n in diagnosis.quality if n.code == "foreign_input"]
    assert notice.message.startswith("This does not read like a clinical note")
    assert diagnosis.labels == ()
    assert not refused(Engine(device="cpu").diagnose(record()))


def test_without_a_detector_nothing_is_refused(root: Path) -> None:
    photograph = replace(film(21), pixels=np.random.default_rng(0).random((200, 160), np.float32))
    assert not refused(Engine(device="cpu").diagnose(Case("photograph", images=(photograph,))))


def test_an_ensemble_refuses_what_each_detector_refuses(root: Path) -> None:
    save_branch(root, "image", "other_image", seed=1)
    guard("image", 0.0)
    guard("image", 1e6, "other_image")
    engine = Engine({"image": "tiny_image+other_image"}, device="cpu")
    assert not refused(engine.diagnose(record()))
    assert refused(Engine(device="cpu").diagnose(record())) == ["film20.png"]


class TestFilmsThatLieOddly:
    """A photograph is not told to be turned; a turned film is."""

    @staticmethod
    def guarded() -> Engine:
        bundle = zoo.find("image", "tiny_image")
        network = zoo.load(bundle).network
        known = FeatureDetector.fit(np.stack([statistics(network, chest(seed)) for seed in range(12)]))
        limit = 1.2 * float(known.distances(np.stack([statistics(network, chest(12))]))[0])
        write_detector(bundle.folder, bundle.config, limited(known, limit), {})
        return Engine(device="cpu")

    @staticmethod
    def refusals(engine: Engine, pixels: np.ndarray) -> list[str]:
        picture = replace(chest(12), pixels=np.ascontiguousarray(pixels, np.float32))
        diagnosis = engine.diagnose(Case("picture", images=(picture,)))
        assert not diagnosis.labels
        return [notice.code for notice in diagnosis.quality if notice.refused]

    def test_a_turned_or_inverted_film(self, root: Path) -> None:
        engine, pixels = self.guarded(), chest(12).pixels
        assert engine.diagnose(Case("upright", images=(chest(12),))).labels
        for quarters in (1, 2, 3):
            assert self.refusals(engine, np.rot90(pixels, quarters)) == ["film_rotated"]
        assert self.refusals(engine, 1 - pixels) == ["film_inverted"]

    def test_a_photograph(self, root: Path) -> None:
        engine = self.guarded()
        scenes = [draw_foreign(Modality.IMAGE, "scene", seed) for seed in range(12)]
        laid = [scene for scene in scenes if {n.code for n in check(scene)} & {"film_rotated", "film_inverted"}]
        assert laid
        assert all(self.refusals(engine, scene.pixels) == ["foreign_input"] for scene in laid)


class TestDoubt:
    @staticmethod
    def doubting(limit: float, spread: float) -> None:
        bundle = zoo.find("image", "tiny_image")
        config = bundle.config
        labels, size = len(config.labels), config.embedding_dim
        bias = np.stack([np.full(labels, -spread), np.full(labels, spread)]).astype(np.float32)
        sha256 = write_heads(bundle.folder, Heads(np.zeros((2, labels, size), np.float32), bias))
        config = replace(config, abstention={"limit": limit, "sha256": sha256})
        (bundle.folder / "config.json").write_text(config.to_json())

    def test_the_spread_is_that_of_the_heads_in_log_odds(self, root: Path) -> None:
        self.doubting(0.0, 0.5)
        diagnosis = Engine(device="cpu").diagnose(Case("film", images=(film(1),)))
        assert [result.spread for result in diagnosis.labels] == pytest.approx([2.0] * len(diagnosis.labels))

    def test_it_does_not_depend_on_the_neighbours(self, root: Path) -> None:
        self.doubting(0.5, 0.5)
        cases = [full_case(seed) for seed in range(3)]
        cases = [replace(case, audios=()) for case in cases]
        together = Engine(device="cpu").diagnose_many(cases)
        assert [d.labels for d in together] == [Engine(device="cpu").diagnose(case).labels for case in cases]

    def test_a_verdict_that_is_not_sure_enough_is_not_given(self, root: Path) -> None:
        case = Case("film", images=(film(1),))
        before = Engine(device="cpu").diagnose(case)
        assert any(result.present is not None for result in before.labels)
        self.doubting(1e3, 0.5)
        after = Engine(device="cpu").diagnose(case)
        assert all(result.present is None for result in after.labels)
        assert [r.probability for r in after.labels] == [r.probability for r in before.labels]

    def test_the_json_keeps_it(self, root: Path) -> None:
        self.doubting(0.0, 0.5)
        diagnosis = Engine(device="cpu").diagnose(record())
        assert Diagnosis.from_json(diagnosis.to_json()) == diagnosis
        assert max(entry["spread"] for entry in json.loads(diagnosis.to_json())["labels"]) == pytest.approx(2.0)


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_the_pass_that_scores_an_item_also_sees_what_the_detector_looks_at(root: Path, kind: str) -> None:
    save_branch(root, kind, "seen")
    items = [film(1), film(2)] if kind == "image" else [sound(1, seconds=30), sound(2, seconds=4)]
    bundle = zoo.find(kind, "seen")
    plain = run(zoo.load(bundle), items, device="cpu")
    assert [output.statistics for output in plain] == [None, None]
    network = zoo.load(bundle).network
    expected = [statistics(network, item) for item in items]
    write_detector(bundle.folder, bundle.config, limited(FeatureDetector.fit(np.stack(expected * 3)), 3.0), {})
    for output, alone, found in zip(run(zoo.load(bundle), items, device="cpu"), plain, expected, strict=True):
        assert output.statistics is not None
        np.testing.assert_allclose(output.statistics, found, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(output.logits, alone.logits)
