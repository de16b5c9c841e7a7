"""What can answer: the bundles that are listed, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from multimodal.case import ModelRef
from multimodal.errors import BundleInvalidError
from multimodal.zoo import bundles, defaults


class BundleEntry(BaseModel):
    """One bundle."""

    kind: str = Field(examples=["image"])
    name: str = Field(examples=["mobilenet_v3_small"])
    default: bool = Field(description="Whether it answers where nothing else is asked for.")
    arch: str
    labels: list[str] = Field(description="What it speaks of.")
    parameters: int
    sha256: str = Field(description="Of its weights.")
    branches: dict[str, str] = Field(description="Of a trained fusion head: modality to the sha256 it was trained on.")


class Answering(BaseModel):
    """A bundle that would answer."""

    name: str
    sha256: str


class Catalogue(BaseModel):
    """The bundles here."""

    device: str = Field(description="Where the branches run.", examples=["cpu"])
    answering: dict[str, Answering] = Field(description="By kind, for the names that were asked for.")
    bundles: list[BundleEntry]
    broken: list[str] = Field(description="Bundles whose config cannot be read.")


def catalogue(answering: Mapping[str, ModelRef], device: str) -> Catalogue:
    """Every bundle of this machine as it is on disk now, beside those that would answer."""
    chosen = defaults()
    entries, broken = [], []
    for bundle in bundles():
        try:
            config = bundle.config
        except BundleInvalidError:
            broken.append(bundle.name)
            continue
        entry: dict[str, Any] = {
            "kind": bundle.kind,
            "name": bundle.name,
            "default": chosen.get(bundle.kind) == bundle.name,
            "arch": config.arch,
            "labels": list(config.labels),
            "parameters": config.parameters,
            "sha256": config.sha256,
            "branches": {modality: str(branch["sha256"]) for modality, branch in config.branches.items()},
        }
        entries.append(BundleEntry(**entry))
    named = {kind: Answering(name=ref.name, sha256=ref.sha256) for kind, ref in answering.items()}
    return Catalogue(device=device, answering=named, bundles=entries, broken=broken)
