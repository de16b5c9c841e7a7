"""Inputs that were made to hurt: each ends in one typed error, or in a notice, and cheaply.

Every one lies in a record beside a good note, which has to be read all the same.
"""

from __future__ import annotations

import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from pydicom import uid

from multimodal.case import Case
from multimodal.formats import read_case
from tests.formats.files import dicom, film, jpeg, pdf, png, png_chunk, sound, tone, zipped

NOTE = b"Cough for three days."
FILM = dicom(film())
EIGHT = film(bits=8).astype(np.uint8)
SECONDS, MEMORY = 2.0, 300 << 20


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    if vr in (b"OB", b"OW", b"SQ", b"UN"):
        return struct.pack("<HH2sHI", group, number, vr, 0, size) + value
    return struct.pack("<HH2sH", group, number, vr, size) + value


PIXELS = struct.pack("<HH2sH", 0x7FE0, 0x10, b"OW", 0)


def claiming(rows: int, columns: int, data: bytes = FILM) -> bytes:
    """The film with other Rows and Columns, its pixel data left as it is."""
    data = data.replace(element(0x28, 0x10, b"US", b"\x30\0"), element(0x28, 0x10, b"US", struct.pack("<H", rows)))
    return data.replace(element(0x28, 0x11, b"US", b"\x28\0"), element(0x28, 0x11, b"US", struct.pack("<H", columns)))


def coded(syntax: uid.UID, stream: bytes, rows: int = 48, columns: int = 40) -> bytes:
    bits = 8 if syntax == uid.JPEGBaseline8Bit else 16
    pixels = EIGHT if bits == 8 else film(bits=16)
    return claiming(rows, columns, dicom(pixels, syntax, bits=bits, codestream=stream + b"\0" * (len(stream) % 2)))


def rle(body: bytes) -> bytes:
    half = len(body) // 2
    return struct.pack("<16I", 2, 64, 64 + half, *[0] * 13) + body


def deflate_bomb() -> bytes:
    head = dicom(film(), uid.DeflatedExplicitVRLittleEndian)
    start = head.index(b"1.2.840.10008.1.2.1.99") + 22
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = bytes(8 << 20)
    body = packer.compress(element(0x28, 0x10, b"OB", b"", 192 << 20)[:12])
    body += b"".join(packer.compress(block) for _ in range(24)) + packer.flush()
    return head[:start] + body


def jpeg_claiming(rows: int, columns: int) -> bytes:
    stream = jpeg(EIGHT)
    frame = stream.index(b"\xff\xc0") + 5
    return stream[:frame] + struct.pack(">HH", rows, columns) + stream[frame + 4 :]


def jpeg_2000() -> bytes:
    data = dicom(film(bits=16), uid.JPEG2000Lossless, bits=16)
    start = data.index(b"\xff\x4f\xff\x51")
    return data[start : data.rindex(b"\xff\xd9") + 2]


def jpeg_2000_claiming(rows: int, columns: int) -> bytes:
    stream = jpeg_2000()
    return stream[:8] + struct.pack(">II", columns, rows) + stream[16:]


def nested(depth: int) -> bytes:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    sequence = element(0x0040, 0x0275, b"SQ", b"", 0xFFFFFFFF)
    ends = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    at = FILM.index(PIXELS)
    return FILM[:at] + (sequence + item) * depth + ends * depth + FILM[at:]


def unencapsulated() -> bytes:
    at = FILM.index(PIXELS) + 8
    return FILM[:at] + b"\xff\xff\xff\xff" + FILM[at + 4 :] + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def lying_length() -> bytes:
    at = FILM.index(PIXELS) + 8
    return FILM[:at] + struct.pack("<I", 0xFFFFFFF0) + bytes(8192)


def without_image(sop_class: uid.UID) -> bytes:
    data = dicom(film(), SOPClassUID=sop_class)
    return data[: data.index(PIXELS)]


def png_claiming(width: int, height: int, depth: int = 8, packed: bytes = b"") -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def wav_header(rate: int = 4000, channels: int = 1, length: int = 3000, present: int = 3000) -> bytes:
    block = channels * 2
    code = struct.pack("<HHIIHH", 1, channels & 0xFFFF, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, 16)
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + code + b"data" + struct.pack("<I", length) + bytes(present)
    return b"RIFF" + struct.pack("<I", (len(body) + length - present) & 0xFFFFFFFF) + body


def flac_claiming(samples: int, data: bytes | None = None) -> bytes:
    data = bytearray(data or sound(tone(), kind="FLAC"))
    # STREAMINFO: the last 36 bits before the 16 bytes of MD5 (RFC 9639, 8.2)
    field = int.from_bytes(data[18:26], "big") >> 36 << 36 | samples
    data[18:26] = field.to_bytes(8, "big")
    return bytes(data)


def silence() -> bytes:
    return sound(np.zeros(5 * 3600 * 2000, np.int16), 2000, "FLAC")


def linked() -> bytes:
    output = BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        member = zipfile.ZipInfo("link.txt")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    return output.getvalue()


def many_members() -> bytes:
    output = BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        for number in range(5_000):
            archive.writestr(f"{number}.txt", b"")
    return output.getvalue()


def zip_bomb(megabytes: int = 600) -> bytes:
    """A small archive whose one member claims far more than it holds."""
    data = bytearray(zipped({"a.txt": bytes(1 << 20)}))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", megabytes << 20)
    return bytes(data)


REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("1 not DICOM", lambda: bytes(range(256)) * 20, "unknown_format"),
    ("2 no DICM prefix", lambda: FILM[132:], "unknown_format"),
    ("3 truncated header", lambda: FILM[:200], "corrupt_file"),
    ("3 truncated data set", lambda: FILM[:700], "corrupt_file"),
    ("4 undefined-length native pixels", unencapsulated, "corrupt_file"),
    ("5 length of 4 GB", lying_length, "corrupt_file"),
    ("6 no rows", lambda: claiming(0, 40), "corrupt_file"),
    ("7 65535 x 65535", lambda: claiming(65535, 65535), "limit_exceeded"),
    ("8 2^31-1 frames", lambda: dicom(film(), NumberOfFrames=2**31 - 1), "unsupported"),
    ("9 short pixel data", lambda: claiming(4000, 4000), "corrupt_file"),
    ("10 RLE of 564 bytes", lambda: coded(uid.RLELossless, rle(bytes(500)), 30000, 30000), "limit_exceeded"),
    ("10 RLE within the limit", lambda: coded(uid.RLELossless, rle(bytes(500)), 7000, 7000), "corrupt_file"),
    ("11 RLE bomb", lambda: coded(uid.RLELossless, rle(b"\x81\0" * (7 << 20)), 30000, 30000), "limit_exceeded"),
    (
        "11 RLE that runs over its end",
        lambda: coded(uid.RLELossless, rle(bytes([127]) + bytes(128)) * 40),
        "corrupt_file",
    ),
    ("12 deflate bomb", deflate_bomb, "limit_exceeded"),
    ("13 JPEG of 65000 x 65000", lambda: coded(uid.JPEGBaseline8Bit, jpeg_claiming(65000, 65000)), "corrupt_file"),
    (
        "13 header and JPEG of 65000 x 65000",
        lambda: coded(uid.JPEGBaseline8Bit, jpeg_claiming(65000, 65000), 65000, 65000),
        "limit_exceeded",
    ),
    (
        "13 header and JPEG of 8000 x 8000",
        lambda: coded(uid.JPEGBaseline8Bit, jpeg_claiming(8000, 8000), 8000, 8000),
        "corrupt_file",
    ),
    ("14 JPEG cut to a third", lambda: coded(uid.JPEGBaseline8Bit, jpeg(EIGHT)[:700]), "corrupt_file"),
    ("15 J2K truncated", lambda: coded(uid.JPEG2000Lossless, jpeg_2000()[:900]), "corrupt_file"),
    ("15 J2K garbage", lambda: coded(uid.JPEG2000Lossless, bytes(range(256)) * 4), "corrupt_file"),
    ("15 J2K of 60000 x 60000", lambda: coded(uid.JPEG2000, jpeg_2000_claiming(60000, 60000)), "corrupt_file"),
    ("16 J2K size other than the header's", lambda: coded(uid.JPEG2000, jpeg_2000_claiming(47, 40)), "corrupt_file"),
    ("17 sequences nested 5000 deep", lambda: nested(5000), "limit_exceeded"),
    ("18 Windows program as preamble", lambda: b"MZ" + FILM[2:], "unsupported"),
    ("18 ELF program as preamble", lambda: b"\x7fELF" + FILM[4:], "unsupported"),
    ("19 video", lambda: coded(uid.MPEG2MPML, bytes(100)), "unsupported"),
    (
        "19 private transfer syntax",
        lambda: coded(uid.MPEG2MPML, bytes(100)).replace(b"1.2.840.10008.1.2.4", b"1.2.999.10008.1.2.4"),
        "unsupported",
    ),
    ("20 CT", lambda: dicom(film(), Modality="CT"), "unsupported"),
    ("20 knee", lambda: dicom(film(), BodyPartExamined="KNEE"), "unsupported"),
    ("23 several frames", lambda: dicom(film(), NumberOfFrames=2), "unsupported"),
    ("23 RGB", lambda: dicom(film(), SamplesPerPixel=3, PhotometricInterpretation="RGB"), "unsupported"),
    ("26 DICOMDIR", lambda: without_image(uid.MediaStorageDirectoryStorage), "unsupported"),
    ("26 encapsulated PDF", lambda: without_image(uid.EncapsulatedPDFStorage), "unsupported"),
    ("26 structured report", lambda: without_image(uid.BasicTextSRStorage), "unsupported"),
    ("28 PNG header of 2^31", lambda: png_claiming(2**31 - 1, 2**31 - 1), "limit_exceeded"),
    ("29 PNG of 169 megapixels", lambda: png_claiming(13000, 13000), "limit_exceeded"),
    ("29 PNG within the limit", lambda: png_claiming(8000, 8000, 16, zlib.compress(bytes(1000))), "corrupt_file"),
    ("31 truncated PNG", lambda: png(EIGHT)[:-20], "corrupt_file"),
    ("31 truncated JPEG", lambda: jpeg(EIGHT)[:-200], "corrupt_file"),
    ("32 SVG", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "unsupported"),
    ("32 GIF", lambda: b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(20), "unsupported"),
    ("32 JPEG signature, nothing else", lambda: b"\xff\xd8\xff\xe0<?php", "corrupt_file"),
    ("33 TIFF", lambda: b"II*\0" + bytes(100), "unsupported"),
    ("36 empty file", lambda: b"", "corrupt_file"),
    ("37 WAV with no samples", lambda: wav_header(length=0, present=0), "corrupt_file"),
    ("38 WAV of 4 GB with 3 KB present", lambda: wav_header(length=0xFFFFFFF0), "corrupt_file"),
    ("39 rate 0", lambda: wav_header(rate=0), "limit_exceeded|corrupt_file"),
    ("39 rate 4 GHz", lambda: wav_header(rate=4_000_000_000), "limit_exceeded|corrupt_file"),
    ("39 65,535 channels", lambda: wav_header(channels=65535), "limit_exceeded|corrupt_file"),
    ("39 1000 channels", lambda: wav_header(channels=1000), "limit_exceeded"),
    ("40 NaN", lambda: sound(np.full(4000, np.nan, np.float32), subtype="FLOAT"), "corrupt_file"),
    ("40 1e38", lambda: sound(np.full(4000, 1e38, np.float32), subtype="FLOAT"), "corrupt_file"),
    ("41 FLAC of 2^36 samples", lambda: flac_claiming(2**36 - 1), "limit_exceeded"),
    ("42 FLAC of unknown length", lambda: flac_claiming(0), "unsupported"),
    ("43 FLAC of 5 hours", silence, "limit_exceeded"),
    ("44 giant ID3", lambda: b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(1000), "corrupt_file"),
    ("44 MP3 of one header", lambda: b"\xff\xfb\x90\x00" + bytes(10), "corrupt_file"),
    ("47 white space", lambda: b" \n\t\r\n", "corrupt_file"),
    ("49 NUL", lambda: bytes(1000), "unknown_format"),
    ("54 zip bomb", zip_bomb, "limit_exceeded"),
    ("54 zip slip", lambda: zipped({"../../a.txt": NOTE}), "corrupt_file"),
    ("54 zip with an absolute path", lambda: zipped({"/etc/a.txt": NOTE}), "corrupt_file"),
    ("54 zip with a drive", lambda: zipped({"C:\\a.txt": NOTE}), "corrupt_file"),
    ("54 symlink in a zip", linked, "unsupported"),
    ("54 many members", many_members, "limit_exceeded"),
    ("54 zip cut short", lambda: zipped({"a.txt": NOTE})[:-30], "corrupt_file"),
]

NOTED: list[tuple[str, Callable[[], bytes], str]] = [
    ("23 lateral view", lambda: dicom(film(), ViewPosition="LL"), "lateral_view"),
    ("44 text named mp3", lambda: b"Murmur at the apex.", "name_differs"),
    ("48 10 MB of text", lambda: b"Cough. " * 1_500_000, "truncated"),
    ("48 PDF of 60 pages", lambda: pdf(["Cough."], pages=60), "truncated"),
    ("49 invalid UTF-8", lambda: b"Temp\xe9rature normale", "encoding_guessed"),
    ("50 direction override", lambda: "Nothing \u202e found".encode(), "hidden_characters"),
]

READ: list[tuple[str, Callable[[], bytes]]] = [
    ("22 constant film", lambda: dicom(np.full((48, 40), 7, np.uint16))),
    ("24 hostile name", lambda: dicom(film(), PatientName="<img src=x>\x1b[2J SECRET")),
    ("24 name in a bad charset", lambda: FILM.replace(b"SECRET^PATIENT", b"SECRET\xff\xfe\x00\x1b$B..")),
    ("25 UID with a path", lambda: FILM.replace(b"1.2.3\0", b"../../")),
    ("30 zTXt bomb", lambda: ztxt_bomb()),
    ("34 one pixel", lambda: png(np.zeros((1, 1), np.uint8))),
    ("35 CMYK", lambda: cmyk()),
    ("50 HTML and Markdown", lambda: b"Clear <script>alert(1)</script> **lungs** [x](javascript:1)"),
    ("52 formula", lambda: b"=HYPERLINK(1)"),
]  # fmt: skip


def ztxt_bomb() -> bytes:
    data = png(EIGHT)
    return data[:33] + png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(32 << 20), 1)) + data[33:]


def cmyk() -> bytes:
    output = BytesIO()
    Pillow.new("CMYK", (20, 20)).save(output, "JPEG")
    return output.getvalue()


def read_measured(data: bytes, name: str) -> tuple[Case, str]:
    """Read a record with this file and a good note, within time and memory."""
    peak = _reset_peak()
    begin = time.process_time()
    case = read_case([(name, data), ("good.txt", NOTE)])
    seconds = time.process_time() - begin
    assert seconds < SECONDS
    if peak is not None:
        assert _memory("VmHWM") - peak < MEMORY
    assert case.texts[-1].text == NOTE.decode()
    return case, repr((case.problems, [item.notices for item in case.items]))


def _memory(key: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(key)).split()[1]) * 1024


def _reset_peak() -> int | None:
    """Forget the peak of memory so far, where the system can; return what is in use."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _memory("VmRSS")


@pytest.mark.parametrize(("make", "codes"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(make: Callable[[], bytes], codes: str) -> None:
    case, said = read_measured(make(), "bad.bin")
    (problem,) = case.problems
    assert problem.code in codes.split("|")
    assert problem.item == "bad.bin"
    assert problem.refused
    assert problem.message.endswith(".")
    assert "SECRET" not in said


@pytest.mark.parametrize(("make", "code"), [case[1:] for case in NOTED], ids=[case[0] for case in NOTED])
def test_read_with_a_notice(make: Callable[[], bytes], code: str) -> None:
    case, _ = read_measured(make(), "sound.mp3" if code == "name_differs" else "bad.bin")
    assert case.problems == ()
    assert [notice.code for notice in case.items[0].notices] == [code]


@pytest.mark.parametrize("make", [case[1] for case in READ], ids=[case[0] for case in READ])
def test_read_without_harm(make: Callable[[], bytes]) -> None:
    case, said = read_measured(make(), "bad.bin")
    assert case.problems == ()
    assert len(case.items) == 2
    assert "SECRET" not in said
