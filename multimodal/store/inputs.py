"""The files of a case, as they are kept where the user asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from multimodal.case import Audio, Case, Image, Item
from multimodal.formats import Kind, write


@dataclass(frozen=True)
class StoredInput:
    """One kept file.

    Attributes:
        kind: What it is, a word of :class:`~multimodal.formats.Kind`.
        name: Its name; in the store that of the item in the stored diagnosis.
        sha256: Of the file as the user gave it.
        data: Its bytes, written anew by :func:`~multimodal.formats.write`.
    """

    kind: Kind
    name: str
    sha256: str
    data: bytes

    @property
    def source(self) -> tuple[str, bytes]:
        """As :func:`multimodal.formats.read_case` takes it."""
        return f"{self.kind}:{self.name}", self.data


def inputs_of(case: Case) -> tuple[StoredInput, ...]:
    """The items of a case as files, in their order: written anew, so that nothing else of the user's files is kept.

    Age and sex of the case go with its films.
    """
    return tuple(_input(item, case) for item in case.items)


def _input(item: Item, case: Case) -> StoredInput:
    suffix, data = write(item, case.patient)
    return StoredInput(_kind(item), PurePath(item.name).stem + suffix, item.sha256, data)


def _kind(item: Item) -> Kind:
    if isinstance(item, Image):
        return Kind.FILM
    if isinstance(item, Audio):
        return Kind(item.site) if item.site else Kind.SOUND
    return Kind.NOTE
