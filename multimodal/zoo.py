"""The zoo: every bundle that can be found, loaded, checked and written. Finding them needs no torch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from platformdirs import user_data_path

from multimodal.bundle import CONFIG, FILES, KINDS, BundleConfig, is_name, read_config
from multimodal.errors import BundleInvalidError, BundleNotFoundError
from multimodal.labels import Modality

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

    from multimodal.branches.base import Branch
    from multimodal.branches.heads import Heads
    from multimodal.fusion import FusionHead
    from multimodal.ood import Detector
    from multimodal.prepare import Preparation

__all__ = [
    "Bundle",
    "BundleConfig",
    "LoadedBranch",
    "LoadedFusion",
    "at",
    "bundles",
    "defaults",
    "find",
    "load",
    "roots",
    "save",
    "verify",
    "writable_root",
]

ENVIRONMENT = "MULTIMODAL_MODELS"
DEFAULTS = "defaults.json"
_PACKAGE = Path(__file__).parent
_HUB = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)@(?P<revision>[\w./-]+)")


@dataclass(frozen=True)
class Bundle:
    """A trained network in a folder.

    Attributes:
        kind: "image", "audio", "text" or "fusion".
        name: Its name, or the reference to the Hub that it came from.
        folder: Where its files are.
    """

    kind: str
    name: str
    folder: Path

    @property
    def config(self) -> BundleConfig:
        """Its config, read anew and checked.

        Raises:
            BundleInvalidError: If it is missing, malformed or of another kind.
        """
        config = read_config(self.folder)
        if config.kind != self.kind:
            raise BundleInvalidError(f"Expected a bundle of {self.kind}, but got {config.kind}.", file=self.name)
        return config


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


def roots() -> tuple[Path, ...]:
    """Folders that hold bundles: those that ``MULTIMODAL_MODELS`` adds, the user's own, then the project's.

    The project's is ``models/`` of a checkout, or the copy that a wheel carries.
    """
    checkout, wheel = _PACKAGE.parent / "models", _PACKAGE / "_site" / "models"
    project = checkout if (_PACKAGE.parent / "pyproject.toml").exists() else wheel
    return (*_added(), *(root for root in (_user_root(),) if root.is_dir()), project)


def writable_root() -> Path:
    """Where a user's bundles go: the first folder of ``MULTIMODAL_MODELS`` that can be written, else the user's own."""
    return next((root for root in _added() if root.is_dir() and os.access(root, os.W_OK)), _user_root())


def _added() -> list[Path]:
    return [Path(entry).expanduser() for entry in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if entry]


def _user_root() -> Path:
    return user_data_path("multimodal-diagnosis", appauthor=False) / "models"


def bundles(kind: str | None = None) -> list[Bundle]:
    """Every bundle of the zoo, by kind and name; of two with one name the first root's counts.

    A folder is listed if it holds a config, however broken: :func:`verify` says what is wrong with it.
    """
    found: dict[tuple[str, str], Bundle] = {}
    for root in roots():
        for wanted in KINDS if kind is None else (_kind(kind),):
            for config in sorted((root / wanted).glob(f"*/{CONFIG}")):
                name = config.parent.name
                if is_name(name):
                    found.setdefault((wanted, name), Bundle(wanted, name, config.parent))
    return sorted(found.values(), key=lambda bundle: (KINDS.index(bundle.kind), bundle.name))


def find(kind: str, reference: str) -> Bundle:
    """One bundle by name, or from the Hub.

    Args:
        kind: "image", "audio", "text" or "fusion".
        reference: Name of a bundle, or ``hf:org/name@revision``.

    Raises:
        BundleNotFoundError: If there is none; the message lists those there are.
    """
    _kind(kind)
    if reference.startswith("hf:"):
        return Bundle(kind, reference, _from_hub(reference))
    known = {bundle.name: bundle for bundle in bundles(kind)}
    if reference not in known:
        raise BundleNotFoundError(
            f"Expected a bundle of {kind} out of {', '.join(known) or 'none'}, but got {reference!r}."
        )
    return known[reference]


def at(folder: Path) -> Bundle:
    """The bundle in a folder outside the zoo.

    Raises:
        BundleInvalidError: If the folder holds none.
    """
    config = read_config(folder)
    return Bundle(config.kind, config.name, folder)


def defaults() -> dict[str, str]:
    """The bundle of each kind that is used when none is named; a kind without bundles is absent.

    Raises:
        BundleInvalidError: If a defaults.json is malformed.
    """
    chosen: dict[str, str] = {}
    for root in roots():
        for kind, name in _read_defaults(root / DEFAULTS):
            chosen.setdefault(kind, name)
    return {kind: chosen[kind] for kind in KINDS if kind in chosen}


def load(bundle: Bundle) -> LoadedBranch | LoadedFusion:
    """Load a bundle: strictly, hash-checked, without code from it and without a network.

    Raises:
        BundleInvalidError: If its files are missing, malformed or changed.
        ArchitectureError: If its architecture or an option of it is not known.
    """
    from multimodal.branches.base import Branch
    from multimodal.branches.bundle import load_network
    from multimodal.branches.heads import read_heads
    from multimodal.ood import read_detector

    config = bundle.config
    if config.kind == "fusion":
        return LoadedFusion(load_network(lambda: _head(config), bundle.folder, config), config)
    network = Branch.from_pretrained(bundle.folder)
    return LoadedBranch(network, config, read_detector(bundle.folder, config), read_heads(bundle.folder, config))


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
    from multimodal.branches.base import Branch
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


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise BundleNotFoundError(f"Expected a kind out of {', '.join(KINDS)}, but got {kind!r}.")
    return kind


def _read_defaults(path: Path) -> Iterator[tuple[str, str]]:
    if not path.exists():
        return
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleInvalidError("The defaults cannot be read.", file=path.name) from error
    if not isinstance(entries, dict) or not all(
        kind in KINDS and isinstance(name, str) and is_name(name) for kind, name in entries.items()
    ):
        raise BundleInvalidError(f"Expected one name for each of {', '.join(KINDS)}.", file=path.name)
    yield from entries.items()


def _from_hub(reference: str) -> Path:
    """Fetch a bundle's files, and no other, into the Hub's cache."""
    match = _HUB.fullmatch(reference)
    if match is None:
        raise BundleNotFoundError(f"Expected hf:organisation/name@revision, but got {reference!r}.")
    try:
        folder = snapshot_download(match["repository"], revision=match["revision"], allow_patterns=list(FILES))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise BundleNotFoundError(f"The Hub gave no bundle for {reference!r}: {error}") from error
    return Path(folder)
