"""Chest films, heart and lung sounds and clinical notes, fused into one calibrated diagnosis."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> the module that defines it; imported at first use, so that nothing loads torch before it is needed.
_HOMES = {
    "Case": "multimodal.case",
    "Diagnosis": "multimodal.case",
    "Patient": "multimodal.case",
    "MultimodalError": "multimodal.errors",
    "LABELS": "multimodal.labels",
    "read": "multimodal.formats",
    "read_case": "multimodal.formats",
    "Engine": "multimodal.engine",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'multimodal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
