"""What a bundle's folder holds: config.json by a strict schema, weights as safetensors, a tokenizer.

Nothing here runs code from a bundle, and nothing is believed before it is checked: a config is parsed by schema, the
weights' hash, header, names and shapes are compared before memory is allocated for a network.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from multimodal.errors import BundleInvalidError, MultimodalError
from multimodal.labels import check_labels
from multimodal.prepare.text import load_tokenizer

CONFIG, WEIGHTS, TOKENIZER, CARD = FILES = ("config.json", "model.safetensors", "tokenizer.json", "README.md")
KINDS = ("image", "audio", "text", "fusion")
FORMAT_VERSION = 1

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_CONFIG_BYTES = 4 << 20
_MAX_HEADER_BYTES = 16 << 20
_HEADER_LENGTH_BYTES = 8

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class BundleConfig:
    """config.json of a bundle.

    Attributes:
        kind: "image", "audio", "text" or "fusion".
        name: Name of the bundle, which is the name of its folder.
        arch: Registered architecture.
        labels: What it speaks of, in vocabulary order.
        options: The architecture's own options.
        preparation: How items are prepared; empty for fusion.
        embedding_dim: Length of the embedding.
        parameters: Number of trained parameters.
        calibration: Per label: how a logit becomes a probability, and the threshold.
        training: Data by source, recipe, seed.
        metrics: What it reached, by source.
        licence: Terms under which the weights can be used.
        branches: For a trained fusion head: modality -> name and sha256 of the branch bundle it was trained on.
        sha256: Of model.safetensors.
        format_version: Of this schema.
    """

    kind: str
    name: str
    arch: str
    labels: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    preparation: Mapping[str, Any] = field(default_factory=dict)
    embedding_dim: int = 0
    parameters: int = 0
    calibration: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    branches: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """JSON text; refuses NaN and infinity."""
        try:
            return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise BundleInvalidError(f"Expected a config of finite plain values, but {error}.", file=CONFIG) from error

    @classmethod
    def from_json(cls, text: str) -> BundleConfig:
        """The inverse of :meth:`to_json`.

        Raises:
            BundleInvalidError: If the text is not JSON of the schema.
        """
        try:
            raw = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)
        except (ValueError, RecursionError) as error:
            raise BundleInvalidError(f"The config cannot be read: {error}.", file=CONFIG) from error
        if not isinstance(raw, dict):
            raise BundleInvalidError("Expected the config to be an object.", file=CONFIG)
        return cls(**_checked(raw))


def _checked(raw: dict[str, Any]) -> dict[str, Any]:
    """The entries of a config, each of its type and consistent with the others."""
    types = {"labels": list, "embedding_dim": int, "parameters": int, "format_version": int}
    types |= dict.fromkeys(("kind", "name", "arch", "licence", "sha256"), str)
    names = [entry.name for entry in fields(BundleConfig)]
    _expect(set(raw) == set(names), f"exactly the entries {', '.join(names)}", ", ".join(sorted(set(raw) ^ set(names))))
    for name in names:
        _expect(type(raw[name]) is types.get(name, dict), f"`{name}` of the right type", raw[name])
    _expect(raw["format_version"] == FORMAT_VERSION, f"`format_version` {FORMAT_VERSION}", raw["format_version"])
    _expect(raw["kind"] in KINDS, f"`kind` out of {', '.join(KINDS)}", raw["kind"])
    _expect(is_name(raw["name"]), "`name` to be a plain name", raw["name"])
    _expect(_SHA256.fullmatch(raw["sha256"]) is not None, "`sha256` of 64 hexadecimal digits", raw["sha256"])
    labels = raw["labels"]
    try:
        ordered = check_labels(str(label) for label in labels)
    except MultimodalError as error:
        raise BundleInvalidError(error.message, file=CONFIG) from error
    _expect(list(ordered) == labels and bool(labels), "`labels` in vocabulary order", labels)
    _expect(set(raw["calibration"]) <= set(labels), "`calibration` of the bundle's labels", list(raw["calibration"]))
    return {**raw, "labels": ordered}


def _expect(condition: bool, expected: str, got: object) -> None:
    if not condition:
        raise BundleInvalidError(f"Expected {expected}, but got {str(got)[:200]!r}.", file=CONFIG)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("an entry is given twice")
    return entries


def is_name(name: str) -> bool:
    """Whether a bundle may have this name: letters, digits, ``_ - .``, never a path."""
    return len(name) <= 100 and _NAME.fullmatch(name) is not None


def read_config(folder: Path) -> BundleConfig:
    """Read config.json of a bundle.

    Raises:
        BundleInvalidError: If it is missing or not of the schema.
    """
    path = folder / CONFIG
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise BundleInvalidError("The config is too large.", file=CONFIG)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleInvalidError(f"The folder {folder.name} holds no readable config.", file=CONFIG) from error
    return BundleConfig.from_json(text)


def read_tokenizer(folder: Path) -> Tokenizer | None:
    """The tokenizer of a bundle, or None where it has none."""
    path = folder / TOKENIZER
    return load_tokenizer(path) if path.exists() else None


def check_hash(folder: Path, config: BundleConfig) -> None:
    """Compare the weights with the config's sha256; a file that did not change is hashed once a process.

    Raises:
        BundleInvalidError: If the weights are missing or are not those that the config names.
    """
    path = folder / WEIGHTS
    try:
        status = path.stat()
        found = _sha256(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise BundleInvalidError("The weights are missing.", file=WEIGHTS) from error
    if found != config.sha256:
        raise BundleInvalidError(
            f"The weights of {config.kind}/{config.name} are not those of its config.", file=WEIGHTS
        )


def load_network(make: Callable[[], Network], folder: Path, config: BundleConfig) -> Network:
    """Build a network and load its weights, strictly; evaluation mode, float32, on the CPU.

    Args:
        make: Builds the network; called once on the meta device, so that shapes are known before memory is taken.
        folder: The bundle.
        config: Its config.

    Raises:
        BundleInvalidError: If the weights are damaged, changed, not finite or not those of the network.
    """
    check_hash(folder, config)
    path = folder / WEIGHTS
    with torch.device("meta"):
        expected = {name: tuple(tensor.shape) for name, tensor in make().state_dict().items()}
    if _shapes(path) != expected:
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
    weights = folder / WEIGHTS
    state = {name: _stored(tensor, half=half) for name, tensor in network.state_dict().items()}
    save_file(state, weights)
    config = replace(config, sha256=hashlib.sha256(weights.read_bytes()).hexdigest())
    if tokenizer is not None:
        (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    text = config.to_json()
    BundleConfig.from_json(text)
    (folder / CONFIG).write_text(text, encoding="utf-8")
    return config


def _stored(tensor: Tensor, *, half: bool) -> Tensor:
    tensor = tensor.detach().cpu().contiguous().clone()
    return tensor.half() if half and tensor.is_floating_point() and tensor.ndim > 1 else tensor


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes out of a safetensors header, which must lie within the file."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH_BYTES), "little")
    if length > min(_MAX_HEADER_BYTES, path.stat().st_size - _HEADER_LENGTH_BYTES):
        raise BundleInvalidError("The weights' header is longer than a header can be.", file=WEIGHTS)
    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise BundleInvalidError("The weights are no safetensors file.", file=WEIGHTS) from error


@lru_cache(maxsize=64)
def _sha256(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
