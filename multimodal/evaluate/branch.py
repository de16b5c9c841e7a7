"""Measure a branch on labelled folders: by label, by source, by group, beside baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from multimodal.calibrate import LabelCalibration
from multimodal.datasets import Dataset, join, load_item
from multimodal.engine.inference import evidence, run
from multimodal.errors import UsageError
from multimodal.evaluate.baselines import baselines
from multimodal.evaluate.figures import RESAMPLES, compare, finite, label_figures, mean_auroc, pseudonym, ranking
from multimodal.evaluate.units import GROUPS, Scored, Units, units
from multimodal.metrics import bootstrap, circor_weighted_accuracy
from multimodal.metrics.checks import FloatArray
from multimodal.metrics.decisions import MURMUR_CLASSES
from multimodal.zoo import Bundle, BundleConfig, LoadedBranch, load_branch

_ITEMS_AT_ONCE = 64
MIN_GROUP = 5
"""Fewest positive and fewest negative units for a group to get figures of its own."""


@dataclass(frozen=True)
class BranchEvaluation:
    """What a branch reached.

    Attributes:
        figures: The answer of ``multimodal evaluate --json``: plain numbers.
        scored: The rows with the branch's evidence.
        calibrations: Of the labels that it speaks of.
    """

    figures: dict[str, Any]
    scored: Scored
    calibrations: Mapping[str, LabelCalibration]

    def predictions(self) -> pd.DataFrame:
        """One row a unit and label, for comparing bundles case by case.

        Columns: ``patient`` (a hash of its key), ``stratum``, ``label``, ``truth``, ``evidence`` and
        ``probability``, at the prevalence of the calibration sample.
        """
        tables = []
        for label, calibration in self.calibrations.items():
            found = units(self.scored, label)
            tables.append(
                pd.DataFrame(
                    {
                        "patient": [pseudonym(key) for key in found.patients],
                        "stratum": found.strata,
                        "label": label,
                        "truth": found.targets.astype(int),
                        "evidence": found.scores,
                        "probability": expit(found.scores + float(logit(calibration.prevalence))),
                    }
                )
            )
        return pd.concat(tables, ignore_index=True)


def evaluate_branch(
    bundle: Bundle,
    datasets: Sequence[Dataset],
    *,
    split: str = "val",
    text_column: str = "",
    device: str = "auto",
    resamples: int = RESAMPLES,
) -> BranchEvaluation:
    """Score a split and measure the answers.

    Args:
        bundle: A branch.
        datasets: Folders of its modality, with all their splits: baselines learn from "train".
        split: Any value of the split column.
        text_column: Which part of the notes the data holds, for the answer.
        device: "auto", "cuda", "mps" or "cpu".
        resamples: Of the bootstrap.

    Raises:
        UsageError: If the bundle is a fusion head, or the data is of another modality, has no such split,
            or has none of the branch's labels there.
    """
    loaded = load_branch(bundle)
    data = join(datasets)
    if data.modality != bundle.kind:
        raise UsageError(f"Expected data of {bundle.kind}, but got {data.modality}.")
    chosen = data.in_split(split)
    if not len(chosen):
        there = ", ".join(sorted(data.rows["split"].unique()))
        raise UsageError(f"Expected a split out of {there}, but got {split!r}.")
    scored = score(loaded, chosen, device=device)
    answer = evaluate_scored(scored, loaded.config, train=data.in_split("train"), split=split, resamples=resamples)
    if text_column:
        answer.figures["data"]["text_column"] = text_column
    return answer


def score(branch: LoadedBranch, dataset: Dataset, *, device: str = "auto") -> Scored:
    """The branch's evidence on every row of a dataset.

    Args:
        branch: From ``zoo.load_branch``.
        dataset: Of its modality, N rows.
        device: "auto", "cuda", "mps" or "cpu".

    Returns:
        (N, L) evidence on the branch's labels, with the rows.

    Raises:
        MultimodalError: If an item cannot be read or prepared.
    """
    outputs = []
    for start in range(0, len(dataset), _ITEMS_AT_ONCE):
        rows = range(start, min(start + _ITEMS_AT_ONCE, len(dataset)))
        outputs += [output.logits for output in run(branch, [load_item(dataset, i) for i in rows], device=device)]
    return Scored(dataset, branch.config.labels, evidence(branch.config, np.stack(outputs)))


def evaluate_scored(
    scored: Scored,
    config: BundleConfig,
    *,
    train: Dataset | None = None,
    split: str = "",
    resamples: int = RESAMPLES,
) -> BranchEvaluation:
    """Measure answers that are there already.

    Args:
        scored: Rows with evidence, over ``config.labels``.
        config: Of the bundle; its calibrations give thresholds and sets.
        train: Rows from which baselines learn; None for out-of-fold answers, beside which baselines
            are cross-fitted over the same folds.
        split: Name of the rows, for the answer.
        resamples: Of the bootstrap.

    Raises:
        UsageError: If no row has a known value of a label that the bundle speaks of.
    """
    calibrations = {label: LabelCalibration.from_dict(config.calibration[label]) for label in config.labels
                    if label in config.calibration}  # fmt: skip
    found = {label: units(scored, label) for label in calibrations}
    found = {label: rows for label, rows in found.items() if len(rows.scores)}
    if not found:
        raise UsageError(f"No row of split {split!r} has a known value of {', '.join(config.labels)}.")
    figures: dict[str, Any] = {
        "bundle": {"kind": config.kind, "name": config.name, "sha256": config.sha256},
        "data": {
            "source": "+".join(scored.rows["source"].unique()),
            "split": split,
            "rows": len(scored.rows),
            "patients": int(scored.rows["patient"].nunique()),
        },
        "labels": {label: _figures(rows, calibrations[label], resamples) for label, rows in found.items()},
    }
    comparable = {label: rows.comparable() for label, rows in found.items()}
    figures["mean_auroc"] = mean_auroc(comparable, resamples=resamples)
    figures["by_group"] = _by_group(found, resamples)
    if train is None or len(train):
        others = baselines(scored.data, tuple(found), train)
        figures["baselines"] = _beside(scored, found, others, resamples)
    if "murmur" in found and "murmur_patient" in scored.rows:
        figures["circor_weighted_accuracy"] = _challenge(scored, calibrations["murmur"], resamples)
    return BranchEvaluation(figures, scored, {label: calibrations[label] for label in found})


def _figures(rows: Units, calibration: LabelCalibration, resamples: int) -> dict[str, Any]:
    rows = rows.comparable()
    sets = [calibration.set(float(evidence)) for evidence in rows.scores]
    return label_figures(rows, rows.scores - calibration.threshold, sets, resamples=resamples)


def _by_group(found: Mapping[str, Units], resamples: int) -> dict[str, Any]:
    """Figures of each group of each column that has two groups or more: "column=value" -> label -> figures."""
    answer: dict[str, Any] = {}
    for column in GROUPS:
        for label, rows in found.items():
            values = rows.groups[column]
            if len(np.unique(values)) < 2:
                continue
            for value in np.unique(values[values != ""]):
                part = rows.where(values == value)
                if min(part.targets.sum(), (1 - part.targets).sum()) >= MIN_GROUP:
                    answer.setdefault(f"{column}={value}", {})[label] = ranking(part, resamples=resamples)
    return answer


def _beside(scored: Scored, found: Mapping[str, Units], others: Mapping[str, Any], resamples: int) -> dict[str, Any]:
    """Each baseline on the same units, and how far the branch is above it, by label and in the mean."""
    answer: dict[str, Any] = {}
    for name, scores in others.items():
        entries: dict[str, Any] = {}
        first: dict[str, Units] = {}
        second: dict[str, FloatArray] = {}
        for column, label in enumerate(found):
            if np.isnan(scores[:, column]).any():
                continue
            whole = np.full(scored.scores.shape, np.nan)
            whole[:, scored.labels.index(label)] = scores[:, column]
            # a row that the branch says nothing of counts for neither
            whole[np.isnan(scored.scores)] = np.nan
            same = units(replace(scored, scores=whole), label).comparable()
            first[label], second[label] = found[label].comparable(), same.scores
            entries[label] = ranking(same, resamples=resamples) | {
                "branch_minus_baseline": compare(first[label], second[label], resamples=resamples)
            }
        if entries:
            answer[name] = {
                "labels": entries,
                "mean_branch_minus_baseline": mean_auroc(first, second, resamples=resamples),
            }
    return answer


def _challenge(scored: Scored, calibration: LabelCalibration, resamples: int) -> dict[str, Any]:
    """The CirCor challenge's weighted accuracy by patient; "Unknown" is never predicted.

    A missed murmur costs as much as five false alarms, so it is called at the probability, among patients as many of
    whom have one as in the calibration sample, at which the expected cost is even. No score is looked at for it.
    """
    table = pd.DataFrame(
        {
            "patient": scored.rows["patient"],
            "truth": scored.rows["murmur_patient"],
            "score": scored.scores[:, scored.labels.index("murmur")],
        }
    ).dropna()
    patients = table.groupby("patient").agg({"truth": "first", "score": "mean"})
    miss, alarm = MURMUR_CLASSES["Present"], MURMUR_CLASSES["Absent"]
    probabilities = expit(patients["score"] + logit(calibration.prevalence))
    predicted = np.where(probabilities >= alarm / (miss + alarm), "Present", "Absent").tolist()
    truth = patients["truth"].tolist()
    interval = bootstrap(
        lambda weights: circor_weighted_accuracy(predicted, truth, weights), patients.index, resamples=resamples
    )
    return {"patients": len(patients), "value": finite(interval.value), "ci": [interval.low, interval.high]}
