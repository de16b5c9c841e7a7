"""What a bundle says of itself: config.json by a strict schema. Listing bundles needs nothing else, and no torch."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from multimodal.errors import BundleInvalidError, MultimodalError
from multimodal.labels import check_labels

CONFIG, WEIGHTS, TOKENIZER, CARD, DETECTOR, HEADS = FILES = (
    *("config.json", "model.safetensors", "tokenizer.json", "README.md"),
    *("detector.safetensors", "heads.safetensors"),
)
OUT_OF_FOLD = "out_of_fold.npz"
"""Answers of a cross-validation, beside the bundle that it calibrates; not part of the bundle."""

FUSION = "fusion"
KINDS = ("image", "audio", "text", FUSION)
FORMAT_VERSION = 1

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_CONFIG_BYTES = 4 << 20


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
        calibration: Per label: how a logit becomes a probability, and the threshold; of a fusion head per label
            and per pattern of modalities that speak of it, such as "image+text".
        training: Data by source, recipe, seed.
        metrics: What it reached, by source.
        licence: Terms under which the weights can be used.
        branches: For a trained fusion head: modality -> name and sha256 of the branch bundle it was trained on.
        detector: What tells foreign inputs: the sha256 of detector.safetensors, its limit and figures; empty for none.
        abstention: How sure a verdict must be, the sha256 of heads.safetensors, which tell how unsure the network is,
            and what that reached; empty for none.
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
    detector: Mapping[str, Any] = field(default_factory=dict)
    abstention: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    format_version: int = FORMAT_VERSION

    def calibrations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Label, pattern of modalities ("" of a branch) and entry of each calibration."""
        for label, entry in self.calibration.items():
            if self.kind != FUSION:
                yield label, "", entry
            else:
                for pattern, of_pattern in entry.items():
                    yield label, pattern, of_pattern

    def to_json(self) -> str:
        """As JSON text, which :meth:`from_json` reads.

        Raises:
            BundleInvalidError: If an entry is NaN, infinite or no plain value.
        """
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
    raw = {"detector": {}, "abstention": {}} | raw
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


def regular(path: Path) -> os.stat_result:
    """What the system says of a bundle's file.

    Raises:
        BundleInvalidError: If it is a pipe or a device, itself or where a link leads, which may have no end.
        OSError: If it is missing.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise BundleInvalidError("This is no regular file.", file=path.name)
    return status


def read_config(folder: Path) -> BundleConfig:
    """Read config.json of a bundle.

    Raises:
        BundleInvalidError: If it is missing or not of the schema.
    """
    path = folder / CONFIG
    try:
        if regular(path).st_size > _MAX_CONFIG_BYTES:
            raise BundleInvalidError("The config is too large.", file=CONFIG)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleInvalidError(f"The folder {folder.name} holds no readable config.", file=CONFIG) from error
    return BundleConfig.from_json(text)


def write_config(folder: Path, config: BundleConfig) -> None:
    """Write a bundle's config, once it is known that it can be read again.

    Raises:
        BundleInvalidError: If it is not of the schema.
    """
    text = config.to_json()
    BundleConfig.from_json(text)
    (folder / CONFIG).write_text(text, encoding="utf-8")
