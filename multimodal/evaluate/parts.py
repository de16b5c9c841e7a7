"""What a card tells beside the figures: explanations, stress and audit, on a few items; and all of a card at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from multimodal.datasets import Dataset, join, load_item
from multimodal.evaluate.audit import audit
from multimodal.evaluate.branch import evaluate_branch
from multimodal.evaluate.card import evaluation_title, write_card
from multimodal.evaluate.figures import RESAMPLES
from multimodal.evaluate.stress import stress
from multimodal.evaluate.trial import ROWS, Trial, drawn, trial
from multimodal.explain import EXPLANATIONS, measure
from multimodal.zoo import Bundle, load_branch

EXPLAINED = 12
"""Items whose explanations are measured: each is scored some two hundred times."""

Part = Callable[[Trial, Dataset | None], dict[str, Any]]


def explanations(trial: Trial, others: Dataset | None = None) -> dict[str, Any]:  # noqa: ARG001
    """Every method's faithfulness, by :func:`multimodal.explain.measure`, on some of a trial's items."""
    data = drawn(trial.data, trial.labels, EXPLAINED, trial.seed)
    items = [load_item(data, i) for i in range(len(data))]
    return measure(trial.branch, items, data.rows["patient"].tolist(), device=trial.device, seed=trial.seed)


def _stress(trial: Trial, others: Dataset | None = None) -> dict[str, Any]:  # noqa: ARG001
    return stress(trial)


PARTS: Mapping[str, Part] = MappingProxyType({EXPLANATIONS: explanations, "stress": _stress, "audit": audit})
"""Entry of an evaluation's figures -> what makes it, out of a trial and the rows of other sources."""


def start(bundle: Bundle, data: Dataset, *, rows: int = ROWS, seed: int = 0, device: str = "auto") -> Trial:
    """A trial of a bundle on rows of one split.

    Args:
        bundle: Of a branch.
        data: Of its modality; one split.
        rows: Most items.
        seed: Of the draw and of the changes.
        device: "auto", "cuda", "mps" or "cpu".

    Raises:
        UsageError: If the bundle is a fusion head.
        MultimodalError: If an item cannot be read or prepared.
    """
    return trial(load_branch(bundle), data, rows=rows, seed=seed, device=device)


def complete_card(
    bundle: Bundle,
    datasets: Sequence[Dataset],
    *,
    split: str = "test",
    text_column: str = "",
    rows: int = ROWS,
    seed: int = 0,
    device: str = "auto",
    resamples: int = RESAMPLES,
) -> Iterator[str]:
    """Measure all that a branch's card tells, each folder by itself, and write the card after each step.

    What the bundle carries already for these weights and rows is kept, so that a run that was stopped goes on.

    Args:
        bundle: A branch.
        datasets: Folders of its modality, with all their splits.
        split: Any value of the split column.
        text_column: Which part of the notes the data holds.
        rows: Most items of a trial.
        seed: Of the draw and of every change.
        device: "auto", "cuda", "mps" or "cpu".
        resamples: Of the bootstrap of the figures.

    Yields:
        What is about to be measured.

    Raises:
        UsageError: If the bundle is a fusion head, or the data is not of its modality or lacks the split.
        MultimodalError: If an item cannot be read or prepared.
    """
    for number, data in enumerate(datasets):
        about = {"source": "+".join(data.rows["source"].unique()), "split": split, "text_column": text_column}
        title = evaluation_title(about)
        carried = bundle.config.metrics.get(title, {})
        if not carried or carried["bundle"]["sha256"] != bundle.config.sha256:
            yield title
            found = evaluate_branch(
                bundle, [data], split=split, text_column=text_column, device=device, resamples=resamples
            )
            carried = found.figures
            write_card(bundle, [carried])
        missing = [name for name in PARTS if name not in carried]
        if not missing:
            continue
        beside = [other.in_split(split) for other in (*datasets[:number], *datasets[number + 1 :])]
        others = join([other for other in beside if len(other)]) if any(map(len, beside)) else None
        begun = start(bundle, data.in_split(split), rows=rows, seed=seed, device=device)
        for name in missing:
            yield f"{title}, {name}"
            carried = {**carried, name: PARTS[name](begun, others)}
            write_card(bundle, [carried])
