"""Items that are no film of a chest, no sound of a heart or lung, no clinical note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from types import MappingProxyType

from multimodal.case import Image, Item, Notice
from multimodal.engine.inference import ItemOutput
from multimodal.errors import MultimodalError
from multimodal.labels import Modality
from multimodal.ood import FeatureDetector, is_foreign
from multimodal.quality.layout import righted
from multimodal.zoo import LoadedBranch

FOREIGN = "foreign_input"
LAID = frozenset({"film_rotated", "film_inverted"})
"""Refusals of a film by how it lies, which a photograph may meet by chance."""

_MESSAGES: Mapping[Modality, str] = MappingProxyType(
    {
        Modality.IMAGE: "This does not look like a chest film, so it is left out; check that it is the right file.",
        Modality.AUDIO: "This does not sound like a heart or lung, so it is left out; check the file or record again.",
        Modality.TEXT: "This does not read like a clinical note, so it is left out; check that it is the right file.",
    }
)


def refusal(branches: Sequence[LoadedBranch], item: Item, outputs: Sequence[ItemOutput] = ()) -> Notice | None:
    """The notice of a foreign item; None where a bundle finds it like its training items, or none can tell.

    An item that cannot be prepared is not judged here: scoring it says what is wrong.

    Args:
        branches: The bundles of its modality.
        item: Any.
        outputs: What they have said of it, if they have, so that nothing is computed twice.
    """
    try:
        foreign = [_is_foreign(branch, item, output) for branch, output in zip_longest(branches, outputs)]
    except MultimodalError:
        return None
    judged = [one for one in foreign if one is not None]
    if not judged or not all(judged):
        return None
    return Notice(FOREIGN, _MESSAGES[item.modality], item=item.name, refused=True)


def _is_foreign(branch: LoadedBranch, item: Item, output: ItemOutput | None) -> bool | None:
    """By the statistics that came with the output, where they did; None without a detector."""
    detector = branch.detector
    if detector is None:
        return None
    if isinstance(detector, FeatureDetector) and output is not None and output.statistics is not None:
        return detector.joined(*detector.apart(item, output.statistics)) > detector.limit
    return is_foreign(detector, branch.network, item)


def unlaid(branches: Sequence[LoadedBranch], item: Item, notices: Sequence[Notice]) -> list[Notice]:
    """The notices of an item; one that would be foreign however it lay is told so, and not to be turned.

    A turned or inverted film is far from training films for that alone, so it is judged as it would lie upright.

    Args:
        branches: Of the item's modality, each with or without a detector.
        item: Of any modality; only a film can lie oddly.
        notices: What the quality checks said of it.
    """
    if isinstance(item, Image) and any(notice.code in LAID for notice in notices):
        foreign = refusal(branches, righted(item))
        if foreign is not None:
            return [*(notice for notice in notices if notice.code not in LAID), foreign]
    return list(notices)
