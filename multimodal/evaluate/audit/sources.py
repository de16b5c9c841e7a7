"""Can one tell from a branch's embeddings where an item is from?"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multimodal.datasets import Dataset, join, load_item
from multimodal.engine.inference import run
from multimodal.evaluate.trial import RESAMPLES, Trial, drawn
from multimodal.metrics import auroc, bootstrap

FOLDS = 4


def tell_source(trial: Trial, others: Dataset) -> dict[str, Any]:
    """AUROC of telling the trial's source from others by the branch's embeddings.

    Logistic regression, cross-fitted by patient. 0.5 means that nothing tells them apart; where it is high, a label
    that is commoner in one source can be guessed from the source, and figures must stay within each.

    Args:
        trial: Items of one source.
        others: Rows of other sources, as many of which are drawn.

    Returns:
        ``against`` names the others; ``items``; ``auroc`` with its interval over patients, None with too few of them.
    """
    drawn_others = drawn(others, trial.branch.config.labels, len(trial.data), trial.seed)
    data = join([trial.data, drawn_others])
    inside = np.arange(len(data)) < len(trial.data)
    patients = data.rows["patient"].to_numpy()
    answer = {"against": "+".join(map(str, drawn_others.rows["source"].unique())), "items": len(data)}
    if min(len(np.unique(patients[inside])), len(np.unique(patients[~inside]))) < FOLDS:
        return answer | {"auroc": None, "auroc_ci": None}
    outputs = [run(trial.branch, [load_item(data, i)], trial.device)[0] for i in range(len(data))]
    embeddings = np.stack([output.embedding for output in outputs]).astype(np.float64)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000))
    folds = GroupKFold(FOLDS, shuffle=True, random_state=trial.seed)
    scores = cross_val_predict(model, embeddings, inside, groups=patients, cv=folds, method="decision_function")
    found = bootstrap(lambda weights: auroc(scores, inside.astype(float), weights), patients, resamples=RESAMPLES)
    return answer | {"auroc": found.value, "auroc_ci": [found.low, found.high]}
