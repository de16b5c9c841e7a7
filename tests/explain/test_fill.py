"""What is put into the holes: near its surroundings, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import laplace

from multimodal.case import Item
from multimodal.explain.fill import FILLS, imputed
from multimodal.explain.probe import FIXED, Probe, probe
from tests.explain.items import note, sound, texture
from tests.explain.networks import LABEL, random_branch

ITEMS: dict[str, Item] = {"image": texture(), "audio": sound(), "text": note()}


def asked(kind: str) -> Probe:
    return probe(random_branch(kind), ITEMS[kind], LABEL, device="cpu")


@pytest.mark.parametrize("fill", list(FILLS))
@pytest.mark.parametrize("kind", list(ITEMS))
def test_only_what_is_taken_out_changes(kind: str, fill: str) -> None:
    about = asked(kind)
    removed = torch.from_numpy(np.random.default_rng(0).random(about.count) < 0.4)
    filled = FILLS[fill](about, removed)
    hidden = torch.cat([removed, torch.zeros(1, dtype=torch.bool)])[about.units]
    assert FIXED == -1
    changed = (filled != about.inputs).any(-1) if kind == "text" else filled != about.inputs
    assert torch.equal(filled[~hidden], about.inputs[~hidden])
    assert changed[hidden].float().mean() > 0.9
    assert torch.isfinite(filled).all()


@pytest.mark.parametrize("kind", list(ITEMS))
def test_all_can_be_taken_out(kind: str) -> None:
    about = asked(kind)
    filled = imputed(about, torch.ones(about.count, dtype=torch.bool))
    assert torch.isfinite(filled).all()
    assert filled.std() < about.inputs.std()


def test_a_slope_is_continued_through_a_hole() -> None:
    about = asked("image")
    side = about.inputs.shape[-1]
    slope = (torch.arange(side) / side).expand(1, 1, side, side).contiguous()
    tilted = Probe(**{**vars(about), "inputs": slope})
    removed = torch.zeros(16, 16, dtype=torch.bool)
    removed[6:10, 6:10] = True
    filled = imputed(tilted, removed.flatten())
    assert (filled - slope).abs().mean() < 0.1 * slope.std()
    assert np.abs(laplace(filled[0, 0].numpy())).max() < 4.5 * slope.std() * 0.4


def test_a_hidden_word_lies_between_its_neighbours() -> None:
    about = asked("text")
    removed = torch.zeros(about.count, dtype=torch.bool)
    removed[3] = True
    filled = imputed(about, removed)[0]
    (places,) = np.nonzero((about.units[0] == 3).numpy())
    low, high = places.min() - 1, places.max() + 1
    middle = (about.inputs[0, low] + about.inputs[0, high]) / 2
    found = filled[places].mean(0)
    assert (found - middle).norm() < (about.inputs[0, places].mean(0) - middle).norm()
