"""Items through one branch: prepare, forward, average over windows.

What an item gets never depends on its neighbours. On the CPU each item is a batch of its own; on an accelerator
every batch has the same shape, filled up with blank windows, since kernels are chosen by shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import pad

from multimodal.branches import Branch
from multimodal.branches.audio import AudioBranch
from multimodal.calibrate import LabelCalibration
from multimodal.case import FloatArray, Item
from multimodal.engine.device import place, precision, resolve
from multimodal.errors import ModelError, MultimodalError, NonFiniteError
from multimodal.prepare import TextPreparation, prepare
from multimodal.prepare.text import pad_id
from multimodal.zoo import BundleConfig, LoadedBranch

BATCH_SIZE = 32
"""Windows in a batch on an accelerator."""
MAX_EVIDENCE = 8.0
"""Bound of one modality's evidence either way: odds of 3,000 to 1, more than a validation set of thousands can show."""


@dataclass(frozen=True, eq=False)
class ItemOutput:
    """What a branch says of one item, averaged over its windows.

    Attributes:
        embedding: (D,) float32.
        logits: (L,) float64, raw, in the order of the branch's labels.
        site_logit: Log-odds that a sound is from the lung; None for other branches.
        windows: How many windows the item had.
    """

    embedding: FloatArray
    logits: npt.NDArray[np.float64]
    site_logit: float | None
    windows: int


def run(
    branch: LoadedBranch, items: Sequence[Item], device: str | torch.device = "auto", batch_size: int = BATCH_SIZE
) -> list[ItemOutput]:
    """Score items.

    Args:
        branch: From ``zoo.load``; moved to the device.
        items: Of the branch's modality.
        device: "auto", "cuda", "mps" or "cpu".
        batch_size: Windows in a batch on an accelerator.

    Raises:
        MultimodalError: If an item cannot be prepared.
        NonFiniteError: If the network gave NaN or infinity.
    """
    outputs = []
    for output in attempt(branch, items, device, batch_size):
        if isinstance(output, MultimodalError):
            raise output
        outputs.append(output)
    return outputs


def attempt(
    branch: LoadedBranch, items: Sequence[Item], device: str | torch.device = "auto", batch_size: int = BATCH_SIZE
) -> list[ItemOutput | MultimodalError]:
    """As :func:`run`, but an item that fails gives its error in its place and the others carry on."""
    target = resolve(device)
    place(branch.network, target)
    size = batch_size if fixed_shape(target) else 1
    groups = (items[start : start + size] for start in range(0, len(items), size))
    return [output for group in groups for output in _score(branch, group, target, batch_size)]


def evidence(config: BundleConfig, logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Calibrated log-odds less ``logit q_m``, bounded by ``MAX_EVIDENCE``.

    Args:
        config: Of the branch's bundle.
        logits: (..., L) raw.

    Returns:
        (..., L); NaN for a label without calibration, of which the branch does not speak.
    """
    raw = np.asarray(logits, dtype=np.float64)
    result = np.full(raw.shape, np.nan)
    for column, label in enumerate(config.labels):
        if label in config.calibration:
            calibration = LabelCalibration.from_dict(config.calibration[label])
            result[..., column] = bounded(calibration.evidence(raw[..., column]))
    return result


def bounded(evidence: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Evidence within ``MAX_EVIDENCE`` either way."""
    return evidence.clip(-MAX_EVIDENCE, MAX_EVIDENCE)


def fixed_shape(device: torch.device) -> bool:
    """Whether batches of one shape are made; otherwise each item is a batch."""
    return device.type != "cpu"


def _score(
    branch: LoadedBranch, items: Sequence[Item], device: torch.device, batch_size: int
) -> list[ItemOutput | MultimodalError]:
    outputs: list[ItemOutput | MultimodalError] = []
    ready: dict[int, Tensor] = {}
    for position, item in enumerate(items):
        try:
            ready[position] = _windows(branch, item, device)
        except MultimodalError as error:
            outputs.append(error)
        else:
            outputs.append(ModelError("The item was not scored.", file=item.name))
    try:
        scored = _forward(branch.network, list(ready.values()), device, batch_size) if ready else []
    except ModelError as error:
        if len(items) == 1:
            return [error]
        return [output for item in items for output in _score(branch, [item], device, batch_size)]
    for position, output in zip(ready, scored, strict=True):
        outputs[position] = _checked(output, items[position])
    return outputs


def _windows(branch: LoadedBranch, item: Item, device: torch.device) -> Tensor:
    """(W, ...) windows; notes as long as any can be where batches must have one shape."""
    windows = prepare(item, branch.preparation, branch.tokenizer)
    if isinstance(branch.preparation, TextPreparation) and branch.tokenizer is not None and fixed_shape(device):
        missing = branch.preparation.max_tokens - windows.shape[-1]
        windows = pad(windows, (0, missing), value=pad_id(branch.tokenizer))
    return windows


def _forward(network: Branch, items: Sequence[Tensor], device: torch.device, batch_size: int) -> list[ItemOutput]:
    x = torch.cat(list(items))
    size = batch_size if fixed_shape(device) else len(x)
    embeddings, logits, sites = [], [], []
    try:
        with torch.inference_mode(), precision(device):
            for start in range(0, len(x), size):
                chunk = x[start : start + size]
                filled = torch.cat([chunk, chunk[:1].expand(size - len(chunk), *chunk.shape[1:])])
                embedding, answer = network(filled.to(device))
                embeddings.append(embedding[: len(chunk)].float().cpu())
                logits.append(answer[: len(chunk)].double().cpu())
                if isinstance(network, AudioBranch):
                    sites.append(network.site_logit(embedding)[: len(chunk)].double().cpu())
    except RuntimeError as error:
        raise ModelError(f"The {network.kind} branch could not be run: {error}") from error
    all_embeddings, all_logits = torch.cat(embeddings), torch.cat(logits)
    all_sites = torch.cat(sites) if sites else None
    ends = np.cumsum([len(windows) for windows in items])
    return [
        ItemOutput(
            embedding=all_embeddings[end - len(windows) : end].mean(0).numpy(),
            logits=all_logits[end - len(windows) : end].mean(0).numpy(),
            site_logit=None if all_sites is None else float(all_sites[end - len(windows) : end].mean()),
            windows=len(windows),
        )
        for windows, end in zip(items, ends, strict=True)
    ]


def _checked(output: ItemOutput, item: Item) -> ItemOutput | NonFiniteError:
    site = 0.0 if output.site_logit is None else output.site_logit
    if np.isfinite(output.embedding).all() and np.isfinite(output.logits).all() and np.isfinite(site):
        return output
    return NonFiniteError("The network gave no finite answer for this item; it is left out.", file=item.name)
