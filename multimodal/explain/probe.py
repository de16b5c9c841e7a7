"""A branch at one item and one label: what goes in, what a blank would be, and the evidence that comes out.

Nothing here leaves a trace on the network, which other threads may be using: no hook is set, no parameter's
``requires_grad`` or ``grad`` is touched, and gradients are taken with respect to inputs alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from multimodal.branches import Branch
from multimodal.branches.text import TextBranch
from multimodal.calibrate import LabelCalibration
from multimodal.case import Audio, Image, Item, Text
from multimodal.engine.device import place, resolve
from multimodal.errors import ModelError, NonFiniteError, UsageError
from multimodal.explain.coordinates import UNIT_BANDS, UNIT_SECONDS, sound_bins, words
from multimodal.prepare import AudioPreparation, TextPreparation, prepare
from multimodal.prepare.text import MASK
from multimodal.zoo import LoadedBranch

FILM_UNITS = 16
"""Rows and columns of the patches that are taken out of a film."""
FIXED = -1
"""Unit of cells that are never taken out: special tokens and padding."""
_MASK_NAMES = (MASK, "<mask>")
_BLUR = 12
_cudnn = threading.Lock()


@dataclass(frozen=True, eq=False)
class Probe:
    """A branch at one item and one label.

    Attributes:
        network: In evaluation mode.
        calibration: How its logit of the label is read.
        column: Of the label among its logits.
        prepared: (W, ...) what the network takes: film, log-mel windows or token ids.
        inputs: (W, ...) the same as real numbers: of a note (W, T, C) embeddings.
        blank: As ``inputs``, with nothing to see, hear or read in it: a blurred film, the mean level of a window,
            mask tokens.
        units: (W, ...) int64, the patch, block or word that each cell belongs to, or ``FIXED``; a unit may lie in
            several windows.
        grid: Shape of the units.
        spans: Of a note, (start, end) of each unit in its text.
    """

    network: Branch
    calibration: LabelCalibration
    column: int
    prepared: Tensor
    inputs: Tensor
    blank: Tensor
    units: Tensor
    grid: tuple[int, ...]
    spans: tuple[tuple[int, int], ...] = ()

    def states(self, inputs: Tensor) -> Tensor:
        """The branch's features of (B, ...) inputs."""
        if isinstance(self.network, TextBranch):
            mask = self._mask(len(inputs))
            encoded = self.network.encoder(inputs_embeds=inputs, attention_mask=cast("Tensor", mask).long())
            return cast("Tensor", encoded.last_hidden_state)
        return self.network.features(inputs)

    def logits(self, states: Tensor) -> Tensor:
        """(B, L) raw, of every label of the branch, of features."""
        return cast("Tensor", self.network.head(self.network.pool(states, self._mask(len(states)))))

    def evidence_of(self, states: Tensor) -> Tensor:
        """(B,) calibrated evidence for the label of features, without the engine's bound."""
        logits = self.logits(states)[:, self.column]
        return logits.float() * self.calibration.scale + float(self.calibration.evidence(0.0))

    def evidence(self, inputs: Tensor) -> Tensor:
        """(B,) evidence of (B, ...) inputs, whole copies of the item's windows one after the other."""
        return self.evidence_of(self.states(inputs))

    def gradient(self, inputs: Tensor) -> Tensor:
        """Of the evidence, averaged over the windows, by each of the (W, ...) inputs."""
        with self.differentiable():
            leaf = inputs.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.evidence(leaf).mean(), leaf)
        return gradient

    def by_unit(self, cells: Tensor) -> Tensor:
        """Sum of (W, ...) cells in each unit, (units,)."""
        # one more entry before the units, for what is FIXED
        sums = torch.zeros(1 + self.count, device=cells.device)
        return sums.index_add_(0, (self.units - FIXED).flatten(), cells.flatten())[1:]

    @property
    def count(self) -> int:
        """Number of units."""
        return int(torch.tensor(self.grid).prod())

    def without(self, removed: Tensor) -> Tensor:
        """Inputs whose removed units, (units,) bool, are blank."""
        # one more entry, so that FIXED finds False at its end
        hidden = torch.cat([removed, removed.new_zeros(1)])[self.units]
        if hidden.dim() < self.inputs.dim():
            hidden = hidden.unsqueeze(-1)
        return torch.where(hidden, self.blank, self.inputs)

    @contextmanager
    def differentiable(self) -> Iterator[None]:
        """Gradients on; cuDNN off, whose recurrent networks have none in evaluation mode.

        The switch of cuDNN is the process's, so one thread at a time turns it; a forward pass that meets it off
        is slower and no different.
        """
        with torch.enable_grad():
            if self.inputs.is_cuda and any(isinstance(module, nn.RNNBase) for module in self.network.modules()):
                with _cudnn, torch.backends.cudnn.flags(enabled=False):
                    yield
            else:
                yield

    def _mask(self, count: int) -> Tensor | None:
        mask = self.network.mask(self.prepared)
        return None if mask is None else mask.repeat(count // len(mask), 1)


def probe(branch: LoadedBranch, item: Item, label: str, *, device: str | torch.device = "auto") -> Probe:
    """Prepare a question to a branch.

    Args:
        branch: Left as it is, though placed on the device.
        item: Of its modality.
        label: That is asked about.
        device: "auto", "cuda", "mps" or "cpu".

    Raises:
        UsageError: If the branch does not speak of the label, or the item is of another modality.
        MultimodalError: If the item cannot be prepared.
    """
    network, raw = branch.network, branch.config.calibration
    if label not in raw:
        raise UsageError(f"Expected a label out of {', '.join(raw)}, but got {label!r}.")
    target = resolve(device)
    place(network, target)
    with undisturbed(network):
        prepared = prepare(item, branch.preparation, branch.tokenizer).to(target)
        inputs, blank = _embedded(branch, prepared) if isinstance(item, Text) else (prepared, _blank(prepared, item))
        units, grid, spans = _units(branch, item, prepared)
    calibration = LabelCalibration.from_dict(raw[label])
    column = network.labels.index(label)
    return Probe(network, calibration, column, prepared, inputs, blank, units.to(target), grid, spans)


@contextmanager
def undisturbed(network: Branch) -> Iterator[None]:
    """Plain tensors whatever mode the caller is in, and torch's errors as errors of the project.

    Tensors made in inference mode could not be differentiated later.

    Raises:
        ModelError: If torch raised anything.
    """
    try:
        with torch.inference_mode(False), torch.no_grad():
            yield
    except RuntimeError as error:
        raise ModelError(f"The {network.kind} branch could not be explained: {error}") from error


def checked(values: Tensor, item: Item) -> Tensor:
    """The values, if they are finite.

    Raises:
        NonFiniteError: If one is not.
    """
    if not torch.isfinite(values).all():
        raise NonFiniteError("The network gave no finite answer for this item; it cannot be explained.", file=item.name)
    return values


def _blank(prepared: Tensor, item: Item) -> Tensor:
    """A film so blurred that nothing is left but light and shade; for a sound the mean level, 0."""
    if not isinstance(item, Image):
        return torch.zeros_like(prepared)
    side = max(1, prepared.shape[-1] // (2 * _BLUR))
    small = interpolate(prepared, size=(side, side), mode="area")
    return interpolate(small, size=prepared.shape[-2:], mode="bicubic", align_corners=False)


def _embedded(branch: LoadedBranch, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Token embeddings of a note, and those of mask tokens, which training taught to mean an unknown word."""
    network, tokenizer = branch.network, branch.tokenizer
    if not isinstance(network, TextBranch) or tokenizer is None:
        raise UsageError("Expected a text branch for a note.")
    embed = cast("nn.Module", network.encoder.get_input_embeddings())  # type: ignore[operator]
    known = [found for name in _MASK_NAMES if (found := tokenizer.token_to_id(name)) is not None]
    masked = torch.full_like(ids, known[0] if known else network.pad_id)
    return embed(ids), embed(masked)


def _units(
    branch: LoadedBranch, item: Item, prepared: Tensor
) -> tuple[Tensor, tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Units, grid and spans of a :class:`Probe`."""
    settings = branch.preparation
    if isinstance(item, Image):
        side = prepared.shape[-1]
        at = torch.arange(side) * FILM_UNITS // side
        return (at[:, None] * FILM_UNITS + at)[None, None], (FILM_UNITS, FILM_UNITS), ()
    if isinstance(item, Audio) and isinstance(settings, AudioPreparation):
        bins = torch.from_numpy(sound_bins(item, settings, prepared.shape, UNIT_SECONDS))
        bands = min(UNIT_BANDS, settings.n_mels)
        band = torch.arange(settings.n_mels) * bands // settings.n_mels
        columns = int(bins.max()) + 1
        return band[None, :, None] * columns + bins[:, None, :], (bands, columns), ()
    if isinstance(item, Text) and isinstance(settings, TextPreparation) and branch.tokenizer is not None:
        found, owner = words(item, settings, branch.tokenizer, prepared.shape)
        return torch.from_numpy(owner), (len(found),), tuple(found)
    raise UsageError(f"Expected an item of {branch.network.kind}, but got {item.modality}.")
