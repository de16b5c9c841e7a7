"""A record with a word of its own, found nowhere else, in every field that a file has for one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from pydicom import Dataset, dcmread
from reportlab.pdfgen.canvas import Canvas

from tests.formats.files import dicom, film

HIDDEN = tuple(
    f"Hid{where}Canary"
    for where in (
        "Name", "Number", "Institution", "Physician", "Comment", "Private", "Nested", "Lut", "Preamble", "Behind",
        "Pngtext", "Exif", "Jpegcomment", "Riff", "Vorbis", "Pdftitle", "Pdfauthor", "Zipcomment", "Broken",
    )
)  # fmt: skip
"""What no part of the program has a use for: it must be nowhere at all."""

NAMED = ("NameFilmCanary", "NamePngCanary", "NameJpegCanary", "NameHeartCanary", "NameLungCanary", "NameNoteCanary",
         "NamePdfCanary", "NameBrokenCanary", "NameZipCanary", "NameFolderCanary")  # fmt: skip
"""Names of files: in the answer that the user asked for, and nowhere else."""

TOLD = ("ToldSurnameCanary", "77310042")
"""A titled name and a record number in a note: never in the database."""

SAID = "SaidPlainlyCanary"
"""A word of a note that no pattern takes for a name: in the database only where the note is kept."""


def film_dicom() -> bytes:
    name, number, institution, physician, comment, private, nested, lut, preamble, behind = HIDDEN[:10]
    data = dcmread(io.BytesIO(dicom(film(96, 80), PatientName=f"{name}^X", PatientID=number)))
    data.InstitutionName, data.ReferringPhysicianName, data.ImageComments = institution, physician, comment
    data.add_new(0x00091001, "LO", private)
    inner = Dataset()
    inner.CodeMeaning = nested
    data.ProcedureCodeSequence = [inner]
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType, table.LUTExplanation = [4096, 0, 16], "US", lut
    table.LUTData = list(range(4096))
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    data.ModalityLUTSequence = [table]
    data.preamble = preamble.encode().ljust(128, b"\0")
    data.PixelData += behind.encode().ljust(32, b"\0")
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _grey() -> Pillow.Image:
    return Pillow.fromarray((film(90, 70) >> 4).astype(np.uint8))


def film_png() -> bytes:
    told, buffer = PngInfo(), io.BytesIO()
    told.add_text("Author", HIDDEN[10])
    told.add_text("Comment", HIDDEN[10], zip=True)
    exif = Pillow.Exif()
    exif[0x010E] = HIDDEN[11]
    _grey().save(buffer, "PNG", pnginfo=told, exif=exif)
    return buffer.getvalue()


def film_jpeg() -> bytes:
    buffer = io.BytesIO()
    exif = Pillow.Exif()
    exif[0x013B] = HIDDEN[11]
    _grey().save(buffer, "JPEG", quality=95, exif=exif, comment=HIDDEN[12])
    return buffer.getvalue()


def sound(container: str, said: str, rate: int = 4000) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(len(said)).normal(0, 0.2, 5 * rate).astype(np.float32)
    beat = np.sin(2 * np.pi * 70 * np.arange(5 * rate) / rate) * (np.arange(5 * rate) % rate < rate // 8)
    with soundfile.SoundFile(buffer, "w", rate, 1, format=container) as file:
        file.title = file.artist = file.comment = said
        file.write(np.clip(noise * 0.2 + beat.astype(np.float32) * 0.6, -1, 1))
    return buffer.getvalue()


def note_text() -> bytes:
    return f"Mr. {TOLD[0]}, MRN {TOLD[1]}, has had a cough. {SAID} for three days, with fever and crackles.\n".encode()


def note_pdf() -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setTitle(HIDDEN[15])
    canvas.setAuthor(HIDDEN[16])
    canvas.drawString(72, 720, f"Mrs. {TOLD[0]} is short of breath, {SAID}, with swollen ankles.")
    canvas.save()
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    """Every file by its name."""
    contents = (
        ("dcm", film_dicom()), ("png", film_png()), ("jpg", film_jpeg()), ("wav", sound("WAV", HIDDEN[13])),
        ("flac", sound("FLAC", HIDDEN[14])), ("txt", note_text()), ("pdf", note_pdf()),
        ("dcm", film_dicom()[:600] + HIDDEN[18].encode()),
    )  # fmt: skip
    return {f"{name}.{suffix}": data for name, (suffix, data) in zip(NAMED, contents, strict=False)}


def archive() -> bytes:
    """The same as a zip, in a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.comment = HIDDEN[17].encode()
        for name, data in files().items():
            made.writestr(f"{NAMED[9]}/{name}", data)
    return buffer.getvalue()


def within(data: bytes, words: tuple[str, ...]) -> list[str]:
    """Which of the words stand there, in eight or sixteen bits a letter and whatever their case."""
    low = data.lower()
    return [word for word in words if any(word.lower().encode(code) in low for code in ("utf-8", "utf-16-le"))]


def within_folder(folder: Path, words: tuple[str, ...]) -> dict[str, list[str]]:
    """By file or folder below: which of the words its name or content holds."""
    found = {}
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        if hits := within(path.name.encode("utf-8", "surrogateescape") + b"\0" + data, words):
            found[str(path.relative_to(folder))] = hits
    return found
