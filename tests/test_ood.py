from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from sklearn.decomposition import PCA

from multimodal import zoo
from multimodal.branches import Branch
from multimodal.bundle import DETECTOR, HEADS
from multimodal.case import Image, Text
from multimodal.errors import BundleInvalidError
from multimodal.ood import FeatureDetector, WordDetector, is_foreign, limited, statistics, write_detector
from multimodal.phantom import draw_patient, render
from multimodal.quality import check
from multimodal.quality.layout import cells
from tests.engine.tiny import film, save_branch, sound

NOTES = ["The lungs are clear, no pleural effusion.", "Pleural effusion on the right.", "No effusion, pleural clear."]


@cache
def chest(seed: int) -> Image:
    return Image("film.dcm", "", render(draw_patient(seed)).film.pixels)


def rows(n: int = 400, size: int = 90, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, 20)) @ rng.normal(size=(20, size)) + rng.normal(size=(n, size))).astype(np.float32)


def detected(words: str) -> float:
    return WordDetector(1.0, frozenset(words.split())).distance(None, Text("n", "", "the pleural heart"))  # type: ignore[arg-type]


def test_the_distance_is_that_of_probabilistic_principal_components() -> None:
    x, new = rows(), rows(50, seed=1) * 2
    detector = FeatureDetector.fit(x)
    standard = (np.r_[x, new] - detector.mean) / detector.scale
    reference = PCA(64, svd_solver="full").fit(standard[: len(x)])
    said = -2 * reference.score_samples(standard)  # a constant, plus Mahalanobis' squared with N - 1 for N
    ours = np.r_[detector.distances(x), detector.distances(new)].astype(float) ** 2 * x.shape[1]
    assert np.ptp(said - ours * (len(x) - 1) / len(x)) < 1e-2 * ours.mean()
    assert np.sqrt((ours[: len(x)] / x.shape[1]).mean()) == pytest.approx(1, abs=1e-3)


def test_what_lies_off_the_training_rows_is_far() -> None:
    x = rows(450)
    detector, new = FeatureDetector.fit(x[:400]), x[400:]
    off = new + np.random.default_rng(2).normal(0, 8, new.shape).astype(np.float32)
    assert detector.distances(off).min() > detector.distances(new).max()


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Branch:
    return zoo.load(save_branch(tmp_path_factory.mktemp("zoo"), "image", "tiny")).network


@pytest.fixture(scope="module")
def detector(branch: Branch) -> FeatureDetector:
    films = [chest(seed) for seed in range(16)]
    found = np.stack([statistics(branch, film) for film in films])
    fitted = FeatureDetector.fit(found, np.stack([cells(film.pixels).ravel() for film in films]))
    apart = np.array([fitted.apart(chest(seed), statistics(branch, chest(seed))) for seed in range(16, 22)])
    return fitted.within(*(1.2 * apart.max(0)))


class TestLayout:
    """A film whose texture is that of a chest, and whose parts lie elsewhere."""

    def test_it_is_foreign_by_its_layout_alone(self, branch: Branch, detector: FeatureDetector) -> None:
        swapped = replace(chest(30), pixels=np.roll(chest(30).pixels, chest(30).pixels.shape[1] // 2, axis=1))
        maps, layout = detector.apart(swapped, statistics(branch, swapped))
        assert layout > detector.layout.limit
        lenient = detector.within(2 * maps, detector.layout.limit)
        assert is_foreign(lenient, branch, swapped)
        assert not is_foreign(replace(lenient, layout=None), branch, swapped)
        assert not is_foreign(lenient, branch, chest(20))

    def test_it_is_looked_at_once_for_all_that_ask(
        self, branch: Branch, detector: FeatureDetector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        film, made = chest(31), []
        monkeypatch.setattr("multimodal.quality.layout.cells", lambda pixels: made.append(cells(pixels)) or made[-1])
        check(film)
        detector.distance(branch, film)
        assert len(made) == 1

    def test_both_limits_move_together(self, branch: Branch, detector: FeatureDetector) -> None:
        wide = limited(detector, 3 * detector.limit)
        assert wide.layout.limit == pytest.approx(3 * detector.layout.limit)
        assert wide.distance(branch, chest(30)) == pytest.approx(detector.distance(branch, chest(30)))

    def test_it_travels(self, detector: FeatureDetector) -> None:
        same = FeatureDetector.from_tensors(detector.limit, detector.tensors())
        assert same.layout.limit == pytest.approx(detector.layout.limit)
        np.testing.assert_array_equal(same.layout.axes, detector.layout.axes)
        assert same.method.endswith("layout")

    @pytest.mark.parametrize("name", ["layout_limit", "layout_mean", "layout_axes"])
    def test_a_part_that_does_not_fit_is_refused(self, detector: FeatureDetector, name: str) -> None:
        tensors = detector.tensors()
        for changed in (np.zeros(7, np.float32), np.array([np.nan], np.float32), None):
            others = {key: tensor for key, tensor in tensors.items() if key != name}
            with pytest.raises(BundleInvalidError):
                FeatureDetector.from_tensors(1.0, others if changed is None else {**others, name: changed})


def test_words_of_training_notes_are_known() -> None:
    detector = WordDetector.fit([*NOTES, "garden"])
    assert detector.words == {"pleural", "effusion"}
    assert math.isinf(detector.limit)


def test_the_share_of_unknown_words_is_drawn_to_that_of_a_note() -> None:
    assert detected("pleural heart") == pytest.approx(0.6 / 5)
    assert detected("pleural") == pytest.approx(1.6 / 5)
    assert detected("") == pytest.approx(2.6 / 5)


@given(st.text())
def test_any_text_has_a_share(text: str) -> None:
    share = WordDetector(1.0, frozenset({"pleural"})).distance(None, Text("n", "", text))  # type: ignore[arg-type]
    assert 0 <= share < 1


@pytest.mark.parametrize(("kind", "item"), [("image", film(3)), ("audio", sound(3, seconds=30))])
def test_statistics_see_the_first_stages(kind: str, item: object, tmp_path: Path) -> None:
    branch = zoo.load(save_branch(tmp_path, kind, "tiny")).network
    found = statistics(branch, item)  # type: ignore[arg-type]
    assert np.isfinite(found).all()
    hooks = [module.register_forward_hook(lambda *_: pytest.fail("head was run")) for module in branch.head]
    assert np.array_equal(statistics(branch, item), found)  # type: ignore[arg-type]
    for hook in hooks:
        hook.remove()


class TestBundle:
    @pytest.fixture
    def bundle(self, tmp_path: Path) -> zoo.Bundle:
        bundle = save_branch(tmp_path, "image", "tiny")
        branch = zoo.load(bundle).network
        detector = FeatureDetector.fit(np.stack([statistics(branch, film(seed)) for seed in range(12)]))
        write_detector(bundle.folder, bundle.config, limited(detector, 3.0), {})
        return bundle

    def test_it_travels(self, bundle: zoo.Bundle) -> None:
        loaded = zoo.load(bundle)
        assert loaded.detector.limit == 3.0
        assert not is_foreign(loaded.detector, loaded.network, film(99))
        torch.manual_seed(0)
        noise = film(0)
        object.__setattr__(noise, "pixels", torch.rand(140, 140).numpy())
        assert is_foreign(loaded.detector, loaded.network, noise)
        assert zoo.verify(bundle).detector["limit"] == 3.0

    def test_a_bundle_without_one_loads(self, tmp_path: Path) -> None:
        bundle = save_branch(tmp_path / "bare", "image", "tiny")
        path = bundle.folder / "config.json"
        config = json.loads(path.read_text())
        del config["detector"], config["abstention"]
        path.write_text(json.dumps(config))
        loaded = zoo.load(bundle)
        assert loaded.detector is None
        assert loaded.heads is None

    def test_a_changed_file_is_refused(self, bundle: zoo.Bundle) -> None:
        path = bundle.folder / DETECTOR
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        with pytest.raises(BundleInvalidError, match="not the one that the config"):
            zoo.load(bundle)

    def test_a_missing_file_is_refused(self, bundle: zoo.Bundle) -> None:
        (bundle.folder / DETECTOR).unlink()
        with pytest.raises(BundleInvalidError, match="missing"):
            zoo.load(bundle)

    @pytest.mark.parametrize("limit", ["3", None, True, 3])
    def test_a_limit_that_is_no_number_is_refused(self, bundle: zoo.Bundle, limit: object) -> None:
        self.rewrite(bundle, lambda entry: entry.update(limit=limit))
        with pytest.raises(BundleInvalidError, match="limit"):
            zoo.load(bundle)

    @pytest.mark.parametrize(
        "tensors",
        [
            {"mean": np.zeros(3, np.float32)},
            {"mean": np.zeros(3), "scale": np.ones(3), "axes": np.zeros((4, 2)), "variances": np.ones(3)},
            {"mean": np.zeros(3), "scale": np.ones(3), "axes": np.zeros((3, 2)), "variances": np.ones(2)},
            {"mean": np.full(3, np.nan), "scale": np.ones(3), "axes": np.zeros((3, 2)), "variances": np.ones(3)},
            {"mean": np.zeros(3), "scale": np.zeros(3), "axes": np.zeros((3, 2)), "variances": np.ones(3)},
        ],
    )
    def test_tensors_that_do_not_fit_are_refused(self, bundle: zoo.Bundle, tensors: dict[str, np.ndarray]) -> None:
        path = bundle.folder / DETECTOR
        save_file(tensors, path)
        self.rewrite(bundle, lambda entry: entry.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))
        with pytest.raises(BundleInvalidError):
            zoo.load(bundle)

    @staticmethod
    def rewrite(bundle: zoo.Bundle, change: Callable[[dict[str, object]], None]) -> None:
        path = bundle.folder / "config.json"
        config = json.loads(path.read_text())
        change(config["detector"])
        path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    "tensors",
    [
        {"weight": np.zeros((2, 7, 3), np.float32), "bias": np.zeros((2, 7), np.float32)},
        {"weight": np.zeros(1, np.float32), "bias": np.array(0.0, np.float32)},
        {"bias": np.zeros((2, 7), np.float32)},
    ],
)
def test_heads_that_do_not_fit_the_bundle_are_refused(tensors: dict[str, np.ndarray], tmp_path: Path) -> None:
    bundle = save_branch(tmp_path, "image", "tiny")
    path = bundle.folder / HEADS
    save_file(tensors, path)
    config = json.loads((bundle.folder / "config.json").read_text())
    config["abstention"] = {"limit": 0.5, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (bundle.folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BundleInvalidError, match="do not fit"):
        zoo.load(bundle)
