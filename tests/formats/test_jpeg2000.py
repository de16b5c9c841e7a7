from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from multimodal.case import Image
from multimodal.formats import read
from multimodal.formats.jpeg2000 import KEPT_SIDE, decode_reduced, spare_levels
from tests.formats.files import dicom, film, unit

ROWS, COLUMNS = 2 * KEPT_SIDE + 1, 2 * KEPT_SIDE + 50


@cache
def pixels() -> np.ndarray:
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    shape = np.sin(x / 90) + np.cos(y / 70)
    return np.round((shape - shape.min()) / np.ptp(shape) * 4095).astype(np.uint16)


@cache
def stream(signed: bool = False) -> bytes:
    stored = pixels().astype(np.int16) - 2048 if signed else pixels()
    coded = pydicom.dcmread(BytesIO(dicom(stored, uid.JPEG2000Lossless)))
    return next(pydicom.encaps.generate_frames(coded.PixelData, number_of_frames=1))


def image(codestream: bytes, signed: bool = False, **elements: object) -> Image:
    stored = pixels().astype(np.int16) if signed else pixels()
    item = read(dicom(stored, uid.JPEG2000Lossless, codestream=codestream, **elements), "film.dcm")
    assert isinstance(item, Image)
    return item


def halved(whole: np.ndarray) -> np.ndarray:
    """Every second pixel, which is where the samples of the low band lie (15444-1, F.3.3)."""
    return whole[::2, ::2]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_large_film_is_read_at_half_its_size(photometric: str) -> None:
    film = image(stream(), photometric=photometric, PixelSpacing=[0.1, 0.2], WindowCenter=2048, WindowWidth=2048)
    expected = halved(unit(pixels()))
    assert film.pixels.shape == (ROWS // 2 + 1, COLUMNS // 2)
    np.testing.assert_allclose(film.pixels, 1 - expected if photometric == "MONOCHROME1" else expected, atol=2e-3)
    assert film.spacing_mm == pytest.approx((0.2, 0.4))
    assert film.window == pytest.approx((0.25, 0.75), abs=2e-3)


def test_an_ordinary_film_is_read_whole() -> None:
    small = film(48, 40)
    coded = pydicom.dcmread(BytesIO(dicom(small, uid.JPEG2000Lossless)))
    assert spare_levels(next(pydicom.encaps.generate_frames(coded.PixelData, number_of_frames=1))) == 0


@pytest.mark.parametrize(
    ("signed", "elements"),
    [(True, {}), (False, {"PixelPaddingValue": 0}), (False, {"ModalityLUTSequence": "square"})],
    ids=["signed", "padding", "table"],
)
def test_what_cannot_be_averaged_is_read_whole(signed: bool, elements: dict[str, object]) -> None:
    if "ModalityLUTSequence" in elements:
        table = Dataset()
        table.LUTDescriptor = [4096, 0, 16]
        table["LUTDescriptor"].VR = "US"
        table.LUTData = [n * n // 256 for n in range(4096)]
        table["LUTData"].VR = "US"
        elements = {"ModalityLUTSequence": [table]}
    assert image(stream(signed), signed, **elements).pixels.shape == (ROWS, COLUMNS)


def test_no_more_levels_are_left_out_than_the_codestream_holds() -> None:
    style = stream().index(b"\xff\x52") + 9
    assert spare_levels(stream()) == 1
    assert spare_levels(stream()[:style] + b"\0" + stream()[style + 1 :]) == 0


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_sides_are_rounded_up(levels: int) -> None:
    reduced = decode_reduced(stream(), levels, 12)
    assert reduced.shape == (-(-ROWS // 2**levels), -(-COLUMNS // 2**levels))
    assert abs(int(reduced.max()) - 4095) < 40


def test_a_film_that_cannot_be_reduced_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="broken"):
        decode_reduced(stream(), 9, 12)
    monkeypatch.setattr("multimodal.formats.pixels.spare_levels", lambda codestream: 9)
    np.testing.assert_allclose(image(stream()).pixels, unit(pixels()), atol=1e-6)
