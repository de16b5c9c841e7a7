"""Items written anew from what was read of them, for keeping.

Nothing of the file itself gets through, since its bytes aren't at hand here: no header, private element,
comment, tag, text chunk, name or trailing byte, known or unknown. Words burned into the pixels of a film and
words spoken in a recording do get through, and of a note what :mod:`~multimodal.formats.screening` doesn't find.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
import soundfile
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset

from multimodal.case import Audio, FloatArray, Image, Item, Patient
from multimodal.formats.screening import screened

METHODS = {
    "113100": "Basic Application Confidentiality Profile",
    "113108": "Retain Patient Characteristics Option",
}
"""How a kept film is de-identified (PS3.15, annex E), as codes of DCM (PS3.16, CID 7050)."""

# Type 2 in the modules of a DX film: there, and empty (action Z of PS3.15, table E.1-1).
_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
    "ReferringPhysicianName", "SeriesNumber", "InstanceNumber", "Manufacturer", "Laterality", "PatientOrientation",
)  # fmt: skip
_STEPS = np.arange(1, 65_536, dtype=np.float64)
_FLOAT32 = 1.2e-7  # what single precision can tell apart below 1


def write(item: Item, patient: Patient | None = None) -> tuple[str, bytes]:
    """Write a film as DICOM, a sound as WAV (float), a note as screened text.

    Args:
        item: As it was read.
        patient: Age and sex, which a film carries along.

    Returns:
        The suffix of its name, and the file. Read again, it is the same sound and note; a film has the same
        pixels where its grey scale was linear, else to half of 1/65535.
    """
    if isinstance(item, Image):
        return ".dcm", _film(item, patient or Patient())
    if isinstance(item, Audio):
        buffer = BytesIO()
        soundfile.write(buffer, item.samples, item.rate, format="WAV", subtype="FLOAT")
        return ".wav", buffer.getvalue()
    return ".txt", screened(item.text).encode("utf-8", "replace")


def _film(film: Image, patient: Patient) -> bytes:
    levels = grey_levels(film.pixels)
    kind = np.uint8 if levels < 256 else np.uint16
    stored = np.round(film.pixels * np.float64(levels)).astype(kind)
    data = Dataset()
    data.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID = (uid.generate_uid(None) for _ in range(3))
    for keyword in _EMPTY:
        setattr(data, keyword, None)
    data.PatientIdentityRemoved = "YES"
    data.DeidentificationMethodCodeSequence = [_code(value, meaning) for value, meaning in METHODS.items()]
    data.LongitudinalTemporalInformationModified = "REMOVED"
    data.PatientSex = patient.sex
    if patient.age is not None:
        data.PatientAge = f"{int(patient.age):03d}Y" if patient.age >= 1 else f"{round(patient.age * 12):03d}M"
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", film.view
    data.ImageType = ["DERIVED", "PRIMARY"]
    data.PresentationIntentType = "FOR PRESENTATION"
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = stored.shape
    data.BitsAllocated = 8 * stored.itemsize
    data.BitsStored = max(1, levels.bit_length())
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    if film.spacing_mm:
        data.PixelSpacing = [f"{length:.10g}" for length in film.spacing_mm]
    if film.window:
        low, high = (levels * edge for edge in film.window)
        data.WindowCenter, data.WindowWidth = f"{(low + high) / 2:.10g}", f"{high - low:.10g}"
        data.VOILUTFunction = "LINEAR_EXACT"
    data.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes() + b"\0" * (stored.nbytes % 2)
    data["PixelData"].VR = "OB" if kind is np.uint8 else "OW"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    buffer = BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code


def grey_levels(pixels: FloatArray) -> int:
    """The fewest steps from 0 to 1 of which these pixels are whole multiples, or 65535 if there are none.

    >>> grey_levels(np.float32([[0, 1 / 3, 1]]))
    3
    """
    values = np.unique(pixels).astype(np.float64)
    few = values[np.linspace(0, len(values) - 1, 16).astype(int)]
    likely = _STEPS[_multiples(few, _STEPS[:, None]).all(axis=1)]
    return int(next((steps for steps in likely if _multiples(values, steps).all()), _STEPS[-1]))


def _multiples(values: npt.NDArray[np.float64], steps: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.abs(np.round(values * steps) / steps - values) < _FLOAT32
