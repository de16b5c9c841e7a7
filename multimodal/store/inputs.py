"""The files of a case, as they are kept where the user asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from multimodal.case import Audio, Case, Image, Item
from multimodal.formats import Kind, contents
from multimodal.formats.guard import guarded
from multimodal.formats.identity import PASSES
from multimodal.formats.record import Source
from multimodal.formats.sniff import Format, sniff


@dataclass(frozen=True)
class StoredInput:
    """One kept file.

    Attributes:
        kind: What it is, a word of :class:`~multimodal.formats.Kind`.
        name: Its name; in the store that of the item in the stored diagnosis.
        sha256: Of the file as the user gave it.
        data: Its bytes; a DICOM file without what names the patient.
    """

    kind: Kind
    name: str
    sha256: str
    data: bytes

    @property
    def source(self) -> tuple[str, bytes]:
        """As :func:`multimodal.formats.read_case` takes it."""
        return f"{self.kind}:{self.name}", self.data


def inputs_of(case: Case, sources: Sequence[Source]) -> tuple[StoredInput, ...]:
    """The files of the case's items, in their order; what the reader left out stays out.

    Args:
        case: As it was diagnosed.
        sources: What it was read from: paths, folders, archives or (name, bytes).
    """
    files = {sha256(data).hexdigest(): data for _, data in contents(sources)}
    return tuple(
        StoredInput(_kind(item), item.name, item.sha256, without_identity(files[item.sha256], item.name))
        for item in case.items
        if item.sha256 in files
    )


def without_identity(data: bytes, name: str) -> bytes:
    """A DICOM file reduced to the elements that the reader lets pass; any other file as it is.

    Age and sex stay; no name, number, date, institution, comment or private element does. Text burned into
    the pixels is not found, and a note is kept word for word.

    Raises:
        CorruptFileError: If the file can't be parsed.
    """
    if sniff(data, name) is not Format.DICOM:
        return data
    with guarded(name, "DICOM file"):
        whole = dcmread(BytesIO(data))
        kept = Dataset()
        for keyword in PASSES:
            if keyword in whole:
                kept[keyword] = whole[keyword]
        kept.SOPInstanceUID = generate_uid()
        kept.file_meta = whole.file_meta.__class__()
        kept.file_meta.TransferSyntaxUID = whole.file_meta.TransferSyntaxUID
        kept.file_meta.MediaStorageSOPClassUID = kept.get("SOPClassUID") or generate_uid()
        kept.file_meta.MediaStorageSOPInstanceUID = kept.SOPInstanceUID
        buffer = BytesIO()
        kept.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _kind(item: Item) -> Kind:
    if isinstance(item, Image):
        return Kind.FILM
    if isinstance(item, Audio):
        return Kind(item.site) if item.site else Kind.SOUND
    return Kind.NOTE
