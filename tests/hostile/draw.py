"""Files that were made to hurt, drawn by code."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from io import BytesIO

import numpy as np
from PIL import Image as Pillow
from pydicom import uid

from tests.formats.files import dicom, film, jpeg, png, png_chunk, sound, tone, zipped

NOTE = b"Cough for three days."
FILM = dicom(film())
EIGHT = film(bits=8).astype(np.uint8)


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


def png_claiming(width: int, height: int, depth: int = 8, packed: bytes = b"", colour: int = 0) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
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


def understating_zip(megabytes: int = 800, told: int = 1000) -> bytes:
    """An archive whose one member inflates to far more than the archive says of it."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = block * megabytes + packer.flush()
    fields = struct.pack("<HHHHIII", 0, 8, 0, 0, zlib.crc32(bytes(told)), len(packed), told)
    local = struct.pack("<4sH", b"PK\x03\x04", 20) + fields + struct.pack("<HH", 5, 0) + b"a.txt"
    central = struct.pack("<4sHH", b"PK\x01\x02", 20, 20) + fields + struct.pack("<HHHHHII", 5, *[0] * 6) + b"a.txt"
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    return local + packed + central + end


def many_scans_jpeg() -> bytes:
    """A progressive JPEG that repeats its last scan."""
    output = BytesIO()
    Pillow.fromarray(EIGHT).save(output, "JPEG", progressive=True)
    stream = output.getvalue()
    last = stream[stream.rindex(b"\xff\xda") : -2]
    return stream[:-2] + last * 1000 + stream[-2:]


def ztxt_bomb() -> bytes:
    data = png(EIGHT)
    return data[:33] + png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(32 << 20), 1)) + data[33:]


def cmyk() -> bytes:
    output = BytesIO()
    Pillow.new("CMYK", (20, 20)).save(output, "JPEG")
    return output.getvalue()


def chunked_png() -> bytes:
    data = png(EIGHT)
    return data[:33] + png_chunk(b"IDAT", b"") * 200_000 + data[33:]


def two_sizes() -> bytes:
    """A PNG that states its size twice, the second time far beyond the limit."""
    data = png(EIGHT)
    return data[:33] + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0)) + data[33:]


def polyglot() -> bytes:
    """A PNG with a page and an archive behind its end."""
    return png(EIGHT) + b"<html><script>alert(1)</script></html>" + zipped({"a.txt": NOTE})


def many_parts_wav() -> bytes:
    return wav_header()[:36] + (b"LIST" + bytes(4)) * 2_000_000 + b"data"


def denied_members() -> bytes:
    """An archive of 5,000 members whose end speaks of one."""
    data = bytearray(many_members())
    end = data.rindex(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    return bytes(data)


def wide_zip() -> bytes:
    """An archive whose 64-bit record overrules the small numbers of its end."""
    data = zipped({"a.txt": NOTE})
    end = data.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack_from("<HII", data, end + 10)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    return data[:end] + record + struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1) + data[end:]


def lzma_zip() -> bytes:
    output = BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.txt", NOTE * 100)
    return output.getvalue()
