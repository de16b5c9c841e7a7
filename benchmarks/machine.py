"""What a run was measured on: a figure without this log says nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from multimodal.engine.device import resolve

PACKAGES = (
    *("multimodal-diagnosis", "torch", "torchvision", "torchaudio", "transformers", "numpy", "pydicom"),
    *("pylibjpeg-openjpeg", "onnxruntime", "fastapi", "ray", "litserve", "torchxrayvision", "librosa"),
)


def log(device: str) -> dict[str, object]:
    """Device, versions and commit."""
    target = resolve(device)
    found = {"device": str(target), "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    if target.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(target)
        found["cuda"] = torch.version.cuda
    found |= {"processor": platform.machine(), "system": platform.system(), "python": platform.python_version()}
    found["threads"] = torch.get_num_threads()
    return {**found, "versions": _versions(), "commit": _commit()}


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _commit() -> str:
    here = Path(__file__).parent
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    told = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)  # noqa: S603
    return told.stdout.strip()
