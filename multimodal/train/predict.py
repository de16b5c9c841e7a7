"""A branch over prepared rows: embeddings and logits, a recording's windows averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from multimodal.branches import Branch
from multimodal.errors import NonFiniteError
from multimodal.prepare import stack
from multimodal.train.data import EvaluationSet

_WINDOWS_AT_ONCE = 128


@dataclass(frozen=True)
class Prediction:
    """What a branch says of N rows.

    Attributes:
        embeddings: (N, D).
        logits: (N, L), not calibrated.
    """

    embeddings: Tensor
    logits: Tensor


@torch.inference_mode()
def predict(branch: Branch, windows: Sequence[Tensor], pad_id: int = 0) -> Prediction:
    """Score rows; the branch is put in evaluation mode and back.

    Args:
        branch: Any.
        windows: One (W, ...) tensor a row.
        pad_id: Fills up notes of differing length.

    Raises:
        NonFiniteError: If the branch gives NaN or infinity.
    """
    was_training = branch.training
    branch.eval()
    device = next(branch.parameters()).device
    embeddings, logits = [], []
    start = 0
    while start < len(windows):
        stop, count = start, 0
        while stop < len(windows) and (count == 0 or count + len(windows[stop]) <= _WINDOWS_AT_ONCE):
            count += len(windows[stop])
            stop += 1
        embedding, logit = branch(stack(windows[start:stop], pad_id).to(device))
        lengths = [len(item) for item in windows[start:stop]]
        embeddings += [part.mean(0) for part in embedding.float().cpu().split(lengths)]
        logits += [part.mean(0) for part in logit.float().cpu().split(lengths)]
        start = stop
    branch.train(was_training)
    prediction = Prediction(torch.stack(embeddings), torch.stack(logits))
    if not (prediction.logits.isfinite().all() and prediction.embeddings.isfinite().all()):
        raise NonFiniteError(f"The {branch.arch} branch gave NaN or infinity.")
    return prediction


def predict_set(branch: Branch, data: EvaluationSet) -> Prediction:
    """Score an evaluation set."""
    return predict(branch, data.windows, data.pad_id)


def joined_predictions(parts: Sequence[Prediction]) -> Prediction:
    """Predictions of several sets, in order."""
    return Prediction(torch.cat([p.embeddings for p in parts]), torch.cat([p.logits for p in parts]))
