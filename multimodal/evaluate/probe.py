"""What embeddings tell of a task that no bundle was trained for: a linear probe of each modality, and of all together.

Linear probes: Alain and Bengio, "Understanding intermediate layers using linear classifier probes", ICLR workshop 2017.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multimodal.datasets import Dataset, read_folder
from multimodal.datasets.folder import NoteOrigin, load_item
from multimodal.engine.inference import run
from multimodal.errors import UsageError
from multimodal.evaluate.baselines import baselines
from multimodal.evaluate.figures import RESAMPLES, compare, ranking
from multimodal.evaluate.units import Units
from multimodal.labels import LABELS, Modality
from multimodal.metrics.checks import FloatArray
from multimodal.zoo import Bundle, load_branch

FUSED = "fused"
PENALTY = 0.01
"""Inverse strength of the probe's penalty: embeddings have more axes than such cohorts have patients."""
_PLACE = next(iter(LABELS))


def probe(
    bundles: Mapping[Modality, Bundle],
    folder: Path,
    column: str,
    *,
    text_column: str = "text",
    hide: Sequence[str] = (),
    device: str = "auto",
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Cross-fit a linear probe on the rows that have every modality; folds keep a patient together.

    Args:
        bundles: A branch for each modality.
        folder: Holds ``metadata.csv`` with a ``fold`` column and what each modality needs in each row.
        column: Any 0/1 column of it; empty is unknown.
        text_column: Column that holds the note.
        hide: Words that are taken out of notes, with all that begins with them: notes often name the answer.
        device: "auto", "cuda", "mps" or "cpu".
        resamples: Of the bootstrap over patients.

    Returns:
        ``data``; ``auroc`` of each modality and, where there are several, of "fused": the sum of their log-odds; of
        each baseline of each modality; ``fused_minus`` each modality.

    Raises:
        UsageError: If the column is missing or not 0 and 1, or there are not two folds with both.
        MultimodalError: If the folder or an item cannot be read.
    """
    data = _paired({m: read_folder(folder, m, text_column=text_column) for m in bundles}, column, text_column)
    if Modality.TEXT in data:
        data[Modality.TEXT] = _hidden(data[Modality.TEXT], hide)
    first = next(iter(data.values()))
    truth = first.rows[column].to_numpy(np.float64)
    scores = {str(m): _probed(_embeddings(bundles[m], each, device), truth, each) for m, each in data.items()}
    modalities = list(scores)
    if len(scores) > 1:
        scores[FUSED] = np.sum(list(scores.values()), axis=0)
    for each in data.values():
        labels = np.full_like(each.labels, np.nan)
        labels[:, list(LABELS).index(_PLACE)] = (
            truth  # baselines know the vocabulary only: the task takes a label's place
        )
        found = baselines(replace(each, labels=labels), (_PLACE,), None)
        scores |= {name: values[:, 0] for name, values in found.items()}
    units = {name: _units(values, truth, first) for name, values in scores.items()}
    answer: dict[str, Any] = {
        "task": column,
        "data": {
            "source": first.rows["source"].iloc[0],
            "rows": len(first),
            "patients": first.rows["patient"].nunique(),
        },
        "bundles": {str(m): bundle.name for m, bundle in bundles.items()},
        "hidden": list(hide),
        "auroc": {name: ranking(each, resamples=resamples) for name, each in units.items()},
    }
    if FUSED in units:
        answer["fused_minus"] = {
            name: compare(units[FUSED], units[name].scores, resamples=resamples) for name in modalities
        }
    return answer


def _paired(datasets: Mapping[Modality, Dataset], column: str, text_column: str) -> dict[Modality, Dataset]:
    """The rows that every modality has, in one order, and whose answer is known."""
    needed = [{Modality.TEXT: text_column}.get(modality, "file_name") for modality in datasets] + [column]
    if any(not set(needed) <= set(data.rows) for data in datasets.values()):
        raise UsageError(f"Expected columns {', '.join(needed)} in metadata.csv.")
    chosen = {m: data.where(data.rows[needed].notna().all(axis=1).to_numpy()) for m, data in datasets.items()}
    table = next(iter(chosen.values())).rows
    table = table.assign(value=pd.to_numeric(table[column], errors="coerce"))
    if not table["value"].isin((0, 1)).all() or table.groupby("fold")["value"].nunique().eq(2).sum() < 2:
        raise UsageError(f"Expected {column} to be 0 or 1, with both in two folds or more.")
    return chosen


def _hidden(data: Dataset, words: Sequence[str]) -> Dataset:
    """The notes without these words."""
    if not words:
        return data
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})[\w-]*", re.IGNORECASE)
    kept = [origin for origin in data.origins if isinstance(origin, NoteOrigin)]
    return replace(data, origins=tuple(replace(note, text=pattern.sub(" ", note.text)) for note in kept))


def _embeddings(bundle: Bundle, data: Dataset, device: str) -> FloatArray:
    """(N, D), an item at a time."""
    branch = load_branch(bundle)
    found = [run(branch, [load_item(data, i)], device=device)[0].embedding for i in range(len(data))]
    return np.stack(found).astype(np.float64)


def _probed(x: FloatArray, truth: FloatArray, data: Dataset) -> FloatArray:
    """(N,) log-odds, each by a probe that saw none of the fold."""
    folds = data.rows["fold"].to_numpy()
    scores = np.full(len(x), np.nan)
    for fold in np.unique(folds):
        inside = folds == fold
        model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=2000))
        scores[inside] = model.fit(x[~inside], truth[~inside]).decision_function(x[inside])
    return scores


def _units(scores: FloatArray, truth: FloatArray, data: Dataset) -> Units:
    patients = data.rows["patient"].to_numpy(np.str_)
    return Units(False, scores, truth, patients, data.rows["source"].to_numpy(np.str_), {})
