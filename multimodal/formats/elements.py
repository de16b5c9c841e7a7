"""One walk over the data elements of a DICOM file, before any library sees it.

The walk checks that every length fits into the bytes that are there, never recurses, and
hands on only the elements asked for; all others are stepped over unread.
Encoding of data sets: PS3.5, chapter 7; file meta information: PS3.10, chapter 7.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from multimodal.errors import CorruptFileError, LimitError
from multimodal.formats.limits import MEBIBYTE, Limits

UNDEFINED = 0xFFFFFFFF
TRANSFER_SYNTAX = 0x00020010
PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_PREFIX_END = 132


@dataclass(frozen=True)
class Element:
    """One data element that was asked for.

    Attributes:
        tag: Group and element number.
        vr: Value representation, or None where the encoding leaves it out.
        value: Its bytes; empty for pixel data, which stays where it is.
        start: Index of its first byte.
        length: Length in bytes as written; ``UNDEFINED`` for a value that ends in a delimiter.
        end: Index after its last byte, the delimiter left out.
    """

    tag: int
    vr: str | None
    value: bytes
    start: int
    length: int
    end: int


@dataclass(frozen=True)
class DicomFile:
    """The elements of a DICOM file that were asked for.

    Attributes:
        syntax: Transfer syntax UID.
        body: The bytes that positions refer to (inflated for a deflated file).
        elements: Elements by keyword.
        implicit: Whether value representations are left out.
        little: Whether it is little-endian.
    """

    syntax: str
    body: bytes
    elements: Mapping[str, Element]
    implicit: bool
    little: bool

    def dataset(self, keywords: tuple[str, ...]) -> Dataset:
        """A pydicom data set of those of these elements that are present, still raw."""
        raw: dict[BaseTag, DataElement | RawDataElement] = {
            BaseTag(e.tag): RawDataElement(BaseTag(e.tag), e.vr, len(e.value), e.value, 0, self.implicit, self.little)
            for e in (self.elements[keyword] for keyword in keywords if keyword in self.elements)
        }
        dataset = Dataset(raw)
        dataset.set_original_encoding(self.implicit, self.little)
        return dataset


def read_elements(data: bytes, name: str, wanted: Mapping[int, str], limits: Limits) -> DicomFile:
    """Walk over a DICOM file and keep the wanted elements of its top level.

    Args:
        data: The file, preamble and prefix included.
        name: Its name, for errors.
        wanted: Keyword by tag.
        limits: What it may hold.

    Raises:
        CorruptFileError: If a length, an item or a delimiter doesn't fit.
        LimitError: If it nests too deep, holds too many elements or inflates too far.
    """
    meta = _Walk(data, name, limits, implicit=False, little=True)
    found, start = meta.top_level(_PREFIX_END, {TRANSFER_SYNTAX: "TransferSyntaxUID"}, group=0x0002)
    if "TransferSyntaxUID" not in found:
        raise CorruptFileError("The DICOM file doesn't say in which transfer syntax it is written.", file=name)
    syntax = found["TransferSyntaxUID"].value.strip(b"\0 ").decode("ascii", "replace")
    body = data
    if syntax == DeflatedExplicitVRLittleEndian:
        body, start = _inflate(data, start, name, limits), 0
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    elements, _ = _Walk(body, name, limits, implicit=implicit, little=little).top_level(start, wanted)
    return DicomFile(syntax, body, elements, implicit, little)


def _inflate(data: bytes, start: int, name: str, limits: Limits) -> bytes:
    """Inflate a deflated data set, up to the limit of a file and far below what a bomb reaches."""
    most = limits.unpacked(len(data), limits.file_bytes)
    inflater, output, rest = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), data[start:]
    try:
        while rest and not inflater.eof:
            output += inflater.decompress(rest, 8 * MEBIBYTE)
            rest = inflater.unconsumed_tail
            if len(output) > most:
                raise LimitError("The deflated DICOM file holds more than the limit allows.", file=name)
    except zlib.error:
        raise CorruptFileError("The deflated DICOM file is damaged.", file=name) from None
    if not inflater.eof:
        raise CorruptFileError("The deflated DICOM file is cut short.", file=name)
    return bytes(output)


class _Walk:
    """A walk over one data set in one encoding."""

    def __init__(self, data: bytes, name: str, limits: Limits, *, implicit: bool, little: bool) -> None:
        self.data, self.name, self.limits, self.implicit = data, name, limits, implicit
        order = "<" if little else ">"
        self.tag, self.short, self.long = (struct.Struct(order + code) for code in ("HH", "H", "I"))
        self.count = 0
        self.padding = len(data.rstrip(b"\0"))  # where it starts, if there is any

    def top_level(
        self, position: int, wanted: Mapping[int, str], group: int | None = None
    ) -> tuple[dict[str, Element], int]:
        """Walk from ``position`` to the end, or to the end of the group; return the wanted and where it ended."""
        found: dict[str, Element] = {}
        while position < len(self.data):
            begin = position
            if position >= self.padding:
                break
            tag, vr, length, position = self.header(position, self.implicit)
            if group is not None and tag >> 16 != group:
                return found, begin
            start = position
            if length == UNDEFINED:
                position = self.past_undefined(position, self.implicit or vr == "UN")
                end = position - 8
            else:
                end = position = self.past(position, length)
            if (keyword := wanted.get(tag)) is not None:
                found[keyword] = Element(tag, vr, self.value(tag, start, end), start, length, end)
        return found, position

    def value(self, tag: int, start: int, end: int) -> bytes:
        if tag == PIXEL_DATA:
            return b""
        if end - start > self.limits.dicom_value_bytes and dictionary_VR(tag) != "SQ":
            raise CorruptFileError("The DICOM header holds a value of an impossible length.", file=self.name)
        return self.data[start:end]

    def past(self, position: int, length: int) -> int:
        if position + length > len(self.data):
            raise CorruptFileError(
                f"The DICOM file is cut short: {length} bytes are announced where "
                f"{len(self.data) - position} are left.",
                file=self.name,
            )
        return position + length

    def past_undefined(self, position: int, implicit: bool) -> int:
        """Step behind the delimiter of a value of undefined length, however deep it nests."""
        nested = [implicit]
        while nested:
            tag, vr, length, position = self.header(position, nested[-1])
            if tag in (_ITEM_END, _SEQUENCE_END):
                nested.pop()
            elif length == UNDEFINED:
                # The content of an unknown value is always implicit (PS3.5, 6.2.2).
                nested.append(nested[-1] or vr == "UN")
                if len(nested) > self.limits.dicom_depth:
                    raise LimitError("The DICOM file nests its sequences too deep.", file=self.name)
            else:
                position = self.past(position, length)
        return position

    def header(self, position: int, implicit: bool) -> tuple[int, str | None, int, int]:
        """Tag, value representation, length, and where the value starts."""
        self.count += 1
        if self.count > self.limits.dicom_elements:
            raise LimitError("The DICOM file holds too many data elements.", file=self.name)
        try:
            group, number = self.tag.unpack_from(self.data, position)
            tag, code = group << 16 | number, self.data[position + 4 : position + 6]
            if implicit or group == 0xFFFE or not (code.isalpha() and code.isupper()):
                return tag, None, self.long.unpack_from(self.data, position + 4)[0], position + 8
            if code in _LONG_VRS:
                return tag, code.decode(), self.long.unpack_from(self.data, position + 8)[0], position + 12
            return tag, code.decode(), self.short.unpack_from(self.data, position + 6)[0], position + 8
        except struct.error:
            raise CorruptFileError("The DICOM file ends in the middle of a data element.", file=self.name) from None
