"""A phantom's film as a DICOM file that says what it is (DX for presentation, PS3.3 A.26)."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from multimodal.phantom.anatomy import Anatomy
from multimodal.phantom.patient import PhantomPatient

DISPLAY = (2048.0, 4096.0)  # window centre and width: shows 0 to 4095 (PS3.3, C.11.2.1.2.1)
_DAY = "20260101"


def film_bytes(patient: PhantomPatient, anatomy: Anatomy, stored: npt.NDArray[np.uint16]) -> bytes:
    """Encode a film.

    Args:
        patient: Age, sex and seed; the seed makes the identifiers, so equal phantoms give equal bytes.
        anatomy: View and pixel spacing.
        stored: (H, W) values of 12 bits, bright = dense (MONOCHROME2).
    """
    uids = [generate_uid(entropy_srcs=["multimodal phantom", str(patient.seed), what]) for what in "abc"]
    film = Dataset()
    film.SOPClassUID = DigitalXRayImageStorageForPresentation
    film.SOPInstanceUID, film.StudyInstanceUID, film.SeriesInstanceUID = uids
    film.StudyDate = film.ContentDate = _DAY
    film.StudyTime = film.ContentTime = "120000"
    film.AccessionNumber = film.ReferringPhysicianName = film.StudyID = film.PatientBirthDate = ""
    film.Modality = "DX"
    film.Manufacturer = "multimodal phantom"
    film.PresentationIntentType = "FOR PRESENTATION"
    film.ImageType = ["DERIVED", "PRIMARY"]
    film.PatientName = f"PHANTOM^{patient.seed:05d}"
    film.PatientID = f"PHANTOM-{patient.seed:05d}"
    film.PatientSex = patient.sex
    film.PatientAge = f"{patient.age:03d}Y"
    film.ImageComments = "Phantom: drawn by a program, no real patient"
    film.BurnedInAnnotation = "NO"
    film.BodyPartExamined = "CHEST"
    film.ViewPosition = anatomy.view
    film.PatientOrientation = ["L", "F"]
    film.SeriesNumber = film.InstanceNumber = 1
    film.SamplesPerPixel = 1
    film.PhotometricInterpretation = "MONOCHROME2"
    film.Rows, film.Columns = stored.shape
    film.PixelSpacing = film.ImagerPixelSpacing = [anatomy.spacing_mm, anatomy.spacing_mm]
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 16, 12, 11, 0
    film.RescaleIntercept, film.RescaleSlope, film.RescaleType = 0, 1, "US"
    film.PresentationLUTShape = "IDENTITY"
    film.LossyImageCompression = "00"
    film.WindowCenter, film.WindowWidth = DISPLAY
    film.PixelData = stored.astype("<u2").tobytes()
    film["PixelData"].VR = "OW"
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    film.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
