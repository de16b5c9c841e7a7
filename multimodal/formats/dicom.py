"""DICOM films (PS3.3, C.8.1 CR and C.8.11 DX; pixel data by PS3.5, chapter 8).

Order of events: one bounded walk over the elements, what the header claims against the
limits and the bytes present, what the codestream claims against the header, and only then
a decoder.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut

from multimodal.case import Image, Notice, Patient
from multimodal.errors import CorruptFileError, LimitError, UnsupportedError
from multimodal.formats.codestream import DECODERS, NATIVE
from multimodal.formats.elements import DicomFile, read_elements
from multimodal.formats.guard import guarded
from multimodal.formats.identity import MATCHED, PASSES, Person, person, tags
from multimodal.formats.limits import Limits
from multimodal.formats.pixels import PixelHeader, Stored, decode
from multimodal.formats.scale import WIDEST, to_unit

_MODALITIES = frozenset({"CR", "DX", "RG"})
_UNSTATED = frozenset({"", "OT", "SC"})
_FILMS = frozenset(
    {
        uid.ComputedRadiographyImageStorage,
        uid.DigitalXRayImageStorageForPresentation,
        uid.DigitalXRayImageStorageForProcessing,
        uid.SecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    }
)
_CHEST = re.compile(r"CHEST|CHST|THORAX|TORAX|LUNG|PULM|HEART|CARD|RIB|UNKNOWN|^$")
_LATERAL = frozenset({"LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT"})
_PLAIN = re.compile(r"[A-Z][A-Z0-9 ]{0,15}")
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_WANTED = tags(PASSES + MATCHED)


@dataclass(frozen=True)
class DicomReading:
    """A film, with what its header says of the patient.

    Attributes:
        image: The film.
        patient: Age and sex where stated.
        person: Whom it is of, to tell two patients of one record apart.
    """

    image: Image
    patient: Patient
    person: Person


def read_dicom(data: bytes, name: str, limits: Limits) -> DicomReading:
    """Read a chest film.

    Args:
        data: The file.
        name: Its name as the user gave it.
        limits: What it may claim and hold.

    Raises:
        CorruptFileError: If it is damaged, cut short or contradicts itself.
        UnsupportedError: If it is no single grey chest film, or its compression has no decoder.
        LimitError: If it claims more than the limits allow.
    """
    file = read_elements(data, name, _WANTED, limits)
    with guarded(name, "DICOM header"):
        dataset = file.dataset(PASSES)
        notices = _check_subject(dataset, file, name)
        header = _pixel_header(dataset, name, limits)
        view = _word(dataset, "ViewPosition")
    if view in _LATERAL:
        notices.append(Notice("lateral_view", "This is a side view; the networks learned from frontal films.", name))
    stored = decode(file, header, name, limits)
    with guarded(name, "grey scale of the DICOM file"):
        padding = _padding(file, header)
        stored_range = _range(stored, padding)
        domain = np.arange(stored_range[0], stored_range[1] + 1)
        values = np.asarray(apply_modality_lut(domain, dataset), np.float64)
        if not np.isfinite(values).all():
            raise CorruptFileError("The DICOM file maps its pixels to no number.", file=name)
        inverted = header.photometric == "MONOCHROME1"
        pixels, span = to_unit(stored, values, stored_range[0], padding=padding, inverted=inverted)
        image = Image(
            name=name,
            sha256=hashlib.sha256(data).hexdigest(),
            pixels=pixels,
            window=_window(dataset, span, inverted),
            spacing_mm=_spacing(dataset, round(header.rows / len(stored))),
            view=view if _PLAIN.fullmatch(view) else None,
            notices=tuple(notices),
        )
        patient = Patient(age=_age(dataset), sex=sex if (sex := _word(dataset, "PatientSex")) in ("F", "M") else None)
    matched = {keyword: file.elements[keyword].value for keyword in MATCHED if keyword in file.elements}
    return DicomReading(image, patient, person(matched))


def _check_subject(dataset: Dataset, file: DicomFile, name: str) -> list[Notice]:
    """Refuse what is no chest film; return what a reader must know of the rest."""
    what = uid.UID(str(dataset.get("SOPClassUID", "")))
    stored_as = what.name if what.name != what else ""
    if "PixelData" not in file.elements or "Rows" not in dataset:
        raise UnsupportedError(f"This DICOM file holds no image ({stored_as or 'no film'}).", file=name)
    if file.syntax not in NATIVE and file.syntax not in DECODERS:
        syntax = uid.UID(file.syntax)
        kind = syntax.name if syntax.name != syntax else "a private one"
        raise UnsupportedError(f"There is no decoder for this film's transfer syntax ({kind}).", file=name)
    modality, body = _word(dataset, "Modality"), _word(dataset, "BodyPartExamined")
    if modality not in _MODALITIES | _UNSTATED:
        kind = modality if _PLAIN.fullmatch(modality) else "unknown"
        raise UnsupportedError(f"This is no chest film: its modality is {kind}, not CR or DX.", file=name)
    if stored_as and what not in _FILMS:
        raise UnsupportedError(f"This is no chest film: it is stored as {stored_as}.", file=name)
    if not _CHEST.search(body):
        kind = body if _PLAIN.fullmatch(body) else "unknown"
        raise UnsupportedError(f"This is no chest film: its body part is {kind}.", file=name)
    notices = []
    if modality in _UNSTATED:
        notices.append(
            Notice("modality_unknown", "The DICOM header doesn't say that this is a chest film; check that.", name)
        )
    if _word(dataset, "BurnedInAnnotation") == "YES":
        notices.append(
            Notice("burned_in_text", "The film says that text is burned into it, which may name the patient.", name)
        )
    if _word(dataset, "PresentationIntentType") == "FOR PROCESSING":
        notices.append(
            Notice("raw_film", "This is the detector's raw film; the networks learned from processed ones.", name)
        )
    return notices


def _pixel_header(dataset: Dataset, name: str, limits: Limits) -> PixelHeader:
    """Read what the header claims of the pixels, and check it against the limits."""
    photometric = _word(dataset, "PhotometricInterpretation")
    if dataset.get("SamplesPerPixel", 1) != 1 or not photometric.startswith("MONOCHROME"):
        raise UnsupportedError("The film is in colour; a chest film has one grey channel.", file=name)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise UnsupportedError(f"The DICOM file claims {frames} frames; give one film a file.", file=name)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if rows < 1 or columns < 1:
        raise CorruptFileError(f"The DICOM header says that the film is {columns} x {rows} pixels.", file=name)
    if rows * columns > limits.pixels:
        raise LimitError(
            f"The DICOM header claims {columns} x {rows} pixels; the limit is {limits.pixels:,}.", file=name
        )
    allocated = int(dataset.BitsAllocated)
    stored = int(dataset.get("BitsStored") or allocated)
    if allocated not in (8, 16) or not 1 <= stored <= allocated or dataset.get("HighBit", stored - 1) != stored - 1:
        raise UnsupportedError(f"The film has {stored} bits in {allocated}; 8 or 16 are read.", file=name)
    return PixelHeader(rows, columns, allocated, stored, dataset.get("PixelRepresentation", 0) == 1, photometric)


def _padding(file: DicomFile, header: PixelHeader) -> tuple[int, int] | None:
    """Lowest and highest stored value that mark padding (PS3.3, C.7.5.1.1.2), or None."""
    given = [
        int.from_bytes(element.value[:2], "little" if file.little else "big", signed=header.signed)
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
        if (element := file.elements.get(keyword)) is not None and len(element.value) >= 2
    ]
    return (min(given), max(given)) if given else None


def _range(stored: Stored, padding: tuple[int, int] | None) -> tuple[int, int]:
    """Least and greatest stored value of the film itself."""
    film = stored if padding is None else stored[(stored < padding[0]) | (stored > padding[1])]
    if film.size == 0:
        film = stored
    return int(film.min()), int(film.max())


def _window(dataset: Dataset, span: tuple[float, float], inverted: bool) -> tuple[float, float] | None:
    """The display window in units of the pixels (PS3.3, C.11.2), or the input range of a VOI LUT."""
    centers, widths = _numbers(dataset, "WindowCenter"), _numbers(dataset, "WindowWidth")
    if centers and widths and widths[0] > 0:
        center, width = centers[0], widths[0]
        if _word(dataset, "VOILUTFunction") in ("", "LINEAR"):
            center, width = center - 0.5, width - 1
        low, high = center - width / 2, center + width / 2
    elif tables := dataset.get("VOILUTSequence"):
        entries, low = (int(number) for number in tables[0].LUTDescriptor[:2])
        high = low + (entries or 1 << 16) - 1
    else:
        return None
    scale = (span[1] - span[0]) or 1.0
    low, high = (low - span[0]) / scale, (high - span[0]) / scale
    if not -WIDEST < low < high < WIDEST:
        return None
    return (1 - high, 1 - low) if inverted else (low, high)


def _spacing(dataset: Dataset, reduction: int) -> tuple[float, float] | None:
    """Row and column spacing in mm, at the patient where calibrated, else at the detector; times the reduction."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        spacing = _numbers(dataset, keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            return reduction * spacing[0], reduction * spacing[1]
    return None


def _age(dataset: Dataset) -> float | None:
    """Age in years from an age string such as 045Y (PS3.5, 6.2), or None."""
    match = re.fullmatch(r"(\d{1,3})([DWMY])", _word(dataset, "PatientAge"))
    if match is None:
        return None
    years = int(match[1]) * _DAYS[match[2]] / _DAYS["Y"]
    return years if years <= 120 else None


def _word(dataset: Dataset, keyword: str) -> str:
    """A code string, upper case; empty where absent or where there are several."""
    value = dataset.get(keyword)
    return value.strip(" \0").upper() if isinstance(value, str) else ""


def _numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """The finite numbers of an optional element; empty where it is absent or no number."""
    try:
        value = dataset.get(keyword)
        given = value if isinstance(value, (list, tuple)) or hasattr(value, "__iter__") else [value]
        numbers = tuple(float(number) for number in given)
    except (TypeError, ValueError, OverflowError):
        return ()
    return numbers if all(math.isfinite(number) for number in numbers) else ()
