"""Ratios of two ways of doing a thing, timed in turns so that whatever else the machine does strikes both."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_COMPARE = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Options:
    """What one run of the benchmarks is given.

    Attributes:
        pairs: How often each pair is timed.
        device: "auto", "cuda", "mps" or "cpu".
        cases: Cases that pass while memory is watched.
    """

    pairs: int
    device: str
    cases: int


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: What is measured, as "this over that".
        median: Over the pairs.
        low: First quartile.
        high: Third quartile.
        n: Pairs, or what else the figure comes from.
        goal: Such as "<= 1.10"; empty where there is none.
    """

    what: str
    median: float
    low: float
    high: float
    n: int
    goal: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the goal."""
        if not self.goal:
            return None
        sign, bound = self.goal.split()
        return bool(_COMPARE[sign](self.median, float(bound)))


class Skipped(Exception):  # noqa: N818 - it is no error
    """A benchmark that cannot be run here; the message says why."""


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def summary(what: str, values: Sequence[float], goal: str = "") -> Row:
    """Median and quartiles."""
    low, median, high = np.percentile(values, (25, 50, 75))
    return Row(what, float(median), float(low), float(high), len(values), goal)


def ratio(what: str, first: Callable[[], object], second: Callable[[], object], pairs: int, goal: str = "") -> Row:
    """Time of ``first`` over that of ``second``: median of pairs, each in the other order than the last."""
    first(), second()
    values = []
    for turn in range(pairs):
        if turn % 2:
            below = seconds(second)
            values.append(seconds(first) / below)
        else:
            above = seconds(first)
            values.append(above / seconds(second))
    return summary(what, values, goal)
