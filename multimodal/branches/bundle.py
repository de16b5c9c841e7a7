"""The weights and the tokenizer in a bundle's folder, beside the config of :mod:`multimodal.bundle`.

Nothing here runs code from a bundle, and nothing is believed before it is checked: the weights' hash, header, names
and shapes are compared with the config before memory is allocated for a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from multimodal.bundle import TOKENIZER, WEIGHTS, BundleConfig, regular, write_config
from multimodal.errors import BundleInvalidError
from multimodal.prepare.text import load_tokenizer

_MAX_HEADER_BYTES = 16 << 20
_HEADER_LENGTH_BYTES = 8

Network = TypeVar("Network", bound=nn.Module)


def read_tokenizer(folder: Path) -> Tokenizer | None:
    """The tokenizer of a bundle, or None where it has none."""
    path = folder / TOKENIZER
    return load_tokenizer(path) if path.exists() else None


def checked_shapes(path: Path, sha256: object, config: BundleConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a bundle's tensors, once the file is known to be the one that its config names.

    A file that did not change is hashed once a process.

    Args:
        path: Of a safetensors file.
        sha256: That the config names for it.
        config: Of the bundle, for errors.

    Raises:
        BundleInvalidError: If it is missing, another one, or no safetensors file.
    """
    try:
        status = regular(path)
        found = _sha256(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise BundleInvalidError("The file is missing.", file=path.name) from error
    if found != sha256:
        raise BundleInvalidError(
            f"The file is not the one that the config of {config.kind}/{config.name} names.", file=path.name
        )
    return shapes(path)


def load_network(make: Callable[[], Network], folder: Path, config: BundleConfig) -> Network:
    """Build a network and load its weights, strictly; evaluation mode, float32, on the CPU.

    Args:
        make: Builds the network; called once on the meta device, so that shapes are known before memory is taken.
        folder: The bundle.
        config: Its config.

    Raises:
        BundleInvalidError: If the weights are damaged, changed, not finite or not those of the network.
    """
    path = folder / WEIGHTS
    given = checked_shapes(path, config.sha256, config)
    with torch.device("meta"):
        expected = {name: tuple(tensor.shape) for name, tensor in make().state_dict().items()}
    if given != expected:
        raise BundleInvalidError(
            f"The weights do not fit the {config.kind} architecture {config.arch} and its options.", file=WEIGHTS
        )
    state = load_file(path)
    if not all(tensor.isfinite().all() for tensor in state.values()):
        raise BundleInvalidError("The weights hold NaN or infinity.", file=WEIGHTS)
    network = make()
    network.load_state_dict(state, strict=True)
    return network.eval()


def write_bundle(
    folder: Path, network: nn.Module, config: BundleConfig, tokenizer: Tokenizer | None = None, *, half: bool = False
) -> BundleConfig:
    """Write a bundle's files, the config last; a model card is left to the caller.

    Args:
        folder: Made if missing.
        network: Whose weights are written.
        config: Its sha256 is filled in.
        tokenizer: Of a text branch.
        half: Whether matrices are stored as float16.

    Returns:
        The config as written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: _stored(tensor, half=half) for name, tensor in network.state_dict().items()}
    config = replace(config, sha256=write_tensors(folder / WEIGHTS, state))
    if tokenizer is not None:
        (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    write_config(folder, config)
    return config


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write a safetensors file.

    Returns:
        Its sha256.
    """
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stored(tensor: Tensor, *, half: bool) -> Tensor:
    tensor = tensor.detach().cpu().clone()
    return tensor.half() if half and tensor.is_floating_point() and tensor.ndim > 1 else tensor


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes out of a safetensors header, which must lie within the file.

    Raises:
        BundleInvalidError: If it does not, or the file is of another format.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH_BYTES), "little")
    if length > min(_MAX_HEADER_BYTES, path.stat().st_size - _HEADER_LENGTH_BYTES):
        raise BundleInvalidError("The header is longer than a header can be.", file=path.name)
    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise BundleInvalidError("The file is no safetensors file.", file=path.name) from error


@lru_cache(maxsize=64)
def _sha256(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
