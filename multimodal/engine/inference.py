"""Items through one branch: prepare, forward, average over windows.

What an item gets never depends on its neighbours. On the CPU each item is a batch of its own; on an accelerator
every batch has one of a few shapes, filled up with windows that are thrown away, since kernels are chosen by shape:
a note's shape follows from its own length alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import pad

from multimodal.branches import Branch
from multimodal.branches.audio import AudioBranch
from multimodal.calibrate import LabelCalibration
from multimodal.case import FloatArray, Item
from multimodal.engine.device import gathered, place, precision, resolve
from multimodal.errors import ModelError, MultimodalError, NonFiniteError
from multimodal.ood import FeatureDetector, Watch, looked_at
from multimodal.prepare import TextPreparation, prepare
from multimodal.prepare.text import pad_id
from multimodal.zoo import BundleConfig, LoadedBranch

BATCH_SIZE = 32
"""Windows in a batch on an accelerator."""
SHORTEST_NOTE = 64
"""Tokens of the shortest shape of notes on an accelerator; the next ones double it, up to the longest window."""
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
        statistics: (F,) of the first stages' maps, for the bundle's detector; None where it has no use for them.
    """

    embedding: FloatArray
    logits: npt.NDArray[np.float64]
    site_logit: float | None
    windows: int
    statistics: FloatArray | None = None


Network = Callable[[Tensor], tuple[Tensor, ...]]
"""A branch's forward pass: prepared windows to embeddings, logits and, where a detector asks for them, statistics."""

Score = Callable[[LoadedBranch, Sequence[Item], torch.device], list[ItemOutput | MultimodalError]]
"""Scores items of one branch; an item that fails gives its error in its place."""

Forward = Callable[[LoadedBranch, Sequence[Tensor], torch.device], Sequence[ItemOutput | ModelError]]
"""Scores the windows of several items, in their order."""


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
    branch: LoadedBranch,
    items: Sequence[Item],
    device: str | torch.device = "auto",
    batch_size: int = BATCH_SIZE,
    network: Network | None = None,
) -> list[ItemOutput | MultimodalError]:
    """As :func:`run`, but an item that fails gives its error in its place and the others carry on.

    ``network`` runs in place of the branch's own.

    Args:
        branch: As in :func:`run`.
        items: As in :func:`run`.
        device: As in :func:`run`.
        batch_size: As in :func:`run`.
        network: Runs in place of the branch's own.
    """
    target = resolve(device)
    place(branch.network, target)
    size = batch_size if fixed_shape(target) else 1
    groups = (items[start : start + size] for start in range(0, len(items), size))
    return [output for group in groups for output in _score(branch, group, target, batch_size, network)]


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


def ready(branch: LoadedBranch, item: Item, device: torch.device) -> Tensor:
    """(W, ...) windows of an item, on the CPU; notes are filled up to one of a few lengths where shapes are fixed.

    Raises:
        MultimodalError: If it cannot be prepared.
    """
    windows = prepare(item, branch.preparation, branch.tokenizer)
    if isinstance(branch.preparation, TextPreparation) and branch.tokenizer is not None and fixed_shape(device):
        length = SHORTEST_NOTE
        while length < windows.shape[-1]:
            length *= 2
        missing = min(length, branch.preparation.max_tokens) - windows.shape[-1]
        windows = pad(windows, (0, missing), value=pad_id(branch.tokenizer))
    return windows


def forward(
    branch: LoadedBranch,
    items: Sequence[Tensor],
    device: torch.device,
    batch_size: int = BATCH_SIZE,
    network: Network | None = None,
) -> list[ItemOutput | ModelError]:
    """The windows of several items, as :func:`ready` gives them, through the network.

    An item that the network cannot score gives its error in its place.

    Args:
        branch: On the device.
        items: (W, ...) each.
        device: Where it runs.
        batch_size: Windows in a batch on an accelerator.
        network: Runs in place of the branch's own.
    """
    outputs: dict[int, ItemOutput | ModelError] = {}
    for group in _groups(items, device):
        try:
            scored: Sequence[ItemOutput] = _forward(branch, [items[i] for i in group], device, batch_size, network)
        except ModelError as error:
            alone = (
                [error]
                if len(group) == 1
                else [forward(branch, [items[i]], device, batch_size, network)[0] for i in group]
            )
            outputs.update(zip(group, alone, strict=True))
        else:
            outputs.update(zip(group, map(_finite, scored), strict=True))
    return [outputs[i] for i in range(len(items))]


def _groups(items: Sequence[Tensor], device: torch.device) -> list[list[int]]:
    """Positions of the items that go through together: those of one shape, or each alone where shapes are free."""
    if not fixed_shape(device):
        return [[i] for i in range(len(items))]
    groups: dict[torch.Size, list[int]] = {}
    for i, windows in enumerate(items):
        groups.setdefault(windows.shape[1:], []).append(i)
    return list(groups.values())


def _score(
    branch: LoadedBranch, items: Sequence[Item], device: torch.device, batch_size: int, network: Network | None
) -> list[ItemOutput | MultimodalError]:
    outputs: dict[int, ItemOutput | MultimodalError] = {}
    windows: dict[int, Tensor] = {}
    for i, item in enumerate(items):
        try:
            windows[i] = ready(branch, item, device)
        except MultimodalError as error:
            outputs[i] = error
    outputs.update(zip(windows, forward(branch, list(windows.values()), device, batch_size, network), strict=True))
    return [named(outputs[i], item) for i, item in enumerate(items)]


def named(output: ItemOutput | MultimodalError, item: Item) -> ItemOutput | MultimodalError:
    """The output; an error that names no file yet is told of the item."""
    if isinstance(output, MultimodalError) and output.file is None:
        return type(output)(output.message, file=item.name)
    return output


def _forward(
    branch: LoadedBranch, items: Sequence[Tensor], device: torch.device, batch_size: int, network: Network | None
) -> list[ItemOutput]:
    counts = [len(windows) for windows in items]
    total = sum(counts)
    size = batch_size if fixed_shape(device) else total
    own = partial(watched, branch.network) if isinstance(branch.detector, FeatureDetector) else branch.network
    parts: list[tuple[Tensor, ...]] = []
    try:
        with torch.inference_mode(), precision(device):
            for chunk in torch.split(gathered(items, size, device), size):
                embedding, *others = (network or own)(chunk)
                if isinstance(branch.network, AudioBranch):
                    others.append(branch.network.site_logit(embedding))
                parts.append((embedding, *others))
            whole = [torch.cat(part)[:total].float().cpu() for part in zip(*parts, strict=True)]
    except RuntimeError as error:
        raise ModelError(f"The {branch.config.kind} branch could not be run: {error}") from error
    embeddings, logits, *seen = (torch.split(part, counts) for part in whole)
    of_sites = seen.pop() if isinstance(branch.network, AudioBranch) else None
    of_statistics = seen.pop() if seen else None
    return [
        ItemOutput(
            embedding=embeddings[i].mean(0).numpy(),
            logits=logits[i].double().mean(0).numpy(),
            site_logit=float(of_sites[i].double().mean()) if of_sites else None,
            windows=count,
            statistics=of_statistics[i][looked_at(count)].mean(0).numpy() if of_statistics else None,
        )
        for i, count in enumerate(counts)
    ]


def watched(network: Branch, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A forward pass that is looked at: embeddings, logits and the (B, F) statistics that a detector goes by.

    Args:
        network: Of films or sounds.
        x: (B, ...) prepared windows.
    """
    watch = Watch()
    embedding = network.pool(network.watched(x, watch), network.mask(x))
    return embedding, network.head(embedding), watch.statistics


def _finite(output: ItemOutput) -> ItemOutput | NonFiniteError:
    site = 0.0 if output.site_logit is None else output.site_logit
    if np.isfinite(output.embedding).all() and np.isfinite(output.logits).all() and np.isfinite(site):
        return output
    return NonFiniteError("The network gave no finite answer for this item; it is left out.")
