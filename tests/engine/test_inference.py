from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from multimodal import zoo
from multimodal.branches.image import SmallCNN
from multimodal.engine import inference
from multimodal.engine.device import gathered, precision, resolve
from multimodal.engine.inference import MAX_EVIDENCE, attempt, evidence, run
from multimodal.errors import ModelError, NonFiniteError, UnsupportedError, UsageError
from multimodal.ood import FeatureDetector
from multimodal.prepare import prepare
from tests.engine.tiny import film, note, sound

ITEMS = {
    "image": [film(i, size=100 + 9 * i) for i in range(5)],
    "audio": [sound(i, seconds=2 + 1.7 * i) for i in range(4)],
    "text": [note(0), replace(note(1), text=note(1).text * 6), note(2)],
}


@pytest.fixture(params=ITEMS)
def branch(request: pytest.FixtureRequest) -> zoo.LoadedBranch:
    return zoo.load_branch(zoo.find(request.param, f"tiny_{request.param}"))


def test_an_item_is_the_mean_of_its_windows(branch):
    for item, output in zip(ITEMS[branch.config.kind], run(branch, ITEMS[branch.config.kind], "cpu"), strict=True):
        windows = prepare(item, branch.preparation, branch.tokenizer)
        with torch.no_grad():
            embedding, logits = branch.network(windows)
        assert output.windows == len(windows)
        np.testing.assert_allclose(output.embedding, embedding.mean(0), atol=1e-6)
        np.testing.assert_allclose(output.logits, logits.mean(0), atol=1e-6)
        assert (output.site_logit is None) is (branch.config.kind != "audio")


def test_order_and_company_change_nothing(branch):
    items = ITEMS[branch.config.kind]
    forwards, backwards = run(branch, items, "cpu"), run(branch, items[::-1], "cpu")[::-1]
    for one, other in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one.logits, other.logits)


def test_batches_of_one_shape_give_the_same(branch, monkeypatch):
    """The path of an accelerator: blank windows fill a batch up, notes are as long as any can be."""
    items = ITEMS[branch.config.kind]
    expected = run(branch, items, "cpu")
    shapes = set()
    forward = type(branch.network).forward

    def spy(self, x):
        shapes.add(x.shape)
        return forward(self, x)

    monkeypatch.setattr(type(branch.network), "forward", spy)
    monkeypatch.setattr(inference, "fixed_shape", lambda device: True)
    for one, other in zip(expected, run(branch, items, "cpu", batch_size=4), strict=True):
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-5)
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-5)
        assert one.windows == other.windows
    assert len(shapes) == 1
    assert next(iter(shapes))[0] == 4


def test_half_precision_moves_an_answer_little_and_runs_a_network_once(branch, monkeypatch):
    """The path of CUDA: bfloat16 where it serves, batches of one shape, the detector's statistics on the way."""
    items = ITEMS[branch.config.kind]
    if branch.config.kind != "text":
        branch = replace(branch, detector=FeatureDetector.fit(np.eye(8, 4, dtype=np.float32)))
    expected = run(branch, items, "cpu")
    calls = []
    branch.network.head.register_forward_hook(lambda *_: calls.append(1))
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    monkeypatch.setattr(inference, "fixed_shape", lambda device: True)
    monkeypatch.setattr(inference, "precision", lambda device: torch.autocast("cpu", dtype=torch.bfloat16))
    outputs = run(branch, items, "cpu", batch_size=64)
    assert len(calls) == 1
    for one, other in zip(expected, outputs, strict=True):
        assert other.embedding.dtype == np.float32
        assert other.logits.dtype == np.float64
        np.testing.assert_allclose(one.logits, other.logits, atol=0.05)
        if one.statistics is None:
            assert other.statistics is None
        else:
            np.testing.assert_allclose(one.statistics, other.statistics, atol=1e-5)


def test_what_goes_to_a_device_is_filled_up_by_the_first_row():
    rows = torch.arange(10.0).reshape(5, 2)
    whole = gathered([rows[:3], rows[3:3], rows[3:]], 4, torch.device("cpu"))
    assert torch.equal(whole[:5], rows)
    assert torch.equal(whole[5:], rows[:1].expand(3, 2))
    assert torch.equal(gathered([rows], 5, torch.device("cpu")), rows)


@pytest.mark.parametrize("together", [False, True])
def test_an_item_that_fails_fails_alone(monkeypatch, together):
    monkeypatch.setattr(inference, "fixed_shape", lambda device: together)
    branch = zoo.load(zoo.find("audio", "tiny_audio"))
    empty = replace(sound(), samples=np.zeros(0, np.float32))
    outputs = attempt(branch, [sound(0), empty, sound(1)], "cpu")
    assert isinstance(outputs[1], UnsupportedError)
    expected = run(branch, [sound(0), sound(1)], "cpu")
    np.testing.assert_allclose(outputs[0].logits, expected[0].logits, atol=1e-5)
    np.testing.assert_allclose(outputs[2].logits, expected[1].logits, atol=1e-5)
    with pytest.raises(UnsupportedError):
        run(branch, [sound(0), empty], "cpu")


@pytest.mark.parametrize("together", [False, True])
def test_what_a_network_throws_is_an_error_of_the_item(monkeypatch, together):
    loaded = zoo.load(zoo.find("image", "tiny_image"))
    good, bad = film(0), film(1)
    marked = prepare(bad, loaded.preparation)
    forward = SmallCNN.forward

    def fragile(self, x):
        if any(torch.equal(window, marked[0]) for window in x):
            raise RuntimeError("out of memory")
        return forward(self, x)

    monkeypatch.setattr(SmallCNN, "forward", fragile)
    monkeypatch.setattr(inference, "fixed_shape", lambda device: together)
    first, second = attempt(loaded, [good, bad], "cpu", batch_size=4)
    assert np.isfinite(first.logits).all()
    assert isinstance(second, ModelError)


def test_a_network_that_overflows_is_an_error(branch):
    with torch.no_grad():
        branch.network.head[-1].bias.fill_(torch.inf)
    with pytest.raises(NonFiniteError):
        run(branch, ITEMS[branch.config.kind][:1], "cpu")


def test_evidence_is_calibrated_and_bounded(branch):
    labels = branch.config.labels
    calibration = {name: branch.config.calibration[name] for name in labels[:2]}
    config = replace(branch.config, calibration=calibration)
    values = evidence(config, np.stack([np.zeros(len(labels)), np.full(len(labels), 100.0)]))
    assert np.isnan(values[:, 2:]).all()
    q = calibration[labels[0]]["prevalence"]
    assert values[0, 0] == pytest.approx(0.2 - np.log(q / (1 - q)))
    assert values[1, 0] == MAX_EVIDENCE


def test_devices():
    assert resolve("cpu") == torch.device("cpu")
    assert resolve(torch.device("cpu")) == torch.device("cpu")
    assert resolve("auto").type in {"cuda", "mps", "cpu"}
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no cuda device"):
            resolve("cuda:1")
    with precision(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
