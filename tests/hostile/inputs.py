"""What each hostile input has to end in.

The numbers are those of the project's list of 64; what no single file can show is tested elsewhere, as named at the
end.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydicom import uid

from tests.formats.files import dicom, film, jpeg, pdf, png, sound, zipped
from tests.hostile.draw import (
    EIGHT,
    FILM,
    NOTE,
    PIXELS,
    chunked_png,
    claiming,
    cmyk,
    coded,
    deflate_bomb,
    denied_members,
    flac_claiming,
    jpeg_2000,
    jpeg_2000_claiming,
    jpeg_claiming,
    linked,
    lying_length,
    lzma_zip,
    many_members,
    many_parts_wav,
    many_scans_jpeg,
    nested,
    png_claiming,
    polyglot,
    rle,
    silence,
    two_sizes,
    unencapsulated,
    wav_header,
    wide_zip,
    without_image,
    zip_bomb,
    ztxt_bomb,
)


@dataclass(frozen=True)
class Input:
    """One hostile file.

    Attributes:
        what: Its number and what it is.
        make: Draws it.
        codes: Of the error that refuses it or of the notice on it, one of several with "|"; empty where it is
            simply read.
        name: Under which it is given.
    """

    what: str
    make: Callable[[], bytes]
    codes: str = ""
    name: str = "bad.bin"

    @property
    def number(self) -> int:
        return int(self.what.split()[0])


REFUSED = [
    Input("1 not DICOM", lambda: bytes(range(256)) * 20, "unknown_format"),
    Input("2 no DICM prefix", lambda: FILM[132:], "unknown_format"),
    Input("3 truncated header", lambda: FILM[:200], "corrupt_file"),
    Input("3 truncated data set", lambda: FILM[:700], "corrupt_file"),
    Input("4 undefined-length native pixels", unencapsulated, "corrupt_file"),
    Input("5 length of 4 GB", lying_length, "corrupt_file"),
    Input("6 no rows", lambda: claiming(0, 40), "corrupt_file"),
    Input("7 65535 x 65535", lambda: claiming(65535, 65535), "limit_exceeded"),
    Input("8 2^31-1 frames", lambda: dicom(film(), NumberOfFrames=2**31 - 1), "unsupported"),
    Input("9 short pixel data", lambda: claiming(4000, 4000), "corrupt_file"),
    Input("10 RLE of 564 bytes", lambda: coded(uid.RLELossless, rle(bytes(500)), 30000, 30000), "limit_exceeded"),
    Input("10 RLE within the limit", lambda: coded(uid.RLELossless, rle(bytes(500)), 7000, 7000), "corrupt_file"),
    Input("11 RLE bomb", lambda: coded(uid.RLELossless, rle(b"\x81\0" * (7 << 20)), 30000, 30000), "limit_exceeded"),
    Input(
        "11 RLE that runs over its end",
        lambda: coded(uid.RLELossless, rle(bytes([127]) + bytes(128)) * 40),
        "corrupt_file",
    ),
    Input("12 deflate bomb", deflate_bomb, "limit_exceeded"),
    Input("13 JPEG of 65000 x 65000", lambda: coded(uid.JPEGBaseline8Bit, jpeg_claiming(65000, 65000)), "corrupt_file"),
    Input(
        "13 header and JPEG of 65000 x 65000",
        lambda: coded(uid.JPEGBaseline8Bit, jpeg_claiming(65000, 65000), 65000, 65000),
        "limit_exceeded",
    ),
    Input(
        "13 header and JPEG of 8000 x 8000",
        lambda: coded(uid.JPEGBaseline8Bit, jpeg_claiming(8000, 8000), 8000, 8000),
        "corrupt_file",
    ),
    Input("14 JPEG cut to a third", lambda: coded(uid.JPEGBaseline8Bit, jpeg(EIGHT)[:700]), "corrupt_file"),
    Input("15 J2K truncated", lambda: coded(uid.JPEG2000Lossless, jpeg_2000()[:900]), "corrupt_file"),
    Input("15 J2K garbage", lambda: coded(uid.JPEG2000Lossless, bytes(range(256)) * 4), "corrupt_file"),
    Input("15 J2K of 60000 x 60000", lambda: coded(uid.JPEG2000, jpeg_2000_claiming(60000, 60000)), "corrupt_file"),
    Input(
        "16 J2K size other than the header's", lambda: coded(uid.JPEG2000, jpeg_2000_claiming(47, 40)), "corrupt_file"
    ),
    Input("17 sequences nested 5000 deep", lambda: nested(5000), "limit_exceeded"),
    Input("18 Windows program as preamble", lambda: b"MZ" + FILM[2:], "unsupported"),
    Input("18 ELF program as preamble", lambda: b"\x7fELF" + FILM[4:], "unsupported"),
    Input("19 video", lambda: coded(uid.MPEG2MPML, bytes(100)), "unsupported"),
    Input(
        "19 private transfer syntax",
        lambda: coded(uid.MPEG2MPML, bytes(100)).replace(b"1.2.840.10008.1.2.4", b"1.2.999.10008.1.2.4"),
        "unsupported",
    ),
    Input("20 CT", lambda: dicom(film(), Modality="CT"), "unsupported"),
    Input("20 CT by its class alone", lambda: dicom(film(), SOPClassUID=uid.CTImageStorage), "unsupported"),
    Input("20 knee", lambda: dicom(film(), BodyPartExamined="KNEE"), "unsupported"),
    Input("23 several frames", lambda: dicom(film(), NumberOfFrames=2), "unsupported"),
    Input("23 RGB", lambda: dicom(film(), SamplesPerPixel=3, PhotometricInterpretation="RGB"), "unsupported"),
    Input("26 DICOMDIR", lambda: without_image(uid.MediaStorageDirectoryStorage), "unsupported"),
    Input("26 encapsulated PDF", lambda: without_image(uid.EncapsulatedPDFStorage), "unsupported"),
    Input("26 structured report", lambda: without_image(uid.BasicTextSRStorage), "unsupported"),
    Input("28 PNG header of 2^31", lambda: png_claiming(2**31 - 1, 2**31 - 1), "limit_exceeded"),
    Input("29 PNG of 169 megapixels", lambda: png_claiming(13000, 13000), "limit_exceeded"),
    Input("29 PNG within the limit", lambda: png_claiming(8000, 8000, 16, zlib.compress(bytes(1000))), "corrupt_file"),
    Input(
        "29 PNG of 64 megapixels, blank",
        lambda: png_claiming(8000, 8000, 8, zlib.compress(bytes(8000 * 8001), 1)),
        "corrupt_file",
    ),
    Input("29 PNG of one column", lambda: png_claiming(1, 60_000_000, 8, bytes(1 << 20)), "limit_exceeded"),
    Input(
        "29 PNG of 40 megapixels in colour", lambda: png_claiming(8000, 5000, 8, bytes(1 << 20), 6), "limit_exceeded"
    ),
    Input("31 truncated PNG", lambda: png(EIGHT)[:-20], "corrupt_file"),
    Input("31 truncated JPEG", lambda: jpeg(EIGHT)[:-200], "corrupt_file"),
    Input("32 SVG", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "unsupported"),
    Input("32 GIF", lambda: b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(20), "unsupported"),
    Input("32 JPEG signature, nothing else", lambda: b"\xff\xd8\xff\xe0<?php", "corrupt_file"),
    Input("33 TIFF", lambda: b"II*\0" + bytes(100), "unsupported"),
    Input("36 empty file", lambda: b"", "corrupt_file"),
    Input("37 WAV with no samples", lambda: wav_header(length=0, present=0), "corrupt_file"),
    Input("38 WAV of 4 GB with 3 KB present", lambda: wav_header(length=0xFFFFFFF0), "corrupt_file"),
    Input("39 rate 0", lambda: wav_header(rate=0), "limit_exceeded|corrupt_file"),
    Input("39 rate 4 GHz", lambda: wav_header(rate=4_000_000_000), "limit_exceeded|corrupt_file"),
    Input("39 65,535 channels", lambda: wav_header(channels=65535), "limit_exceeded|corrupt_file"),
    Input("39 1000 channels", lambda: wav_header(channels=1000), "limit_exceeded"),
    Input("40 NaN", lambda: sound(np.full(4000, np.nan, np.float32), subtype="FLOAT"), "corrupt_file"),
    Input("40 1e38", lambda: sound(np.full(4000, 1e38, np.float32), subtype="FLOAT"), "corrupt_file"),
    Input("41 FLAC of 2^36 samples", lambda: flac_claiming(2**36 - 1), "limit_exceeded"),
    Input("42 FLAC of unknown length", lambda: flac_claiming(0), "unsupported"),
    Input("43 FLAC of 5 hours", silence, "limit_exceeded"),
    Input("44 giant ID3", lambda: b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(1000), "corrupt_file"),
    Input("44 MP3 of one header", lambda: b"\xff\xfb\x90\x00" + bytes(10), "corrupt_file"),
    Input("44 text named mp3", lambda: b"Murmur at the apex.", "corrupt_file", "sound.mp3"),
    Input("1 text named dcm", lambda: b"Cough and fever.", "corrupt_file", "film.dcm"),
    Input("32 text named png", lambda: b"Cough and fever.", "corrupt_file", "film.PNG"),
    Input("47 white space", lambda: b" \n\t\r\n", "corrupt_file"),
    Input("49 NUL", lambda: bytes(1000), "unknown_format"),
    Input(
        "17 elements of zeros before megabytes",
        lambda: FILM[: FILM.index(PIXELS)] + bytes(800_000) + b"\1" * (40 << 20),
        "limit_exceeded",
    ),
    Input("28 PNG of two sizes", two_sizes, "corrupt_file|limit_exceeded"),
    Input("28 PNG of 200,000 chunks", chunked_png, "limit_exceeded"),
    Input("31 JPEG of fill bytes", lambda: b"\xff\xd8\xff\xe0\0\2" + b"\xff" * (8 << 20), "limit_exceeded"),
    Input("31 JPEG of a thousand scans", many_scans_jpeg, "limit_exceeded"),
    Input("31 JPEG of a million segments", lambda: b"\xff\xd8" + b"\xff\xe0\0\2" * 1_000_000, "limit_exceeded"),
    Input("38 WAV of two million chunks", many_parts_wav, "limit_exceeded"),
    Input("44 MP3 of a million tags", lambda: b"ID3\x04\0\0\0\0\0\0" * 1_000_000, "limit_exceeded"),
    Input("54 members that the end denies", denied_members, "limit_exceeded"),
    Input("54 64-bit zip", wide_zip, "limit_exceeded"),
    Input("54 zip packed by LZMA", lzma_zip, "unsupported"),
    Input("54 zip of zeros", lambda: zipped({"a.dcm": bytes(64 << 20)}), "limit_exceeded"),
    Input("54 zip bomb", zip_bomb, "limit_exceeded"),
    Input("54 zip slip", lambda: zipped({"../../a.txt": NOTE}), "corrupt_file"),
    Input("54 zip with an absolute path", lambda: zipped({"/etc/a.txt": NOTE}), "corrupt_file"),
    Input("54 zip with a drive", lambda: zipped({"C:\\a.txt": NOTE}), "corrupt_file"),
    Input("54 symlink in a zip", linked, "unsupported"),
    Input("54 many members", many_members, "limit_exceeded"),
    Input("54 zip cut short", lambda: zipped({"a.txt": NOTE})[:-30], "corrupt_file"),
]

NOTED = [
    Input("23 lateral view", lambda: dicom(film(), ViewPosition="LL"), "lateral_view"),
    Input("48 10 MB of text", lambda: b"Cough. " * 1_500_000, "truncated"),
    Input("48 PDF of 60 pages", lambda: pdf(["Cough."], pages=60), "truncated"),
    Input("49 invalid UTF-8", lambda: b"Temp\xe9rature normale", "encoding_guessed"),
    Input("50 direction override", lambda: "Nothing \u202e found".encode(), "hidden_characters"),
]

READ = [
    Input("22 constant film", lambda: dicom(np.full((48, 40), 7, np.uint16))),
    Input("24 hostile name", lambda: dicom(film(), PatientName="<img src=x>\x1b[2J SECRET")),
    Input("24 name in a bad charset", lambda: FILM.replace(b"SECRET^PATIENT", b"SECRET\xff\xfe\x00\x1b$B..")),
    Input("25 UID with a path", lambda: FILM.replace(b"1.2.3\0", b"../../")),
    Input("25 name with a path", lambda: FILM, name="../../etc/<b>bad</b>.bin"),
    Input("32 polyglot", polyglot),
    Input("30 zTXt bomb", lambda: ztxt_bomb()),
    Input("34 one pixel", lambda: png(np.zeros((1, 1), np.uint8))),
    Input("35 CMYK", lambda: cmyk()),
    Input("50 HTML and Markdown", lambda: b"Clear <script>alert(1)</script> **lungs** [x](javascript:1)"),
    Input("52 formula", lambda: b"=HYPERLINK(1)"),
]

# Number on the list -> the tests that cover it, where a file in an upload cannot.
ELSEWHERE = {
    21: ("tests.formats.test_dicom:test_one_film_is_the_same_in_every_encoding",),
    27: ("tests.formats.test_record:test_two_patients_are_told_apart",),
    35: (
        "tests.formats.test_raster:test_cmyk_jpeg",
        "tests.formats.test_raster:test_transparent_parts_become_black",
        "tests.formats.test_raster:test_grey_png_keeps_its_depth",
        "tests.formats.test_raster:test_palette",
        "tests.formats.test_raster:test_exif_orientation",
    ),
    45: ("tests.quality.test_check:test_what_is_wrong_is_named",),
    46: ("tests.prepare.test_audio:test_the_rate_of_the_file_does_not_matter",),
    51: ("tests.quality.test_check:test_what_is_wrong_is_named",),
    52: ("tests.store.test_export:test_a_spreadsheet_runs_nothing",),
    53: (
        "tests.formats.test_record:test_nothing_readable_is_an_error_that_says_why",
        "tests.engine.test_engine:test_a_case_with_nothing_fit_gets_no_answer",
    ),
    55: (
        "tests.formats.test_manifest:test_a_bad_row_is_a_problem_and_the_rest_is_read",
        "tests.test_batch:test_a_bad_case_becomes_a_line_with_its_code",
    ),
    56: ("tests.hostile.test_doors:test_a_request_that_is_too_large_is_refused",),
    57: ("tests.ui.test_upload:test_two_readers_never_see_each_other",),
    58: (
        "tests.formats.isolation.test_pool:test_harm_costs_its_file_only",
        "tests.store.test_durability:test_a_full_disk_changes_nothing",
        "tests.test_batch:test_an_interrupted_run_is_resumed_without_doing_a_case_twice",
    ),
    59: ("tests.store.test_durability:test_a_process_that_is_killed_leaves_the_last_whole_state",),
    60: ("tests.zoo.test_hostile:TestHostileWeights.test_a_pickle_is_never_executed",),
    61: (
        "tests.zoo.test_hostile:TestHostileWeights.test_a_damaged_header_is_refused",
        "tests.zoo.test_hostile:TestHostileWeights.test_changed_weights_are_refused",
    ),
    62: ("tests.zoo.test_hostile:TestHostileConfigs.test_an_entry_that_is_not_of_the_schema_is_refused",),
    63: ("tests.engine.test_engine:test_a_nan_is_an_error_of_its_item_and_never_a_probability",),
    64: (
        "tests.ui.test_access:test_what_stands_before_the_app",
        "tests.hostile.test_doors:test_without_the_token_nothing_is_read",
    ),
}
