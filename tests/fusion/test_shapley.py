from __future__ import annotations

from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.fusion import shapley, shares
from multimodal.labels import Modality

NUMBERS = st.floats(-20, 20)
COALITIONS = [frozenset(s) for size in range(4) for s in combinations(Modality, size)]
GAMES = st.lists(NUMBERS, min_size=8, max_size=8).map(lambda worth: dict(zip(COALITIONS, worth, strict=True)))
IMAGE, AUDIO, TEXT = Modality


def by_orders(values):
    """The definition: the mean over all orders of arrival of what each player adds."""
    result = dict.fromkeys(Modality, 0.0)
    for order in permutations(Modality):
        for i, player in enumerate(order):
            result[player] += (values[frozenset(order[: i + 1])] - values[frozenset(order[:i])]) / 6
    return result


@given(GAMES)
def test_matches_the_mean_over_orders(values):
    assert shapley(values) == pytest.approx(by_orders(values), abs=1e-9)


@given(GAMES)
def test_efficiency(values):
    assert sum(shapley(values).values()) == pytest.approx(values[frozenset(Modality)] - values[frozenset()], abs=1e-9)


@given(GAMES)
def test_symmetry(values):
    swap = {IMAGE: TEXT, TEXT: IMAGE, AUDIO: AUDIO}
    symmetric = {s: (values[s] + values[frozenset(swap[m] for m in s)]) / 2 for s in values}
    result = shapley(symmetric)
    assert result[IMAGE] == pytest.approx(result[TEXT], abs=1e-9)


@given(GAMES)
def test_null_player(values):
    result = shapley({s: values[s - {AUDIO}] for s in values})
    assert result[AUDIO] == pytest.approx(0, abs=1e-9)


@given(GAMES, st.sets(st.sampled_from(list(Modality)), min_size=1), st.floats(-5, 5))
def test_shares_add_up_whoever_speaks(values, speakers, base):
    spoken = {s: v for s, v in values.items() if s & speakers}
    result = shares(spoken, speakers, base)
    assert list(result) == list(Modality)
    assert base + sum(result.values()) == pytest.approx(values[frozenset(Modality)], abs=1e-9)
    assert all(result[m] == 0 for m in Modality if m not in speakers)


def test_shares_of_one_modality():
    assert shares({frozenset({AUDIO}): 1.5}, {AUDIO}, -1.0) == {AUDIO: 2.5}
