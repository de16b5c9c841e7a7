"""Explaining leaves a shared network as it was, and says plainly what it cannot do."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from multimodal.case import Case, Item, ItemResult, Text
from multimodal.engine.inference import evidence, run
from multimodal.errors import NonFiniteError, UsageError
from multimodal.explain import FILLS, METHODS, assess, explain, explain_case, measure
from multimodal.labels import Modality
from multimodal.zoo import LoadedBranch
from tests.explain.items import film, note, sound, texture
from tests.explain.networks import LABEL, film_branch, random_branch
from tests.ui.made import diagnosis

ITEMS: dict[str, Item] = {"image": film(), "audio": sound(), "text": note()}


@pytest.mark.parametrize("kind", list(Modality))
def test_nothing_is_left_behind(kind: str) -> None:
    branch, item = random_branch(kind), ITEMS[kind]
    branch.network.head[-1].weight.requires_grad_(requires_grad=False)
    before = {name: value.clone() for name, value in branch.network.state_dict().items()}
    wanted = [parameter.requires_grad for parameter in branch.network.parameters()]
    for method in METHODS[Modality(kind)]:
        explain(branch, item, LABEL, device="cpu", method=method)
    assess(branch, item, LABEL, device="cpu")
    assert all(torch.equal(value, before[name]) for name, value in branch.network.state_dict().items())
    assert [parameter.requires_grad for parameter in branch.network.parameters()] == wanted
    assert all(parameter.grad is None for parameter in branch.network.parameters())
    for module in branch.network.modules():
        assert not module.training
        assert not any(hooks for name, hooks in vars(module).items() if name.endswith("_hooks"))
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("kind", list(Modality))
def test_it_works_inside_inference_mode_and_gives_what_the_engine_gives(kind: str) -> None:
    branch, item = random_branch(kind), ITEMS[kind]
    outside = explain(branch, item, LABEL, device="cpu")
    with torch.inference_mode():
        inside = explain(branch, item, LABEL, device="cpu")
        assert torch.is_inference_mode_enabled()
    np.testing.assert_array_equal(inside.values, outside.values)
    (output,) = run(branch, [item], "cpu")
    scored = evidence(branch.config, output.logits)[branch.config.labels.index(LABEL)]
    assert outside.evidence == pytest.approx(float(scored), abs=1e-4)


def test_threads_may_share_a_branch() -> None:
    branch, item = random_branch("audio"), ITEMS["audio"]
    alone = explain(branch, item, LABEL, device="cpu")
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: explain(branch, item, LABEL, device="cpu"), range(8)))
    for found in together:
        np.testing.assert_array_equal(found.values, alone.values)


@pytest.mark.parametrize("kind", list(Modality))
def test_the_default_costs_at_most_three_forward_passes_and_one_backward(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch, item = random_branch(kind), ITEMS[kind]
    passes = {"forward": 0, "backward": 0}
    inner, grad = type(branch.network.head).forward, torch.autograd.grad

    def forward(self: nn.Sequential, x: torch.Tensor) -> torch.Tensor:
        passes["forward"] += self is branch.network.head
        return inner(self, x)

    def backward(*args: object) -> object:
        passes["backward"] += 1
        return grad(*args)

    monkeypatch.setattr(nn.Sequential, "forward", forward)
    monkeypatch.setattr(torch.autograd, "grad", backward)
    explain(branch, item, LABEL, device="cpu")
    assert passes["forward"] <= 3
    assert passes["backward"] == 1


@pytest.mark.parametrize("kind", list(Modality))
def test_another_network_gives_another_map(kind: str) -> None:
    """Adebayo et al., Sanity Checks for Saliency Maps, 2018: a map that survives random weights explains nothing."""
    item = texture() if kind == "image" else ITEMS[kind]
    for method in METHODS[Modality(kind)]:
        maps = [explain(random_branch(kind, seed), item, LABEL, device="cpu", method=method).values for seed in (0, 1)]
        correlation = np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1]
        assert abs(correlation) < 0.75


@pytest.mark.parametrize("kind", list(Modality))
def test_json_is_plain_and_small(kind: str) -> None:
    found = explain(random_branch(kind), ITEMS[kind], LABEL, device="cpu").to_json()
    text = json.dumps(found, allow_nan=False)
    assert len(text) < 8000
    assert json.loads(text) == found
    assert (found["modality"], found["label"], found["model"]) == (kind, LABEL, "made")
    assert note().text[:20] not in text


def test_unknown_labels_methods_and_items_are_refused() -> None:
    branch = film_branch()
    with pytest.raises(UsageError, match="murmur"):
        explain(branch, film(), "murmur", device="cpu")
    with pytest.raises(UsageError, match="tea_leaves"):
        explain(branch, film(), LABEL, device="cpu", method="tea_leaves")
    with pytest.raises(UsageError):
        explain(branch, sound(), LABEL, device="cpu")


def test_a_network_that_gives_no_number_is_not_explained() -> None:
    branch = random_branch("image")
    with torch.no_grad():
        branch.network.head[-1].bias.fill_(torch.nan)
    with pytest.raises(NonFiniteError, match=r"film\.png"):
        explain(branch, film(), LABEL, device="cpu")


def test_an_empty_note_has_no_words() -> None:
    found = explain(random_branch("text"), Text("empty.txt", "0" * 64, " \n "), LABEL, device="cpu")
    assert found.values.size == 0
    assert found.to_json()["words"] == []


class _Engine:
    """What ``explain_case`` needs of an engine."""

    device = "cpu"

    def branches(self, modality: Modality) -> tuple[LoadedBranch, ...]:
        return (
            (random_branch(modality, 0), random_branch(modality, 1))
            if modality is Modality.IMAGE
            else (random_branch(modality),)
        )


def test_every_item_that_the_answer_rests_on_and_that_can_speak_is_explained_by_every_branch() -> None:
    left_out = replace(sound(), name="silent.wav", sha256="0" * 64)
    beats = replace(sound(), name="beats.wav", sha256="1" * 64, site=None)
    case = Case("c", (film(),), (sound(), left_out, beats), (note(),))
    sites = {"sound.wav": "lung", "silent.wav": "lung", "beats.wav": "heart"}
    items = (ItemResult(i.name, i.sha256, i.modality, sites.get(i.name), used=i is not left_out) for i in case.items)
    became = diagnosis(items=tuple(items))
    found = explain_case(_Engine(), case, became, LABEL)  # type: ignore[arg-type]
    assert [(e.modality, e.item) for e in found] == [
        (Modality.IMAGE, "film.png"),
        (Modality.IMAGE, "film.png"),
        (Modality.AUDIO, "sound.wav"),
        (Modality.TEXT, "note.txt"),
    ]
    assert explain_case(_Engine(), case, became, "murmur") == ()  # type: ignore[arg-type]


def test_a_cohort_is_measured_method_by_method() -> None:
    branch = film_branch()
    films = [film(square=(40 * i, 60, 40 * i + 40, 100)) for i in range(1, 6)]
    figures = measure(branch, films, ["a", "a", "b", "c", "d"], device="cpu")
    assert list(figures) == list(METHODS[Modality.IMAGE])
    for entry in figures.values():
        assert (entry["items"], entry["patients"]) == (5, 4)
        for fill in FILLS:
            part = entry[fill]
            assert part["above_random"] == pytest.approx(part["gain"] - part["gain_random"], abs=2e-4)
            assert part["above_random_ci"][0] <= part["above_random"] <= part["above_random_ci"][1]
            assert part["above_random"] > 0
            assert part["better_than_random"] > 0.5
