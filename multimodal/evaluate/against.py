"""One branch against another, or an ensemble, on the very same rows: which ranks better, whose calls are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from multimodal.calibrate import LabelCalibration
from multimodal.errors import UsageError
from multimodal.evaluate.branch import BranchEvaluation, score
from multimodal.evaluate.figures import RESAMPLES, compare, comparison, mean_auroc, ranking
from multimodal.evaluate.units import Scored, Units, units
from multimodal.metrics import delong, mcnemar
from multimodal.metrics.checks import FloatArray
from multimodal.zoo import Bundle, LoadedBranch, load


def evaluate_against(
    answer: BranchEvaluation, others: Sequence[Bundle], *, device: str = "auto", resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Compare a branch with another one on the rows that it was measured on.

    Args:
        answer: Of :func:`evaluate_branch`.
        others: The other branch; more than one are an ensemble, averaged in calibrated log-odds as the engine does,
            its threshold the mean of theirs.
        device: "auto", "cuda", "mps" or "cpu".
        resamples: Of the bootstrap.

    Returns:
        ``bundle``; per label that both speak of the other's ``auroc`` with its interval, the ``difference`` (this
        branch less the other, paired bootstrap over patients), and by each patient's first unit ``delong`` (None where
        strata are ranked apart or a class has fewer than two) and ``mcnemar`` of the calls at the thresholds; and the
        ``mean_difference`` over labels.

    Raises:
        UsageError: If another one is no branch, of another modality, or shares no label.
        MultimodalError: If an item cannot be read or prepared.
    """
    loaded = [load(bundle) for bundle in others]
    branches = [branch for branch in loaded if isinstance(branch, LoadedBranch)]
    modality = answer.scored.data.modality
    if len(branches) < len(loaded) or any(branch.config.kind != modality for branch in branches):
        raise UsageError(f"Expected branches of {modality} to compare with.")
    scored, thresholds = _joined(branches, answer.scored, device)
    first, second = {}, {}
    for label in answer.calibrations:
        if label in thresholds:
            first[label], second[label] = units(answer.scored, label), units(scored, label)
    if not first:
        raise UsageError("Expected a bundle that speaks of a label in common.")
    ranked = {label: (first[label].comparable(), second[label].comparable()) for label in first}
    return {
        "bundle": {
            "kind": str(modality),
            "name": "+".join(branch.config.name for branch in branches),
            "sha256": "+".join(branch.config.sha256 for branch in branches),
        },
        "labels": {
            label: ranking(that, resamples=resamples)
            | {"difference": compare(this, that.scores, resamples=resamples)}
            | _tests(first[label], second[label], answer.calibrations[label].threshold, thresholds[label])
            for label, (this, that) in ranked.items()
        },
        "mean_difference": mean_auroc(
            {label: this for label, (this, _) in ranked.items()},
            {label: that.scores for label, (_, that) in ranked.items()},
            resamples=resamples,
        ),
    }


def _joined(branches: Sequence[LoadedBranch], rows: Scored, device: str) -> tuple[Scored, dict[str, float]]:
    """Mean evidence of the branches that speak of a label, on the same rows, and their mean threshold by label."""
    said: dict[str, list[FloatArray]] = {}
    thresholds: dict[str, list[float]] = {}
    for branch in branches:
        evidence = score(branch, rows.data, device=device).scores
        for column, label in enumerate(branch.config.labels):
            if label in branch.config.calibration:
                said.setdefault(label, []).append(evidence[:, column])
                reading = LabelCalibration.from_dict(branch.config.calibration[label])
                thresholds.setdefault(label, []).append(reading.threshold)
    means = np.stack([np.mean(each, axis=0) for each in said.values()], axis=1)
    return Scored(rows.data, tuple(said), means), {label: float(np.mean(each)) for label, each in thresholds.items()}


def _tests(this: Units, that: Units, threshold: float, other: float) -> dict[str, Any]:
    """Tests that take rows for independent, so each patient's first unit only."""
    first = np.unique(this.patients, return_index=True)[1]
    x, y, truth = this.scores[first], that.scores[first], this.targets[first]
    enough = min(truth.sum(), (1 - truth).sum()) >= 2 and len(np.unique(this.strata)) == 1
    return {
        "delong": comparison(delong(x, y, truth)) if enough else None,
        "mcnemar": asdict(mcnemar(x >= threshold, y >= other, truth)) | {"patients": len(first)},
    }
