"""One file in, one item out: the format by content, the kind by the user's word."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePath

from multimodal.case import Item, Notice, Patient
from multimodal.errors import CorruptFileError, LimitError, UnsupportedError
from multimodal.formats.audio import read_audio
from multimodal.formats.dicom import read_dicom
from multimodal.formats.identity import Person
from multimodal.formats.limits import Limits
from multimodal.formats.pdf import read_pdf
from multimodal.formats.raster import read_raster
from multimodal.formats.sniff import Format, sniff
from multimodal.formats.text import read_text
from multimodal.labels import Modality, Site


class Kind(StrEnum):
    """What a file is by the user's word: the prefix of ``heart:a.wav``."""

    FILM = "film"
    HEART = "heart"
    LUNG = "lung"
    SOUND = "sound"
    NOTE = "note"

    @property
    def modality(self) -> Modality:
        """The modality that such a file holds."""
        return {Kind.FILM: Modality.IMAGE, Kind.NOTE: Modality.TEXT}.get(self, Modality.AUDIO)

    @property
    def site(self) -> Site | None:
        """The site of such a sound, where the word names one."""
        return Site(self) if self in (Kind.HEART, Kind.LUNG) else None


_MODALITY = {
    Format.DICOM: Modality.IMAGE,
    Format.PNG: Modality.IMAGE,
    Format.JPEG: Modality.IMAGE,
    Format.WAV: Modality.AUDIO,
    Format.FLAC: Modality.AUDIO,
    Format.OGG: Modality.AUDIO,
    Format.MP3: Modality.AUDIO,
    Format.TEXT: Modality.TEXT,
    Format.PDF: Modality.TEXT,
}
_CALLED = {Modality.IMAGE: "a film", Modality.AUDIO: "a sound", Modality.TEXT: "a note"}
_ENDINGS = {
    **dict.fromkeys((".dcm", ".dicom", ".png", ".jpg", ".jpeg"), Modality.IMAGE),
    **dict.fromkeys((".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus"), Modality.AUDIO),
    **dict.fromkeys((".txt", ".pdf"), Modality.TEXT),
}


@dataclass(frozen=True)
class Reading:
    """An item with what its file says of the patient.

    Attributes:
        item: The film, sound or note.
        patient: Age and sex where the file states them.
        person: Whom the file is of, as salted hashes.
    """

    item: Item
    patient: Patient = field(default_factory=Patient)
    person: Person = field(default_factory=Person)


def check_size(count: int, name: str, limits: Limits) -> None:
    """Refuse a file of more bytes than the limits allow.

    Raises:
        LimitError: If it has.
    """
    if count > limits.file_bytes:
        raise LimitError(f"The file has {count:,} bytes; the limit is {limits.file_bytes:,}.", file=name)


def read_with_patient(data: bytes, name: str, kind: Kind | None, limits: Limits) -> Reading:
    """Read one file, and what it says of the patient; raises as :func:`read` does."""
    check_size(len(data), name, limits)
    found = sniff(data, name)
    if found is Format.ZIP:
        raise UnsupportedError("A zip is a whole record, not one item, and holds no further zip.", file=name)
    modality = _MODALITY[found]
    if kind is not None and kind.modality is not modality:
        raise UnsupportedError(f"The file was given as {kind}, but it holds {_CALLED[modality]}.", file=name)
    reading = _read(data, name, found, kind, limits)
    named = _ENDINGS.get(PurePath(name).suffix.lower(), modality)
    if named is modality:
        return reading
    if found is Format.TEXT and kind is None:  # it has no signature, so only its name or the user makes it a note
        message = f"The name says {_CALLED[named]}, but the file holds plain text; if it is a note, name it .txt."
        raise CorruptFileError(message, file=name)
    message = f"The name says {_CALLED[named]}, but the file holds {_CALLED[modality]} and was read as such."
    notices = (*reading.item.notices, Notice("name_differs", message, name))
    return replace(reading, item=replace(reading.item, notices=notices))


def _read(data: bytes, name: str, found: Format, kind: Kind | None, limits: Limits) -> Reading:
    if found is Format.DICOM:
        film = read_dicom(data, name, limits)
        return Reading(film.image, film.patient, film.person)
    if found in (Format.PNG, Format.JPEG):
        return Reading(read_raster(data, name, limits))
    if found is Format.PDF:
        return Reading(read_pdf(data, name, limits))
    if found is Format.TEXT:
        return Reading(read_text(data, name, limits))
    return Reading(read_audio(data, name, found, limits, site=kind.site if kind else None))


def read(data: bytes, name: str, *, kind: Kind | None = None, limits: Limits | None = None) -> Item:
    """Read one film, sound or note, in this process: for files that are trusted, to train on for example.

    The format is told by content, never by the name; a name that says something else
    earns a notice, and refuses plain text, which has no signature of its own.

    Args:
        data: The file.
        name: Its name, for notices and errors.
        kind: What it is by the user's word; a sound's site comes from here only.
        limits: What it may claim and hold; by default those of the environment.

    Returns:
        An ``Image``, ``Audio`` or ``Text``.

    Raises:
        UnknownFormatError: If the content is no format that is read here.
        CorruptFileError: If it is damaged, cut short or contradicts itself.
        UnsupportedError: If it is valid, but of a kind that is not handled or not the one named.
        LimitError: If it claims or holds more than the limits allow.
    """
    return read_with_patient(data, name, kind, limits or Limits.from_environment()).item
