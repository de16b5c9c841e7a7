"""What of a DICOM file may pass, and what must not.

Only the elements named here are looked at. Those of :data:`PASSES` describe the film or
give context; those of :data:`MATCHED` name the patient and are turned at once into a hash
that is salted anew in each process: it tells two patients of one record apart and is
worth nothing elsewhere. Everything else in the header is stepped over unread.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword

_salt = secrets.token_bytes(32)

PASSES = (
    # the patient, as context
    "PatientAge", "PatientSex",
    # what it is a picture of
    "SOPClassUID", "Modality", "BodyPartExamined", "ViewPosition", "PresentationIntentType",
    "BurnedInAnnotation",
    # how its pixels are stored and shown (PS3.3 C.7.6.3, C.11.1, C.11.2, 10.7)
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "PixelSpacing", "ImagerPixelSpacing",
    "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept",
    "VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth",
    "PixelData",
)  # fmt: skip

MATCHED = ("PatientID", "PatientName")


def salt() -> bytes:
    """The salt of this process."""
    return _salt


def take_salt(given: bytes) -> None:
    """Hash with the salt of another process from here on, so that its hashes and these can be compared."""
    global _salt
    _salt = given


def tags(keywords: tuple[str, ...]) -> Mapping[int, str]:
    """Map the tags of these keywords to them."""
    return {tag: keyword for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None}


@dataclass(frozen=True)
class Person:
    """Whom a file is of, as salted hashes; never a name.

    Attributes:
        number: Of the patient's number, or None.
        name: Of the patient's name, or None.
    """

    number: bytes | None = None
    name: bytes | None = None

    def differs(self, other: Person) -> bool:
        """Whether two files are surely of two people; by number where both have one, else by name."""
        if self.number and other.number:
            return self.number != other.number
        return bool(self.name and other.name and self.name != other.name)


def person(values: Mapping[str, bytes]) -> Person:
    """Hash the raw values of :data:`MATCHED`.

    >>> person({"PatientID": b"7 "}) == person({"PatientID": b"7"})
    True
    >>> person({"PatientID": b"7"}).differs(person({"PatientID": b"8"}))
    True
    """

    def digest(keyword: str) -> bytes | None:
        value = values.get(keyword, b"").strip(b" \0^").upper()
        return hashlib.blake2b(value, key=_salt).digest() if value else None

    return Person(digest("PatientID"), digest("PatientName"))
