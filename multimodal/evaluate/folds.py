"""Measure what a cross-validation answered: every row by a network that never saw its patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multimodal.bundle import OUT_OF_FOLD
from multimodal.datasets import INDICATION, Dataset, join
from multimodal.engine.inference import evidence
from multimodal.errors import UsageError
from multimodal.evaluate.branch import BranchEvaluation, evaluate_scored
from multimodal.evaluate.figures import RESAMPLES
from multimodal.evaluate.units import Scored
from multimodal.zoo import Bundle


def evaluate_folds(bundle: Bundle, datasets: Sequence[Dataset], *, resamples: int = RESAMPLES) -> BranchEvaluation:
    """Measure the out-of-fold answers that ``multimodal train --folds`` left beside a bundle.

    Baselines are cross-fitted over the same folds. Calibration and thresholds come from these very answers, so that
    what depends on them is a little better than on other patients; AUROC and AUPRC don't depend on them.

    Args:
        bundle: A branch that was cross-validated.
        datasets: Some or all of the folders that it was cross-validated on, with all their splits.
        resamples: Of the bootstrap.

    Raises:
        UsageError: If the bundle was not cross-validated, or on other rows.
    """
    path, config = bundle.folder / OUT_OF_FOLD, bundle.config
    if not path.exists():
        raise UsageError(f"There are no out-of-fold answers beside {bundle.name}: train it with --folds.")
    data = join(datasets).in_split("train", "val")
    data = data.where(np.argsort(data.rows["fold"].to_numpy(), kind="stable"))
    patients = data.rows["patient"].to_numpy(str)
    with np.load(path) as answers:
        rows = np.isin(answers["patients"], patients) & ~np.char.endswith(answers["sources"], INDICATION)
        if answers["labels"].tolist() != list(config.labels) or answers["patients"][rows].tolist() != patients.tolist():
            raise UsageError(f"Expected the rows that {bundle.name} was cross-validated on, as they were then.")
        scored = Scored(data, config.labels, evidence(config, answers["logits"][rows].astype(np.float64)))
    folds = config.training["cross_validation"]["folds"]
    return evaluate_scored(scored, config, split=f"{folds} folds", resamples=resamples)
