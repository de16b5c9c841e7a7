"""Which bundles answer: the user's choice or the defaults, loaded once a process and shared."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch

from multimodal.calibrate import LabelCalibration
from multimodal.case import ModelRef, Notice
from multimodal.engine.device import place
from multimodal.errors import BundleNotFoundError, UsageError
from multimodal.fusion import FusionHead, Late
from multimodal.labels import LABELS, Modality
from multimodal.zoo import Bundle, BundleConfig, LoadedBranch, LoadedFusion, bundles, defaults, find, load

FUSION, LATE = "fusion", "late"
KINDS = (*(modality.value for modality in Modality), FUSION)

_CACHE_SIZE = 24
_cache: OrderedDict[tuple[str, ...], LoadedBranch | LoadedFusion] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Member:
    """A bundle that was chosen, with its config read."""

    bundle: Bundle
    config: BundleConfig

    @cached_property
    def key(self) -> tuple[str, ...]:
        """What a loaded bundle must share with it to serve in its place."""
        beside = (self.config.detector, self.config.abstention)
        return (str(self.bundle.folder), self.config.sha256, *(str(entry) for entry in beside))


class Models:
    """The bundles of one engine: chosen when it is made, their weights read at first use.

    Args:
        choice: Kind to name; an ensemble is "a+b". A kind that is left out takes its default.
        device: Where the branches run.

    Attributes:
        members: Per modality the bundles chosen, more than one for an ensemble.
        fusion: The fusion bundle; None for plain late pooling, which has no weights.
        notices: What a reader must know of the choice.

    Raises:
        UsageError: If a kind is none of the four.
        BundleNotFoundError: If there is no bundle of a name, or no branch at all.
        BundleInvalidError: If a config is malformed.
    """

    def __init__(self, choice: Mapping[str, str], device: torch.device) -> None:
        unknown = sorted(set(choice) - set(KINDS))
        if unknown:
            raise UsageError(f"Expected models of {', '.join(KINDS)}, but got {', '.join(unknown)}.")
        chosen = {**defaults(), **choice}
        self.device = device
        self.members = {m: _members(m, chosen[m]) for m in Modality if m in chosen}
        if not self.members:
            raise BundleNotFoundError(
                "There is no trained branch; train one or set MULTIMODAL_MODELS to a folder of bundles."
            )
        self.fusion, self.notices = self._choose_fusion(chosen.get(FUSION, LATE))

    def _choose_fusion(self, name: str) -> tuple[Member | None, tuple[Notice, ...]]:
        """The head asked for if it fits the branches, else plain late pooling with a notice."""
        known = {bundle.name for bundle in bundles(FUSION)}
        if name == LATE and LATE not in known:
            return None, ()
        (head,) = _members(FUSION, name)
        changed = [m for m, branch in head.config.branches.items() if not self._is(Modality(m), branch)]
        if not changed:
            return head, ()
        message = (
            f"The fusion head {name} was trained with another {' and '.join(changed)} branch, so its answer would mean "
            "nothing; evidence is pooled (late fusion) until it is refitted."
        )
        return None, (Notice("fusion_fallback", message),)

    def _is(self, modality: Modality, branch: Mapping[str, str]) -> bool:
        members = self.members.get(modality, ())
        return len(members) == 1 and members[0].config.sha256 == branch.get("sha256")

    @cached_property
    def refs(self) -> dict[str, ModelRef]:
        """Name and hash of what answers, by kind; those of an ensemble are joined by "+"."""
        refs = {
            modality.value: ModelRef(
                "+".join(member.bundle.name for member in members), "+".join(member.config.sha256 for member in members)
            )
            for modality, members in self.members.items()
        }
        fusion = (
            ModelRef(LATE, "") if self.fusion is None else ModelRef(self.fusion.bundle.name, self.fusion.config.sha256)
        )
        return {**refs, FUSION: fusion}

    def branches(self, modality: Modality) -> tuple[LoadedBranch, ...]:
        """The loaded bundles of a modality, on the device; empty where there is none."""
        return tuple(cast("LoadedBranch", _load(member, self.device)) for member in self.members.get(modality, ()))

    @cached_property
    def head(self) -> FusionHead:
        """The fusion head, on the CPU in double precision: it is small, and rounding then depends on no neighbour."""
        if self.fusion is None:
            return Late(tuple(LABELS)).double()
        return cast("LoadedFusion", _load(self.fusion, torch.device("cpu"))).network

    @cached_property
    def readings(self) -> dict[str, dict[str, LabelCalibration]]:
        """Per label and per pattern of modalities that speak of it, how fused evidence is read, where the head says."""
        if self.fusion is None:
            return {}
        return {
            label: {pattern: LabelCalibration.from_dict(raw) for pattern, raw in entry.items()}
            for label, entry in self.fusion.config.calibration.items()
        }


def _members(kind: str, reference: str) -> tuple[Member, ...]:
    names = reference.split("+")
    if kind == FUSION and len(names) > 1:
        raise UsageError(f"Expected one fusion head, but got {reference!r}.")
    found = (find(kind, name) for name in names)
    return tuple(Member(bundle, bundle.config) for bundle in found)


def _load(member: Member, device: torch.device) -> LoadedBranch | LoadedFusion:
    """Load a bundle, or take it from the cache that all engines share."""
    key = (str(device), *member.key)
    with _lock:
        if key not in _cache:
            loaded = load(member.bundle)
            place(loaded.network, device)
            if isinstance(loaded, LoadedFusion):
                loaded.network.double()
            _cache[key] = loaded
        _cache.move_to_end(key)
        while len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
        return _cache[key]
