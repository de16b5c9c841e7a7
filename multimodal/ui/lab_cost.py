"""What an answer costs: time by stage, memory, size. No Streamlit."""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from multimodal.case import Audio, Case, Item
from multimodal.engine import Engine, run
from multimodal.engine.answer import fuse_all
from multimodal.engine.device import precision, resolve
from multimodal.engine.models import Models
from multimodal.engine.statement import Statement, state
from multimodal.formats import read_case
from multimodal.labels import Modality
from multimodal.prepare import prepare
from multimodal.ui.lab_fit import size
from multimodal.ui.record import Choice, Source
from multimodal.ui.theme import WORDS
from multimodal.zoo import Bundle, LoadedBranch, find

RUNS = 5
"""Of which the median is shown; one more before them warms up."""

LATE = "late"


@dataclass(frozen=True)
class Cost:
    """What one choice of models costs on one case.

    Attributes:
        stages: Median milliseconds by stage, in order; "Whole answer" is measured by itself.
        working: Bytes of the tensors that one pass of the largest branch holds at once, weights not counted.
        weights: Bytes of the weights in memory.
        disk: Bytes of the bundles' files.
        parameters: Of all networks.
    """

    stages: Mapping[str, float]
    working: int
    weights: int
    disk: int
    parameters: int


def measure(choice: Choice, sources: Sequence[Source], case: Case, runs: int = RUNS) -> Cost:
    """Measure each stage on its own, as the engine runs it, networks loaded and warm.

    Args:
        choice: The models.
        sources: The case's files, for decoding.
        case: The case.
        runs: See :data:`RUNS`.

    Raises:
        ModelError: If a bundle cannot be loaded.
        InputError: If an item cannot be prepared.
    """
    device = resolve(choice.device)
    models = Models(dict(choice.models), device)
    stages = {"Decode the files": _median(lambda: read_case(sources), runs)}
    working = 0
    statements: dict[Modality, Statement] = {}
    networks: list[nn.Module] = [models.head]
    for modality in Modality:
        items = [item for item in case.items if item.modality is modality]
        branches = models.branches(modality)
        networks += [branch.network for branch in branches]
        if not items or not branches:
            continue
        word = WORDS[modality].lower()
        stages[f"Prepare {word}"] = _median(partial(_windows, branches, items), runs)
        windows = _windows(branches, items)
        stages[f"Forward {word}"] = _median(partial(_forward, branches, windows, device), runs)
        with _Peak() as peak:
            _forward(branches, windows, device)
        working = max(working, peak.peak)
        statements[modality] = _statement(modality, branches, items, device)
    engine = Engine(dict(choice.models), device=choice.device)
    said = [(statements, case.patient)]
    stages["Fusion, every subset"] = _median(
        lambda: fuse_all(models.head, models.readings, said, engine.prevalence), runs
    )
    stages["Whole answer"] = _median(lambda: engine.diagnose(case), runs)
    return Cost(
        stages=stages,
        working=working,
        weights=sum(p.numel() * p.element_size() for network in networks for p in network.parameters()),
        disk=sum(size(bundle) for bundle in _bundles(choice)),
        parameters=sum(bundle.config.parameters for bundle in _bundles(choice)),
    )


def _bundles(choice: Choice) -> list[Bundle]:
    return [find(kind, name) for kind, name in choice.models if name != LATE]


def _median(work: Callable[[], object], runs: int) -> float:
    """Median milliseconds."""
    work()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)


def _windows(branches: Sequence[LoadedBranch], items: Sequence[Item]) -> list[list[Tensor]]:
    return [[prepare(item, b.preparation, b.tokenizer) for item in items] for b in branches]


def _forward(branches: Sequence[LoadedBranch], windows: Sequence[Sequence[Tensor]], device: torch.device) -> None:
    with torch.inference_mode(), precision(device):
        for branch, prepared in zip(branches, windows, strict=True):
            for x in prepared:
                branch.network(x.to(device))
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _statement(
    modality: Modality, branches: Sequence[LoadedBranch], items: Sequence[Item], device: torch.device
) -> Statement:
    outputs = [run(branch, items, device) for branch in branches]
    return state(modality, branches, outputs, [item.site if isinstance(item, Audio) else None for item in items])


class _Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own __init_subclass__
    """Counts the bytes of the tensors that live at once; what a kernel takes and gives back inside is not seen."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(tensor, Tensor) and not isinstance(tensor, nn.Parameter):
                self._count(tensor)
        return made

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, taken = storage._cdata, storage.nbytes()
        if key not in self._known:
            self._known.add(key)
            self.live += taken
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._free, key, taken)

    def _free(self, key: int, taken: int) -> None:
        self._known.discard(key)
        self.live -= taken
