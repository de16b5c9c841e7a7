"""Rising load on one engine behind its micro-batcher: what is left of the networks' own rate, and how long one waits.

Cases are decoded before; each caller asks for one after the other. The networks alone run on windows that are prepared
before, in full batches where the device takes batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from benchmarks.measure import Options, Row, seconds, summary
from benchmarks.records import anew, sources
from multimodal import Engine, read_case
from multimodal.case import Case
from multimodal.engine import Batcher
from multimodal.engine.device import resolve
from multimodal.engine.inference import forward, ready
from multimodal.labels import Modality

CALLERS = (1, 4, 16, 64)
CASES, SEEDS = 64, 8
GOAL = ">= 0.90"
"""On a GPU, of the networks' own rate."""


def rows(options: Options) -> Iterator[Row]:
    """For each number of callers, with the networks alone timed beside each; on a GPU also its memory.

    Of an answer's time the median and the 99th centile are given over a lone caller's median.
    """
    device = resolve(options.device)
    engine = Engine(device=options.device)
    cases = [read_case(sources(number % SEEDS), isolated=False) for number in range(CASES)]
    alone = _networks(engine, cases, device)
    with Batcher(device) as batcher:
        asked = engine.through(batcher.score)
        asked.warm_up()
        alone()
        one = 0.0
        for callers in CALLERS:
            shares, rates, waits = [], [], []
            for _ in range(max(3, options.pairs // 5)):
                bare = seconds(alone)
                whole, times = _load(asked, cases, callers)
                shares.append(bare / whole)
                rates.append(CASES / whole)
                waits += times
            one = one or float(np.median(waits))
            many = f"{callers} caller{'s' if callers > 1 else ''}"
            yield summary(f"{many}: share of the model-only rate", shares, GOAL if device.type == "cuda" else "")
            yield summary(f"{many}: cases a second", rates)
            yield summary(f"{many}: p50 over that of one caller", [wait / one for wait in waits])
            late = float(np.percentile(waits, 99)) / one
            yield Row(f"{many}: p99 over the p50 of one caller", late, late, late, len(waits))
    if device.type == "cuda":
        most = torch.cuda.max_memory_allocated(device) / 1e6
        yield Row("peak memory of the GPU, MB", most, most, most, len(CALLERS))


def _networks(engine: Engine, cases: Sequence[Case], device: torch.device) -> Callable[[], None]:
    """The networks alone on all cases' windows."""
    items = [item for case in cases for item in case.items]
    work = [
        (branch, [ready(branch, item, device) for item in items if item.modality is modality])
        for modality in Modality
        for branch in engine.branches(modality)
    ]

    def run() -> None:
        for branch, windows in work:
            forward(branch, windows, device)

    return run


def _load(engine: Engine, cases: Sequence[Case], callers: int) -> tuple[float, list[float]]:
    """Seconds for all cases by so many callers, and for each."""
    times: list[float] = []
    fresh = [anew(case) for case in cases]
    with ThreadPoolExecutor(callers) as threads:
        whole = seconds(lambda: times.extend(threads.map(lambda case: seconds(lambda: engine.diagnose(case)), fresh)))
    return whole, times
