"""What the zoo holds, in plain values: for a table, a page or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multimodal.errors import BundleInvalidError
from multimodal.zoo import bundles, defaults


@dataclass(frozen=True)
class Entry:
    """One bundle.

    Attributes:
        kind: "image", "audio", "text" or "fusion".
        name: Of the bundle.
        default: Whether it answers where nothing else is asked for.
        arch: Its architecture.
        labels: What it speaks of.
        parameters: Number of trained parameters.
        sha256: Of its weights.
        branches: For a trained fusion head, the branches it was trained on: modality to sha256.
    """

    kind: str
    name: str
    default: bool
    arch: str
    labels: tuple[str, ...]
    parameters: int
    sha256: str
    branches: Mapping[str, str]


@dataclass(frozen=True)
class Listing:
    """The bundles as they are on disk now.

    Attributes:
        entries: By kind and name.
        broken: Bundles whose config cannot be read, as KIND/NAME: why.
    """

    entries: tuple[Entry, ...]
    broken: Mapping[str, str]


def listing() -> Listing:
    """List every bundle of the zoo, without torch."""
    chosen = defaults()
    entries: list[Entry] = []
    broken: dict[str, str] = {}
    for bundle in bundles():
        try:
            config = bundle.config
        except BundleInvalidError as error:
            broken[f"{bundle.kind}/{bundle.name}"] = str(error)
            continue
        entries.append(
            Entry(
                kind=bundle.kind,
                name=bundle.name,
                default=chosen.get(bundle.kind) == bundle.name,
                arch=config.arch,
                labels=config.labels,
                parameters=config.parameters,
                sha256=config.sha256,
                branches={modality: str(branch["sha256"]) for modality, branch in config.branches.items()},
            )
        )
    return Listing(tuple(entries), broken)
