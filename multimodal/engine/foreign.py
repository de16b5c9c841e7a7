"""Items that are no film of a chest, no sound of a heart or lung, no clinical note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from multimodal.case import Image, Item, Notice
from multimodal.errors import MultimodalError
from multimodal.labels import Modality
from multimodal.ood import is_foreign
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


def refusal(branches: Sequence[LoadedBranch], item: Item) -> Notice | None:
    """The notice of a foreign item; None where a bundle finds it like its training items, or none can tell.

    An item that cannot be prepared is not judged here: scoring it says what is wrong.
    """
    judging = [branch for branch in branches if branch.detector is not None]
    try:
        foreign = [is_foreign(branch.detector, branch.network, item) for branch in judging if branch.detector]
    except MultimodalError:
        return None
    if not foreign or not all(foreign):
        return None
    return Notice(FOREIGN, _MESSAGES[item.modality], item=item.name, refused=True)


def unlaid(branches: Sequence[LoadedBranch], item: Item, notices: Sequence[Notice]) -> list[Notice]:
    """The notices of an item; one that would be foreign however it lay is told so, and not to be turned.

    A turned or inverted film is far from training films for that alone, so it is judged as it would lie upright.
    """
    if isinstance(item, Image) and any(notice.code in LAID for notice in notices):
        foreign = refusal(branches, righted(item))
        if foreign is not None:
            return [*(notice for notice in notices if notice.code not in LAID), foreign]
    return list(notices)
