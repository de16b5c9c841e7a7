"""What runs the branches: torch, or ONNX Runtime on a CPU."""

from __future__ import annotations

import torch

from multimodal.engine.inference import Score, attempt
from multimodal.errors import UsageError

BACKENDS = TORCH, ONNX, ONNX_INT8 = ("torch", "onnx", "onnx-int8")


def scorer(backend: str, device: torch.device) -> Score:
    """How a backend scores items.

    Raises:
        UsageError: If there is no such backend, or it does not run on the device.
        MissingExtraError: If it is not installed.
    """
    if backend not in BACKENDS:
        raise UsageError(f"Expected a backend out of {', '.join(BACKENDS)}, but got {backend!r}.")
    if backend == TORCH:
        return attempt
    if device.type != "cpu":
        raise UsageError(f"The {backend} backend runs on the CPU, but the device is {device.type}; choose cpu.")
    from multimodal.engine.onnx import OnnxBackend

    return OnnxBackend(int8=backend == ONNX_INT8).score
