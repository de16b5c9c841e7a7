from __future__ import annotations

import dataclasses
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_windowing

from multimodal.case import Image
from multimodal.errors import CorruptFileError, InputError, LimitError, UnsupportedError
from multimodal.formats import Limits, read, read_case
from multimodal.formats.codestream import DECODERS
from tests.formats.files import dicom, film, jpeg, jpeg_by_gdcm, png, unit

LOSSLESS = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.RLELossless,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
]


def image(data: bytes, limits: Limits | None = None) -> Image:
    item = read(data, "film.dcm", limits=limits)
    assert isinstance(item, Image)
    return item


def lookup(first: int, table: list[int], bits: int = 16) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(table), first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = table
    item["LUTData"].VR = "US"
    return item


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda s: s.keyword)
def test_one_film_is_the_same_in_every_encoding(syntax: uid.UID, photometric: str, bits: int) -> None:
    pixels = film(bits=bits)
    stored = (2**bits - 1 - pixels) if photometric == "MONOCHROME1" else pixels
    stored = stored.astype(np.uint8) if bits == 8 else stored
    reference = read(png(pixels), "film.png")
    result = image(dicom(stored, syntax, bits=bits, photometric=photometric))
    assert result.pixels.dtype == np.float32
    assert result.notices == ()
    np.testing.assert_allclose(result.pixels, unit(pixels), atol=1e-6)
    np.testing.assert_allclose(result.pixels, reference.pixels, atol=1e-6)


def test_baseline_jpeg_by_pillow() -> None:
    pixels = film(bits=8).astype(np.uint8)
    data = dicom(pixels, uid.JPEGBaseline8Bit, bits=8, codestream=jpeg(pixels))
    np.testing.assert_allclose(image(data).pixels, unit(pixels), atol=0.05)


@pytest.mark.parametrize("bits", [8, 12])
def test_extended_jpeg_at_8_and_12_bits(bits: int) -> None:
    pixels = film(bits=bits).astype(np.uint8 if bits == 8 else np.uint16)
    stream = jpeg(pixels) if bits == 8 else jpeg_by_gdcm(pixels, bits, uid.JPEGExtended12Bit)
    data = dicom(pixels, uid.JPEGExtended12Bit, bits=bits, codestream=stream)
    np.testing.assert_allclose(image(data).pixels, unit(pixels), atol=0.06)


@pytest.mark.parametrize("syntax", [uid.HTJ2K, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL], ids=lambda s: s.keyword)
def test_high_throughput_jpeg_2000_reaches_its_decoder(syntax: uid.UID) -> None:
    # No free encoder exists for Python. A film of the middle grey has no code block in either
    # coding, so that its headers are all that has to be turned (ISO/IEC 15444-15, A.2 to A.4).
    pixels = np.full((32, 32), 1 << 15, np.uint16)
    plain = pydicom.dcmread(BytesIO(dicom(pixels, uid.JPEG2000Lossless, bits=16)))
    stream = bytearray(next(pydicom.encaps.generate_frames(plain.PixelData, number_of_frames=1)))
    style = stream.index(b"\xff\x52") + 12
    stream[style] |= 0x40
    stream[6] |= 0x40
    after_size = 4 + int.from_bytes(stream[4:6], "big")
    stream[after_size:after_size] = bytes.fromhex("ff50 0008 00020000 0000")
    result = image(dicom(pixels, syntax, bits=16, codestream=bytes(stream)))
    assert result.pixels.shape == (32, 32)
    assert np.ptp(result.pixels) == 0


def test_no_decoder_under_a_copyleft_licence_is_named() -> None:
    assert set(DECODERS.values()) == {"pillow", "gdcm", "pyjpegls", "pylibjpeg"}
    jpegs = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLSLossless)
    assert "pylibjpeg" not in {DECODERS[syntax] for syntax in jpegs}  # there it means pylibjpeg-libjpeg


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.JPEG2000Lossless])
def test_signed_pixels(syntax: uid.UID) -> None:
    pixels = film().astype(np.int16) - 2048
    np.testing.assert_allclose(image(dicom(pixels, syntax)).pixels, unit(pixels), atol=1e-6)


def test_bits_above_those_stored_are_ignored() -> None:
    pixels = film()
    np.testing.assert_allclose(image(dicom(pixels | 0xF000)).pixels, unit(pixels), atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_outside_the_range(photometric: str) -> None:
    pixels = film() // 2 + 100
    framed = np.pad(pixels, 4, constant_values=4095)
    result = image(dicom(framed, photometric=photometric, PixelPaddingValue=4095)).pixels
    expected = 1 - unit(pixels) if photometric == "MONOCHROME1" else unit(pixels)
    np.testing.assert_allclose(result[4:-4, 4:-4], expected, atol=1e-6)
    assert result[:4].max() == 0


@pytest.mark.parametrize("syntax", LOSSLESS[:4], ids=lambda s: s.keyword)
def test_modality_table_is_applied(syntax: uid.UID) -> None:
    pixels = film(bits=8)
    table = [int(65535 * (i / 255) ** 2) for i in range(256)]
    data = dicom(pixels, syntax, bits=8, ModalityLUTSequence=[lookup(0, table)])
    np.testing.assert_allclose(image(data).pixels, unit(np.array(table)[pixels]), atol=1e-6)


def test_negative_slope_turns_the_film() -> None:
    pixels = film()
    data = dicom(pixels, RescaleSlope=-2, RescaleIntercept=100, WindowCenter=100 - 4095, WindowWidth=4096)
    np.testing.assert_allclose(image(data).pixels, 1 - unit(pixels), atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT"])
def test_window_shows_what_pydicom_shows(function: str, photometric: str) -> None:
    pixels = film()
    elements = {"WindowCenter": 1800, "WindowWidth": 900, "VOILUTFunction": function}
    result = image(dicom(pixels, photometric=photometric, RescaleSlope=1, RescaleIntercept=-50, **elements))
    dataset = Dataset()
    dataset.update({"PhotometricInterpretation": photometric, "BitsStored": 12, "PixelRepresentation": 0})
    for keyword, value in {**elements, "RescaleSlope": 1, "RescaleIntercept": -50}.items():
        setattr(dataset, keyword, value)
    shown = unit(apply_windowing(pixels.astype(np.float64) - 50, dataset))
    low, high = result.window
    ours = np.clip((result.pixels - low) / (high - low), 0, 1)
    np.testing.assert_allclose(ours, 1 - shown if photometric == "MONOCHROME1" else shown, atol=1e-4)


def test_a_full_range_window_spans_0_to_1() -> None:
    low, high = image(dicom(film(), WindowCenter=2048, WindowWidth=4096)).window
    assert (low, high) == pytest.approx((0, 1), abs=1e-9)


def test_window_of_a_voi_table_spans_its_input() -> None:
    data = dicom(film(), VOILUTSequence=[lookup(1024, [0] * 2048)])
    assert image(data).window == pytest.approx((1024 / 4095, 3071 / 4095))


@pytest.mark.parametrize(
    "elements", [{}, {"WindowCenter": 5, "WindowWidth": 0}, {"WindowCenter": "1e400", "WindowWidth": 5}]
)
def test_no_usable_window_is_none(elements: dict[str, object]) -> None:
    assert image(dicom(film(), **elements)).window is None


def test_spacing_prefers_the_patient_to_the_detector() -> None:
    assert image(dicom(film())).spacing_mm is None
    assert image(dicom(film(), ImagerPixelSpacing=[0.2, 0.3])).spacing_mm == (0.2, 0.3)
    both = dicom(film(), ImagerPixelSpacing=[0.2, 0.3], PixelSpacing=[0.1, 0.15])
    assert image(both).spacing_mm == (0.1, 0.15)


@pytest.mark.parametrize(
    ("stated", "years"), [("045Y", 45.0), ("018M", 1.5), ("052W", 1.0), ("999Y", None), ("45", None)]
)
def test_age_in_years(stated: str, years: float | None) -> None:
    data = dicom(film())
    data = data.replace(b"045Y", stated.encode().ljust(4))
    age = read_case([("a.dcm", data)]).patient.age
    assert age == (years if years is None else pytest.approx(years, abs=0.01))


def test_sex_other_than_f_and_m_is_unknown() -> None:
    assert read_case([("a.dcm", dicom(film(), PatientSex="O"))]).patient.sex is None


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"ViewPosition": "LL"}, "lateral_view"),
        ({"Modality": "OT"}, "modality_unknown"),
        ({"Modality": None}, "modality_unknown"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "raw_film"),
    ],
)
def test_notices(elements: dict[str, object], code: str) -> None:
    result = image(dicom(film(), **elements))
    assert [(notice.code, notice.item, notice.refused) for notice in result.notices] == [(code, "film.dcm", False)]


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"Modality": "XA"}, "XA"),
        ({"BodyPartExamined": "KNEE"}, "KNEE"),
        ({"NumberOfFrames": 3}, "3 frames"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour"),
        ({"BitsAllocated": 32}, "32"),
    ],
)
def test_what_is_no_chest_film_is_refused(elements: dict[str, object], words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        image(dicom(film(), **elements))


def test_a_hostile_body_part_is_not_repeated() -> None:
    with pytest.raises(UnsupportedError, match="unknown"):
        image(dicom(film()).replace(b"CHEST", b"<b>x "))


@pytest.mark.parametrize(("stated", "view"), [("pa", "PA"), ("", None), ("<i", None)])
def test_view(stated: str, view: str | None) -> None:
    assert image(dicom(film()).replace(b"CS\x02\0PA", b"CS\x02\0" + stated.encode().ljust(2))).view == view


def test_a_film_in_two_fragments() -> None:
    pixels = film()
    plain = pydicom.dcmread(BytesIO(dicom(pixels, uid.JPEGLSLossless)))
    stream = next(pydicom.encaps.generate_frames(plain.PixelData, number_of_frames=1))
    stream += b"\0" * (len(stream) % 2)
    data = dicom(pixels, uid.JPEGLSLossless, codestream=stream)
    item = data.index(b"\xfe\xff\x00\xe0" + len(stream).to_bytes(4, "little"))
    half = len(stream) // 4 * 2
    split = (
        b"\xfe\xff\x00\xe0" + half.to_bytes(4, "little") + stream[:half]
        + b"\xfe\xff\x00\xe0" + (len(stream) - half).to_bytes(4, "little") + stream[half:]
    )  # fmt: skip
    data = data[:item] + split + data[item + 8 + len(stream) :]
    np.testing.assert_allclose(image(data).pixels, unit(pixels), atol=1e-6)


def test_private_sequences_of_undefined_length_are_stepped_over() -> None:
    inner = Dataset()
    inner.PatientName = "SECRET^INNER"
    inner.ContentSequence = [Dataset()]
    outer = [inner, Dataset()]
    data = header_with_sequence(outer)
    np.testing.assert_allclose(image(data).pixels, unit(film()), atol=1e-6)


def header_with_sequence(items: list[Dataset]) -> bytes:
    dataset = pydicom.dcmread(BytesIO(dicom(film())))
    dataset.RequestAttributesSequence = items
    dataset["RequestAttributesSequence"].is_undefined_length = True
    for item in dataset.RequestAttributesSequence:
        item.is_undefined_length_sequence_item = True
    output = BytesIO()
    dataset.save_as(output)
    return output.getvalue()


def test_limits_stop_a_large_film() -> None:
    with pytest.raises(LimitError, match="40 x 48"):
        image(dicom(film()), Limits(pixels=1000))


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda s: s.keyword)
def test_every_cut_is_an_error(syntax: uid.UID) -> None:
    data = dicom(film(), syntax)
    for share in (0.999, 0.9, 0.6, 0.3):
        with pytest.raises(InputError):
            image(data[: int(len(data) * share)])


def test_the_patient_is_named_nowhere(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    hostile = "<script>SECRET</script>\x1b[31m^../../etc"
    result = image(dicom(film(), PatientName=hostile))
    fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    case = read_case([("a.dcm", dicom(film(), PatientName=hostile)), ("b.dcm", dicom(film(), Rows=0))])
    with pytest.raises(CorruptFileError) as caught:
        image(dicom(film(), Rows=0))
    everything = repr((fields, case, str(caught.value), caught.value.__cause__, caplog.text, capfd.readouterr()))
    assert "SECRET" not in everything
    assert (case.patient.age, case.patient.sex) == (45.0, "F")


@pytest.mark.parametrize(("center", "width"), [("-1e300", "1e299"), ("1e30", "1e38"), ("-1e12", "1e9")])
def test_a_window_beyond_all_numbers_is_none(center: str, width: str) -> None:
    image = read(dicom(film(), WindowCenter=center, WindowWidth=width), "f.dcm")
    assert isinstance(image, Image)
    assert image.window is None
