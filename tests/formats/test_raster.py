from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from multimodal.case import Image
from multimodal.errors import CorruptFileError, LimitError, UnsupportedError
from multimodal.formats import Limits, read
from tests.formats.files import film, jpeg, png, png_chunk, unit


def image(data: bytes) -> Image:
    item = read(data, "film")
    assert isinstance(item, Image)
    return item


def luminance(colour: np.ndarray) -> np.ndarray:
    return colour[..., :3].astype(float) @ [0.299, 0.587, 0.114]


def saved(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    output = BytesIO()
    picture.save(output, kind, **options)
    return output.getvalue()


EIGHT = film(bits=8).astype(np.uint8)
COLOUR = np.stack([EIGHT, EIGHT[::-1], EIGHT[:, ::-1]], axis=-1)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_grey_png_keeps_its_depth(bits: int) -> None:
    pixels = film(bits=bits)
    result = image(png(pixels if bits > 8 else pixels.astype(np.uint8)))
    np.testing.assert_allclose(result.pixels, unit(pixels), atol=1e-6)
    assert (result.window, result.spacing_mm, result.view, result.notices) == (None, None, None, ())


def test_grey_jpeg() -> None:
    np.testing.assert_allclose(image(jpeg(EIGHT)).pixels, unit(EIGHT), atol=0.05)


def test_bilevel_png() -> None:
    picture = Pillow.fromarray(EIGHT > 100)
    np.testing.assert_array_equal(image(png(picture)).pixels, (EIGHT > 100).astype(np.float32))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_colour_becomes_luminance_with_a_notice(kind: str) -> None:
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    result = image(saved(Pillow.fromarray(COLOUR), kind, **options))
    np.testing.assert_allclose(result.pixels, unit(luminance(COLOUR)), atol=0.03 if kind == "JPEG" else 0.005)
    assert [notice.code for notice in result.notices] == ["colour"]


def test_grey_stored_as_colour_earns_no_notice() -> None:
    result = image(png(np.stack([EIGHT] * 3, axis=-1)))
    np.testing.assert_allclose(result.pixels, unit(EIGHT), atol=1e-6)
    assert result.notices == ()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_parts_become_black(mode: str) -> None:
    alpha = np.full_like(EIGHT, 255)
    alpha[:8] = 0
    channels = [EIGHT, alpha] if mode == "LA" else [EIGHT, EIGHT, EIGHT, alpha]
    result = image(png(Pillow.fromarray(np.stack(channels, axis=-1), mode=None)))
    expected = np.where(alpha == 0, 0, EIGHT)
    np.testing.assert_allclose(result.pixels, unit(expected), atol=1e-6)


def test_palette() -> None:
    picture = Pillow.fromarray(EIGHT)
    picture = picture.convert("P")
    picture.putpalette([255 - level for level in range(256) for _ in range(3)])
    np.testing.assert_allclose(image(png(picture)).pixels, 1 - unit(EIGHT), atol=1e-6)


def test_cmyk_jpeg() -> None:
    picture = Pillow.fromarray(np.stack([EIGHT] * 3, axis=-1)).convert("CMYK")
    np.testing.assert_allclose(image(saved(picture, "JPEG", quality=100)).pixels, unit(EIGHT), atol=0.03)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_exif_orientation(kind: str, orientation: int, turns: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    result = image(saved(Pillow.fromarray(EIGHT), kind, exif=exif))
    np.testing.assert_allclose(result.pixels, np.rot90(unit(EIGHT), turns), atol=0.1)


def test_a_constant_picture_is_all_zero() -> None:
    assert not image(png(np.full((9, 9), 77, np.uint8))).pixels.any()


def test_text_and_profiles_of_a_png_are_never_read() -> None:
    data = png(EIGHT)
    bomb = png_chunk(b"zTXt", b"Title\0\0" + b"not deflated")
    assert image(data[:33] + bomb + data[33:] + b"GIF89a trailing").pixels.shape == EIGHT.shape


def test_a_wrong_checksum_is_refused() -> None:
    data = bytearray(png(EIGHT))
    data[60] ^= 1
    with pytest.raises(CorruptFileError):
        image(bytes(data))


def test_an_animation_is_refused() -> None:
    frames = [Pillow.fromarray(EIGHT), Pillow.fromarray(EIGHT[::-1].copy())]
    with pytest.raises(UnsupportedError, match="animation"):
        image(saved(frames[0], "PNG", save_all=True, append_images=frames[1:]))


@pytest.mark.parametrize("data", [png(EIGHT), jpeg(EIGHT)], ids=["png", "jpeg"])
def test_limits_and_cuts(data: bytes) -> None:
    with pytest.raises(LimitError, match="40 x 48"):
        read(data, "film", limits=Limits(pixels=1000))
    for share in (0.98, 0.5, 0.2):
        with pytest.raises(CorruptFileError):
            image(data[: int(len(data) * share)])
