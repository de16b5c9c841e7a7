"""Where networks run: the one place that knows about CUDA, MPS and the CPU."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from multimodal.errors import UsageError

DEVICES = ("auto", "cuda", "mps", "cpu")

_moving = threading.Lock()


def resolve(name: str | torch.device) -> torch.device:
    """The device of a name; "auto" is CUDA where there is one, else MPS, else the CPU.

    Raises:
        UsageError: If there is no such device here.

    >>> resolve("cpu")
    device(type='cpu')
    """
    if isinstance(name, torch.device):
        return name
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, available in here.items() if available))
    kind = name.partition(":")[0]
    if kind not in here:
        raise UsageError(f"Expected a device out of {', '.join(DEVICES)}, but got {name!r}.")
    if not here[kind]:
        raise UsageError(f"There is no {kind} device here; choose another or auto.")
    return torch.device(name)


def place(network: nn.Module, device: torch.device) -> None:
    """Move a network to a device in the layout that is fastest there.

    One that is there already is left alone: a move rebuilds a recurrent network's list of weights, under the feet
    of any thread that is running it.
    """
    with _moving:
        here = next(network.parameters()).device
        if here.type == device.type and device.index in (None, here.index):
            return
        if device.type == "cuda":
            network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        else:
            network.to(device)


def precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 autocast on CUDA, full precision elsewhere."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()


def gathered(parts: Sequence[Tensor], multiple: int, device: torch.device) -> Tensor:
    """Tensors in one on the device, filled up by the first row.

    For CUDA they are gathered in pinned memory, from where they travel while the processor goes on.

    Args:
        parts: (N, ...) each, of one type and shape, on the CPU; at least one row in all.
        multiple: What the number of rows is filled up to a multiple of.
        device: Where to.
    """
    first = next(part[:1] for part in parts if len(part))
    given = sum(map(len, parts))
    missing = -given % multiple
    pinned = device.type == "cuda"
    whole = torch.empty((given + missing, *first.shape[1:]), dtype=first.dtype, pin_memory=pinned)
    torch.cat([*parts, first.expand(missing, *first.shape[1:])], out=whole)
    return whole.to(device, non_blocking=pinned)
