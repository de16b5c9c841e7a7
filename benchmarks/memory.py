"""Memory while many cases pass: the peak is that of a few cases, and it stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import Options, Row, Skipped
from benchmarks.records import sources
from multimodal import Engine, read_case

SEEDS = 8
_STATUS = Path("/proc/self/statm")


def rows(options: Options) -> Iterator[Row]:
    """Peak after warming up over that of the first tenth, and the slope of the rest."""
    if not _STATUS.exists():
        raise Skipped("the memory of a process is read from /proc")
    engine = Engine(device=options.device)
    given = [sources(seed) for seed in range(SEEDS)]
    held = []
    for number in range(options.cases):
        engine.diagnose(read_case(given[number % SEEDS], isolated=False))
        held.append(_resident())
    early = options.cases // 10
    slope = float(np.polyfit(np.arange(early, len(held)), held[early:], 1)[0])
    peak = max(held) / max(held[:early])
    n = options.cases
    yield Row(f"peak of {n} cases over peak of the first {early}", peak, peak, peak, n, "<= 1.05")
    yield Row("slope of memory, kB a case", slope / 1000, slope / 1000, slope / 1000, n, "<= 10")
    if torch.cuda.is_available() and engine.device.startswith("cuda"):
        on_gpu = torch.cuda.max_memory_allocated() / 1e6
        yield Row("peak on the GPU, MB", on_gpu, on_gpu, on_gpu, n)


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(_STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
