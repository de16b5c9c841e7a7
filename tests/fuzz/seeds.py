"""The files that fuzzing starts from, drawn by code: small, valid, one for each way through a reader."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from pydicom import uid

from tests.formats.files import dicom, film, jpeg, pdf, png, sound, tone, zipped

SMALL = film(12, 10)
EIGHT = film(12, 10, bits=8).astype(np.uint8)


def films() -> dict[str, bytes]:
    """One for each decoder but GDCM, which ends its process on damaged streams and so any run."""
    return {
        "implicit": dicom(SMALL, uid.ImplicitVRLittleEndian, WindowCenter=5, WindowWidth=9),
        "explicit": dicom(SMALL, PixelPaddingValue=0, RescaleSlope=2, RescaleIntercept=1, PixelSpacing=[0.1, 0.2]),
        "deflated": dicom(SMALL, uid.DeflatedExplicitVRLittleEndian),
        "big-endian": dicom(SMALL, uid.ExplicitVRBigEndian),
        "rle": dicom(SMALL, uid.RLELossless),
        "jpeg": dicom(EIGHT, uid.JPEGBaseline8Bit, bits=8, codestream=jpeg(EIGHT)),
        "jpeg-ls": dicom(SMALL, uid.JPEGLSLossless),
        "jpeg-2000": dicom(film(48, 40), uid.JPEG2000Lossless),
    }


def pictures() -> dict[str, bytes]:
    colour = Pillow.fromarray(np.stack([EIGHT, EIGHT[::-1], EIGHT], axis=-1))
    return {
        "png-8": png(EIGHT),
        "png-16": png(SMALL),
        "png-palette": png(colour.convert("P")),
        "png-alpha": png(colour.convert("RGBA")),
        "png-bilevel": png(Pillow.fromarray(EIGHT).convert("1")),
        "jpeg": jpeg(EIGHT),
        "jpeg-colour": jpeg(np.asarray(colour)),
    }


def sounds() -> dict[str, bytes]:
    short = tone(8000, 0.1)
    return {
        "wav": sound(short, 8000),
        "wav-float": sound(short, 8000, subtype="FLOAT"),
        "wav-mulaw": sound(short, 8000, subtype="ULAW"),
        "wav-stereo": sound(np.stack([short, short], axis=1), 8000),
        "flac": sound(short, 8000, "FLAC"),
        "ogg": sound(short, 8000, "OGG"),
        "mp3": sound(short, 8000, "MP3"),
    }


def notes() -> dict[str, bytes]:
    words = "INDICATION: Cough.\nFINDINGS: Clear lungs; temp\xe9rature 37.\nIMPRESSION:\n none."
    return {
        "utf-8": words.encode(),
        "utf-8-mark": words.encode("utf-8-sig"),
        "utf-16": words.encode("utf-16"),
        "latin": words.encode("latin-1"),
        "pdf": pdf(["FINDINGS: none."], pages=2),
    }


def archives() -> dict[str, bytes]:
    return {"one": zipped({"a.txt": b"Cough."}), "three": zipped({"a/b.txt": b"x" * 200, "a/c.wav": b"", "d/": b""})}


def configs() -> dict[str, bytes]:
    from multimodal.bundle import BundleConfig

    plain = BundleConfig("audio", "tiny", "lstm", ("murmur", "crackles"), embedding_dim=4, sha256="0" * 64)
    return {"audio": plain.to_json().encode()}


def manifests() -> dict[str, bytes]:
    return {
        "two": b"case_id,path,kind,site,age,sex,murmur\n1,a.wav,sound,heart,40,F,1\n1,b.txt,note,,,,\n",
        "mark": b'\xef\xbb\xbfcase_id,path\r\n"1","a.wav"\r\n,b.txt\r\n2,../c.txt\r\n',
    }
