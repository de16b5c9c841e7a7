from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHES
from benchmarks.measure import Row, ratio, summary


def test_a_ratio_is_that_of_the_times(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    slow = iter([9.0, 3.0, 4.0, 5.0, 6.0, 7.0])  # the first call warms up

    def take(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    row = ratio("slow over quick", lambda: take(next(slow)), lambda: take(2.0), pairs=5, goal=">= 2.0")
    assert (row.low, row.median, row.high, row.n) == pytest.approx((2.0, 2.5, 3.0, 5))
    assert row.met


def test_both_ways_are_timed_in_turns() -> None:
    order: list[str] = []
    ratio("a over b", lambda: order.append("a"), lambda: order.append("b"), pairs=4)
    assert "".join(order) == "ab" + "abba" * 2


@pytest.mark.parametrize(
    ("goal", "met"), [("<= 1.10", True), ("<= 1.00", False), (">= 1.05", True), (">= 5.0", False), ("", None)]
)
def test_a_goal_is_compared_with_the_median(goal: str, met: bool | None) -> None:
    assert summary("x", [1.0, 1.05, 9.0], goal).met is met
    assert Row("x", 1.05, 1.0, 9.0, 3, goal).met is met


def test_every_benchmark_exists_and_is_told_of() -> None:
    told = (Path(__file__).parents[1] / "benchmarks" / "README.md").read_text()
    for name in BENCHES:
        assert find_spec(f"benchmarks.{name}") is not None
        assert f"`{name}`" in told
