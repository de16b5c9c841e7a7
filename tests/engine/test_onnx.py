from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("onnxruntime", reason="The onnx extra is not installed.")

from multimodal import zoo
from multimodal.engine import Batcher, Engine, run
from multimodal.engine.backend import runner
from multimodal.engine.inference import attempt, forward
from multimodal.errors import ModelError, UsageError
from multimodal.ood import FeatureDetector
from tests.engine.tiny import film, note, sound

onnx = pytest.importorskip("multimodal.engine.onnx", reason="the onnx extra is not installed")
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


def branch(kind: str) -> zoo.LoadedBranch:
    return zoo.load(zoo.find(kind, f"tiny_{kind}"))


@pytest.mark.parametrize(("kind", "items"), [("image", [film(0), film(1)]), ("text", [note(0), note(1), note(2)])])
def test_onnx_says_what_torch_says(kind: str, items: list, folder: Path) -> None:
    loaded = branch(kind)
    exact = run(loaded, items, CPU)
    for int8, tolerance in ((False, 1e-5), (True, onnx.TOLERANCE_INT8)):
        answers = onnx.OnnxBackend(int8=int8, folder=folder).score(loaded, items, CPU)
        for ours, theirs in zip(answers, exact, strict=True):
            np.testing.assert_allclose(ours.logits, theirs.logits, atol=tolerance)
            assert ours.embedding.shape == theirs.embedding.shape


@pytest.mark.parametrize(("kind", "item"), [("image", film(0)), ("audio", sound(0))])
def test_what_a_detector_goes_by_comes_with_the_answer(kind: str, item: object, folder: Path) -> None:
    """Otherwise torch would run the network a second time."""
    loaded = replace(branch(kind), detector=FeatureDetector.fit(np.eye(8, 4, dtype=np.float32)))
    (exact,) = run(loaded, [item], CPU)
    (ours,) = onnx.OnnxBackend(folder=folder).score(loaded, [item], CPU)
    np.testing.assert_allclose(ours.statistics, exact.statistics, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(ours.logits, exact.logits, atol=1e-5)
    assert ours.site_logit == (None if exact.site_logit is None else pytest.approx(exact.site_logit, abs=1e-4))


def test_a_batcher_runs_it_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "user_cache_path", lambda *_, **__: folder.parent)
    loaded, case = branch("image"), film(0)
    with Batcher(CPU, run=runner("onnx", CPU)) as batcher:
        (ours,) = batcher.score(loaded, [case], CPU)
    np.testing.assert_allclose(ours.logits, run(loaded, [case], CPU)[0].logits, atol=1e-5)
    assert runner("torch", CPU) is forward


def test_a_network_is_exported_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = branch("image")
    onnx.OnnxBackend(folder=folder).network(loaded)
    monkeypatch.setattr(onnx, "_export", lambda *_: pytest.fail("it was exported before"))
    assert onnx.OnnxBackend(folder=folder).score(loaded, [film()], CPU)[0].windows == 1
    assert not list(folder.glob("*.part"))


def test_a_network_that_says_otherwise_is_refused(folder: Path, tmp_path: Path) -> None:
    loaded, other = branch("image"), zoo.load(zoo.find("image", "other_image"))
    onnx.OnnxBackend(folder=folder).network(loaded)
    (exported,) = folder.glob(f"{loaded.config.sha256}-*.onnx")
    (tmp_path / exported.name.replace(loaded.config.sha256, other.config.sha256)).write_bytes(exported.read_bytes())
    with pytest.raises(ModelError, match="answers otherwise than torch"):
        onnx.OnnxBackend(folder=tmp_path).network(other)


def test_a_damaged_file_in_the_cache_is_named(folder: Path, tmp_path: Path) -> None:
    loaded = branch("image")
    onnx.OnnxBackend(folder=folder).network(loaded)
    (exported,) = folder.glob(f"{loaded.config.sha256}-*.onnx")
    (tmp_path / exported.name).write_bytes(exported.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"delete it from the cache"):
        onnx.OnnxBackend(folder=tmp_path).network(loaded)


def test_the_backend_is_chosen_by_one_setting() -> None:
    assert Engine()._attempt is attempt
    for name in ("onnx", "onnx-int8"):
        assert Engine(backend=name, device="cpu")._attempt is not attempt
    with pytest.raises(UsageError, match="torch, onnx, onnx-int8"):
        Engine(backend="tensorrt")
