"""A bundle into memory, and back into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from multimodal.bundle import CONFIG, BundleConfig
from multimodal.errors import BundleInvalidError, UsageError
from multimodal.labels import Modality
from multimodal.zoo.catalogue import Bundle

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

    from multimodal.branches import Branch
    from multimodal.branches.heads import Heads
    from multimodal.calibrate import LabelCalibration
    from multimodal.fusion import FusionHead
    from multimodal.ood import Detector
    from multimodal.prepare import Preparation


@dataclass(frozen=True)
class LoadedBranch:
    """A branch ready to score.

    Attributes:
        network: In evaluation mode, float32, on the CPU.
        config: Of its bundle.
        detector: Tells foreign items, where the bundle has one.
        heads: Tell how unsure the network is, where the bundle has them.
    """

    network: Branch
    config: BundleConfig
    detector: Detector | None = None
    heads: Heads | None = None

    @cached_property
    def calibrations(self) -> Mapping[str, LabelCalibration]:
        """How each label that the branch speaks of is read."""
        from multimodal.calibrate import LabelCalibration

        return {label: LabelCalibration.from_dict(raw) for label, raw in self.config.calibration.items()}

    @property
    def preparation(self) -> Preparation:
        """How its items are prepared."""
        return self.network.preparation

    @property
    def tokenizer(self) -> Tokenizer | None:
        """Of a text branch."""
        return self.network.tokenizer


@dataclass(frozen=True)
class LoadedFusion:
    """A fusion head ready to score.

    Attributes:
        network: In evaluation mode, float32, on the CPU.
        config: Of its bundle; ``config.branches`` names the branches that it was trained on.
    """

    network: FusionHead
    config: BundleConfig


def load(bundle: Bundle) -> LoadedBranch | LoadedFusion:
    """Load a bundle: strictly, hash-checked, without code from it and without a network.

    Raises:
        BundleInvalidError: If its files are missing, malformed or changed.
        ArchitectureError: If its architecture or an option of it is not known.
    """
    from multimodal.branches import Branch
    from multimodal.branches.bundle import load_network
    from multimodal.branches.heads import read_heads
    from multimodal.ood import read_detector

    config = bundle.config
    if config.kind == "fusion":
        return LoadedFusion(load_network(lambda: _head(config), bundle.folder, config), config)
    network = Branch.from_pretrained(bundle.folder)
    return LoadedBranch(network, config, read_detector(bundle.folder, config), read_heads(bundle.folder, config))


def load_branch(bundle: Bundle) -> LoadedBranch:
    """As :func:`load`, of a bundle that must be a branch's.

    Raises:
        UsageError: If the bundle is a fusion head.
        BundleInvalidError: As :func:`load`.
        ArchitectureError: As :func:`load`.
    """
    loaded = load(bundle)
    if isinstance(loaded, LoadedFusion):
        raise UsageError(f"Expected a branch, but {bundle.kind}/{bundle.name} is a fusion head.")
    return loaded


def verify(bundle: Bundle) -> BundleConfig:
    """Check everything that can be wrong with a bundle, by loading it.

    Returns:
        Its config.

    Raises:
        ModelError: What is wrong.
    """
    loaded = load(bundle)
    parameters = sum(parameter.numel() for parameter in loaded.network.parameters())
    if parameters != loaded.config.parameters:
        raise BundleInvalidError(
            f"Expected `parameters` {parameters}, but got {loaded.config.parameters}.", file=bundle.name
        )
    return loaded.config


def save(
    folder: Path, network: nn.Module, config: BundleConfig, tokenizer: Tokenizer | None = None, *, half: bool = False
) -> Bundle:
    """Write a bundle: config.json, model.safetensors and, for a text branch, tokenizer.json.

    Args:
        folder: Made if missing; for the zoo, ``<root>/<kind>/<name>``.
        network: Branch or fusion head.
        config: ``network.describe(name, ...)`` of a branch; the hash and the number of parameters are filled in.
        tokenizer: Of a text branch, which becomes the network's own; not needed where it has one.
        half: Whether matrices are stored as float16, at half the size; they are computed with as float32.

    Returns:
        The bundle.

    Raises:
        BundleInvalidError: If the config is not of the schema, or a text branch has no tokenizer.
    """
    from multimodal.branches import Branch
    from multimodal.branches.bundle import write_bundle

    if isinstance(network, Branch):
        network.tokenizer = tokenizer = tokenizer or network.tokenizer
        network.check_complete()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    written = write_bundle(folder, network, replace(config, parameters=parameters), tokenizer, half=half)
    return Bundle(written.kind, written.name, folder)


def _head(config: BundleConfig) -> FusionHead:
    """The head that a fusion config describes, with fresh weights."""
    from multimodal.fusion import create

    try:
        dims = {Modality(modality): int(branch["embedding_dim"]) for modality, branch in config.branches.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise BundleInvalidError("Expected `embedding_dim` of each branch of the fusion head.", file=CONFIG) from error
    return create(config.arch, labels=config.labels, embedding_dims=dims, options=config.options)
