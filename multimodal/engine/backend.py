"""What runs the branches: torch, or ONNX Runtime on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from multimodal.engine.inference import Forward, Score, attempt, forward
from multimodal.errors import UsageError

if TYPE_CHECKING:
    from multimodal.engine.onnx import OnnxBackend

BACKENDS = TORCH, ONNX, ONNX_INT8 = ("torch", "onnx", "onnx-int8")


def scorer(backend: str, device: torch.device) -> Score:
    """How a backend scores items.

    Raises:
        UsageError: If there is no such backend, or it does not run on the device.
        MissingExtraError: If it is not installed.
    """
    other = _other(backend, device)
    return other.score if other else attempt


def runner(backend: str, device: torch.device) -> Forward:
    """How a backend runs prepared windows, for a :class:`multimodal.engine.Batcher`; raises as :func:`scorer` does."""
    other = _other(backend, device)
    return other.forward if other else forward


def _other(backend: str, device: torch.device) -> OnnxBackend | None:
    if backend not in BACKENDS:
        raise UsageError(f"Expected a backend out of {', '.join(BACKENDS)}, but got {backend!r}.")
    if backend == TORCH:
        return None
    if device.type != "cpu":
        raise UsageError(f"The {backend} backend runs on the CPU, but the device is {device.type}; choose cpu.")
    from multimodal.engine.onnx import OnnxBackend

    return OnnxBackend(int8=backend == ONNX_INT8)
