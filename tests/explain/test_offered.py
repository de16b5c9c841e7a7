"""A method that does not beat random is not offered, by the figures that the bundle itself carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from multimodal.case import Case, ItemResult
from multimodal.errors import UsageError
from multimodal.explain import EXPLANATIONS, METHODS, explain, explain_case, offered, recorded
from multimodal.labels import Modality
from multimodal.zoo import LoadedBranch
from tests.explain.items import film
from tests.explain.networks import LABEL, film_branch
from tests.ui.made import diagnosis

FIRST, SECOND, THIRD = METHODS[Modality.IMAGE]


def entry(value: float, half: float, items: int = 10) -> dict[str, Any]:
    part = {"above_random": value, "above_random_ci": [value - half, value + half]}
    return {"items": items, "blank": part, "imputed": part}


def with_figures(*evaluations: dict[str, Any], sha256: str | None = None) -> LoadedBranch:
    branch = film_branch()
    bundle = {"sha256": branch.config.sha256 if sha256 is None else sha256}
    metrics = {str(i): {"bundle": bundle, EXPLANATIONS: found} for i, found in enumerate(evaluations)}
    return LoadedBranch(branch.network, replace(branch.config, metrics=metrics))


def test_what_nobody_measured_is_offered_and_says_so() -> None:
    branch = film_branch()
    assert offered(branch.config) == tuple(METHODS[Modality.IMAGE])
    assert explain(branch, film(), LABEL, device="cpu").to_json()["faithfulness"] is None


def test_what_does_not_beat_random_is_not_offered() -> None:
    branch = with_figures({FIRST: entry(0.1, 0.2), SECOND: entry(0.3, 0.1), THIRD: entry(-1, 0.1)})
    assert offered(branch.config) == (SECOND,)
    found = explain(branch, film(), LABEL, device="cpu")
    assert found.method == SECOND
    faithfulness = found.to_json()["faithfulness"]
    assert faithfulness["items"] == 10
    assert faithfulness["blank"] == {"above_random": 0.3, "above_random_ci": [0.2, 0.4]}
    with pytest.raises(UsageError, match=f"out of {SECOND}"):
        explain(branch, film(), LABEL, device="cpu", method=FIRST)


def test_it_must_hold_whatever_fills_the_holes() -> None:
    lost = entry(0.3, 0.1) | {"imputed": {"above_random": 0.0, "above_random_ci": [-0.1, 0.1]}}
    assert FIRST not in offered(with_figures({FIRST: lost}).config)


def test_without_any_method_nothing_is_explained() -> None:
    branch = with_figures({name: entry(0, 1) for name in METHODS[Modality.IMAGE]})
    with pytest.raises(UsageError, match="beats random"):
        explain(branch, film(), LABEL, device="cpu")

    class _Engine:
        device = "cpu"

        def branches(self, modality: Modality) -> tuple[LoadedBranch, ...]:
            return (branch,)

    became = diagnosis(items=(ItemResult(film().name, film().sha256, "image"),))
    assert explain_case(_Engine(), Case("c", (film(),)), became, LABEL) == ()  # type: ignore[arg-type]


def test_figures_of_other_weights_do_not_count() -> None:
    assert recorded(with_figures({FIRST: entry(-1, 0.1)}, sha256="other").config) == {}


def test_sources_are_pooled_by_their_items() -> None:
    pooled = recorded(with_figures({FIRST: entry(0.2, 0.3, 10)}, {FIRST: entry(0.6, 0.3, 30)}).config)[FIRST]
    assert pooled.items == 40
    advantage = pooled.by_fill["blank"]
    assert advantage.value == pytest.approx(0.5)
    assert advantage.value - advantage.low == pytest.approx(((0.25 * 0.3) ** 2 + (0.75 * 0.3) ** 2) ** 0.5)
