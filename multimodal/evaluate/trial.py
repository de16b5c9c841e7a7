"""Change the items of some test patients and see what becomes of a branch's ranking of the very same items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from multimodal.case import Item
from multimodal.datasets import Dataset, load_item
from multimodal.engine.inference import evidence, run
from multimodal.evaluate.figures import mean_auroc
from multimodal.evaluate.units import Scored, Units, units
from multimodal.metrics.checks import FloatArray
from multimodal.zoo import LoadedBranch

Change = Callable[[Item, np.random.Generator], Item]
"""An item to what is left of it; the same generator is given to every change of an item."""
Rescore = Callable[[Item, npt.NDArray[np.floating[Any]]], Mapping[str, FloatArray]]
"""An item and its (L,) truth, NaN where unknown, to (L,) evidence by name."""

ROWS = 48
"""Items that a trial takes."""
PER_PATIENT = 2
"""Items of one patient at most."""
LEAST = 5
"""Fewest positive and fewest negative units that a label needs to count."""
RESAMPLES = 500


@dataclass(frozen=True)
class Trial:
    """The items of a trial and what the branch says of them as they are.

    Attributes:
        branch: From ``zoo.load``.
        data: N items.
        clean: (N, L) evidence.
        device: "auto", "cuda", "mps" or "cpu".
        seed: Of the generators that changes are given.
    """

    branch: LoadedBranch
    data: Dataset
    clean: FloatArray
    device: str
    seed: int

    @cached_property
    def as_they_are(self) -> Mapping[str, Units]:
        """Units of the labels that count: enough of both classes that may be compared."""
        found = {label: self._units(self.clean, label) for label in self.branch.config.calibration}
        return {label: rows for label, rows in found.items() if _enough(rows)}

    @property
    def labels(self) -> tuple[str, ...]:
        """Those that count."""
        return tuple(self.as_they_are)

    def scores(self, changes: Mapping[str, Change], rescore: Rescore | None = None) -> dict[str, FloatArray]:
        """(N, L) evidence of the items after each change, and by each name that ``rescore`` gives.

        Raises:
            MultimodalError: If an item cannot be read or prepared.
        """
        config, rows = self.branch.config, []
        known = np.stack([self.data.label(label) for label in config.labels], axis=1)
        for number in range(len(self.data)):
            item = load_item(self.data, number)
            changed = [change(item, np.random.default_rng([self.seed, number])) for change in changes.values()]
            outputs = run(self.branch, changed, self.device)
            row = {name: evidence(config, output.logits) for name, output in zip(changes, outputs, strict=True)}
            rows.append(row | (dict(rescore(item, known[number])) if rescore else {}))
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def about(self) -> dict[str, Any]:
        """What was tried, and the mean AUROC of the items as they are."""
        return {
            "items": len(self.data),
            "patients": int(self.data.rows["patient"].nunique()),
            "labels": list(self.labels),
            **_mean(self.as_they_are),
        }

    def figures(self, scores: FloatArray) -> dict[str, Any]:
        """``auroc``, averaged over the labels that count, and ``difference`` to the items as they are."""
        changed = {label: self._units(scores, label) for label in self.labels}
        before = {label: rows.scores for label, rows in self.as_they_are.items()}
        difference = mean_auroc(changed, before, resamples=RESAMPLES)
        return _mean(changed) | {"difference": difference["value"], "difference_ci": difference["ci"]}

    def _units(self, scores: FloatArray, label: str) -> Units:
        return units(Scored(self.data, self.branch.config.labels, scores), label).comparable()


def trial(
    branch: LoadedBranch,
    data: Dataset,
    *,
    rows: int = ROWS,
    seed: int = 0,
    device: str = "auto",
) -> Trial:
    """Draw items by seed and score them as they are.

    Args:
        branch: From ``zoo.load``.
        data: Of its modality; one split.
        rows: Most items.
        seed: Of the draw and of the changes.
        device: "auto", "cuda", "mps" or "cpu".

    Raises:
        MultimodalError: If an item cannot be read or prepared.
    """
    chosen = drawn(data, branch.config.labels, rows, seed)
    start = Trial(branch, chosen, np.empty(0), device, seed)
    return replace(start, clean=start.scores({"clean": lambda item, _: item})["clean"])


def drawn(data: Dataset, labels: Iterable[str], rows: int = ROWS, seed: int = 0) -> Dataset:
    """Rows drawn by seed: in turn one with and one without each label, so that rare labels have both classes.

    AUROC does not depend on the share of positives; a figure that does must not be taken from these rows.

    Args:
        data: One split.
        labels: That shall have both classes.
        rows: Most rows.
        seed: Of the draw.
    """
    order = np.random.default_rng(seed).permutation(len(data))
    patients = data.rows["patient"].to_numpy()
    queues = [[int(i) for i in order if data.label(label)[i] == value] for label in labels for value in (1, 0)]
    queues.append([int(i) for i in order])
    chosen: dict[int, None] = {}
    taken: dict[str, int] = {}
    while len(chosen) < rows and any(queues):
        for queue in queues:
            while queue and (queue[0] in chosen or taken.get(patients[queue[0]], 0) >= PER_PATIENT):
                queue.pop(0)
            if queue and len(chosen) < rows:
                row = queue.pop(0)
                chosen[row] = None
                taken[patients[row]] = taken.get(patients[row], 0) + 1
    return data.where(np.sort(np.fromiter(chosen, dtype=np.intp)))


def _mean(by_label: Mapping[str, Units]) -> dict[str, Any]:
    found = mean_auroc(by_label, resamples=RESAMPLES)
    return {"auroc": found["value"], "auroc_ci": found["ci"]}


def _enough(rows: Units) -> bool:
    return bool(min(rows.targets.sum(), (1 - rows.targets).sum()) >= LEAST)
