"""Which bundles there are, and where. Finding them needs no torch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from platformdirs import user_data_path

from multimodal.bundle import CARD, CONFIG, FILES, KINDS, BundleConfig, is_name, read_config
from multimodal.errors import BundleInvalidError, BundleNotFoundError

ENVIRONMENT = "MULTIMODAL_MODELS"
DEFAULTS = "defaults.json"
_PACKAGE = Path(__file__).parents[1]
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n\s*", re.DOTALL)
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

    @property
    def card(self) -> str:
        """Its model card in Markdown, without the front matter that the Hub reads; empty where there is none."""
        try:
            text = (self.folder / CARD).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return _FRONT_MATTER.sub("", text)


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
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise BundleNotFoundError(f"The Hub has no {reference!r}, or shows it to members only.") from error
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise BundleNotFoundError(
            f"The Hub gave no bundle for {reference!r}: see whether this machine reaches it, or give a folder."
        ) from error
    return Path(folder)
