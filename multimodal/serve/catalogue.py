"""What can answer: the bundles that are listed, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from pydantic import BaseModel, Field

from multimodal.case import ModelRef
from multimodal.listing import listing


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
    listed = listing()
    named = {kind: Answering(name=ref.name, sha256=ref.sha256) for kind, ref in answering.items()}
    entries = [BundleEntry(**asdict(entry)) for entry in listed.entries]
    return Catalogue(device=device, answering=named, bundles=entries, broken=list(listed.broken))
