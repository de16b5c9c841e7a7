"""Files drawn for these tests: films, sounds, notes, in every encoding that is read."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO

import gdcm
import numpy as np
import soundfile
from PIL import Image as Pillow
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

CODED = {
    uid.RLELossless: "pylibjpeg",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
}


def film(rows: int = 48, columns: int = 40, bits: int = 12, seed: int = 0) -> np.ndarray:
    """(rows, columns) uint16 film that fills its bits: a smooth shape with noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    shape = np.sin(x / 7) + np.cos(y / 9) + 0.1 * random.standard_normal((rows, columns))
    shape = (shape - shape.min()) / (shape.max() - shape.min())
    return np.round(shape * (2**bits - 1)).astype(np.uint16)


def unit(pixels: np.ndarray) -> np.ndarray:
    """The film in 0..1."""
    values = pixels.astype(np.float64)
    return (values - values.min()) / (values.max() - values.min())


def header(pixels: np.ndarray, bits: int = 12, photometric: str = "MONOCHROME2", **elements: object) -> Dataset:
    """A DX header for these pixels, with elements replaced, added, or (None) left out."""
    data = Dataset()
    data.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID = "1.2.3"
    data.Modality = "DX"
    data.BodyPartExamined = "CHEST"
    data.ViewPosition = "PA"
    data.PatientName = "SECRET^PATIENT"
    data.PatientID = "SECRET-1"
    data.PatientAge = "045Y"
    data.PatientSex = "F"
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = photometric
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored = bits
    data.HighBit = bits - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    for keyword, value in elements.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    return data


def dicom(
    pixels: np.ndarray,
    syntax: uid.UID = uid.ExplicitVRLittleEndian,
    *,
    bits: int = 12,
    photometric: str = "MONOCHROME2",
    codestream: bytes | None = None,
    pixel_data: bytes | None = None,
    **elements: object,
) -> bytes:
    """A DICOM film in this transfer syntax, its pixel data encoded here or given."""
    data = header(pixels, bits, photometric, **elements)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    little = syntax != uid.ExplicitVRBigEndian
    if pixel_data is None:
        pixel_data = pixels.astype(pixels.dtype.newbyteorder("<" if little else ">")).tobytes()
    data.PixelData = pixel_data + b"\0" * (len(pixel_data) % 2)
    data["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 and syntax != uid.ImplicitVRLittleEndian else "OW"
    if codestream is None and syntax in CODED:
        data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        data.compress(syntax, encoding_plugin=CODED[syntax], generate_instance_uid=False)
    elif syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1) and codestream is None:
        codestream = jpeg_by_gdcm(pixels, bits, syntax)
    if codestream is not None:
        data.PixelData = encapsulate([codestream])
        data["PixelData"].VR = "OB"
        data["PixelData"].is_undefined_length = True
    output = BytesIO()
    data.save_as(output, enforce_file_format=True)
    return output.getvalue()


def jpeg_by_gdcm(pixels: np.ndarray, bits: int, syntax: uid.UID) -> bytes:
    """A JPEG codestream that Pillow cannot write: lossless, or twelve bits."""
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((pixels.shape[1], pixels.shape[0], 1))
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    image.SetPixelFormat(gdcm.PixelFormat(1, 8 * pixels.dtype.itemsize, bits, bits - 1, 0))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ExplicitVRLittleEndian))
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetByteStringValue(pixels.tobytes())
    image.SetDataElement(element)
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
    image.this.disown()  # from here on the change owns it
    change.SetInput(image)
    assert change.Change()
    fragment = change.GetOutput().GetDataElement().GetSequenceOfFragments().GetFragment(0)
    return fragment.GetByteValue().GetBuffer().encode("utf-8", "surrogateescape")


def jpeg(pixels: np.ndarray, quality: int = 95) -> bytes:
    """A grey eight-bit JPEG."""
    output = BytesIO()
    Pillow.fromarray(pixels).save(output, "JPEG", quality=quality)
    return output.getvalue()


def png(picture: np.ndarray | Pillow.Image, **options: object) -> bytes:
    """A PNG of an array or a Pillow image."""
    output = BytesIO()
    image = picture if isinstance(picture, Pillow.Image) else Pillow.fromarray(picture)
    image.save(output, "PNG", **options)
    return output.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tone(rate: int = 4000, seconds: float = 1.0, hertz: float = 200.0, level: float = 0.5) -> np.ndarray:
    """(N,) float32 sine."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def sound(samples: np.ndarray, rate: int = 4000, kind: str = "WAV", subtype: str | None = None) -> bytes:
    """A recording in one of libsndfile's formats."""
    output = BytesIO()
    soundfile.write(output, samples, rate, format=kind, subtype=subtype)
    return output.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    output = BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return output.getvalue()


def pdf(lines: list[str], pages: int = 1) -> bytes:
    """A PDF with these lines on each page, written by hand."""
    content = "BT /F1 12 Tf 72 720 Td " + " ".join(f"({line}) Tj 0 -14 Td" for line in lines) + " ET"
    kids = " ".join(f"{5 + i} 0 R" for i in range(pages))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
    ]
    page = (
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
    )
    return _pdf_of([*bodies, *[page] * pages])


def endless_pdf(depth: int = 12) -> bytes:
    """A PDF of few bytes whose page draws a form that draws the next one ten times, and so on."""
    forms = []
    for number in range(5, 5 + depth):
        content = "/X Do " * 10 if number < 4 + depth else "BT /F1 12 Tf (Cough.) Tj ET"
        resources = f"/Resources << /Font << /F1 3 0 R >> /XObject << /X {number + 1} 0 R >> >>"
        form = f"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] {resources} /Length {len(content)} >>"
        forms.append(f"{form}\nstream\n{content}\nendstream")
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{5 + depth} 0 R] /Count 1 >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Length 5 >>\nstream\n/X Do\nendstream",
        *forms,
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>",
    ]
    return _pdf_of(bodies)


def _pdf_of(bodies: list[str]) -> bytes:
    """A PDF of these objects, the first of which is its root."""
    output, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(output))
        output += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(offsets) + 1
    return (
        output
        + f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n".encode()
        + f"startxref\n{len(output)}\n%%EOF\n".encode()
    )
