"""A film's tensor depends on what it shows, not on how it was stored."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional

from multimodal.case import Image
from multimodal.errors import BundleInvalidError
from multimodal.prepare.image import ImagePreparation, equalize, percentiles, prepare_image


@cache
def film(height: int = 200, width: int = 180) -> np.ndarray:
    """A smooth field with two dark lungs, a bright heart and grain."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    field = 0.6 + 0.1 * y
    for centre in (0.27, 0.73):
        field -= 0.4 * np.exp(-(((x - centre) / 0.12) ** 2 + ((y - 0.45) / 0.25) ** 2))
    field += 0.2 * np.exp(-(((x - 0.55) / 0.1) ** 2 + ((y - 0.6) / 0.12) ** 2))
    grain = np.random.default_rng(0).normal(0, 0.01, field.shape)
    return np.clip(field + grain, 0, 1).astype(np.float32)


def prepared(pixels: np.ndarray, window: tuple[float, float] | None = None, **changes: object) -> torch.Tensor:
    return prepare_image(Image("film", "", pixels, window=window), ImagePreparation(**{"size": 64, **changes}))


def test_shape_type_and_scale() -> None:
    x = prepared(film())
    assert x.shape == (1, 1, 64, 64)
    assert x.dtype == torch.float32
    assert abs(x.mean()) < 0.02
    assert abs(x.std() - 1) < 0.02


def test_every_setting_is_used() -> None:
    plain = prepared(film())
    for change in (
        {"border": 0.2},
        {"low_percentile": 10.0},
        {"high_percentile": 90.0},
        {"equalize": False},
        {"mean": 0.0},
        {"std": 1.0},
    ):
        assert not torch.allclose(prepared(film(), **change), plain), change
    assert prepared(film(), size=32).shape[-1] == 32


@pytest.mark.parametrize("levels", [255, 4095, 65535])
def test_bit_depth_hardly_matters(levels: int) -> None:
    stored = (np.round(film() * levels) / levels).astype(np.float32)
    assert (prepared(stored) - prepared(film())).abs().mean() < 0.02


def test_a_wider_scale_with_its_window_is_the_same_film() -> None:
    narrow = (0.25 + 0.5 * film()).astype(np.float32)
    narrow[:2], narrow[-2:] = 0.0, 1.0
    assert (prepared(narrow, window=(0.25, 0.75)) - prepared(film())).abs().mean() < 0.02


def test_the_window_hides_what_lies_outside() -> None:
    pixels = film().copy()
    pixels[90:110, 80:100] = 1.0
    hidden = prepared(pixels, window=(0.0, 0.7), high_percentile=100.0, equalize=False)
    shown = prepared(pixels, high_percentile=100.0, equalize=False)
    assert hidden.median() > shown.median() + 0.5


@settings(max_examples=40, deadline=None)
@given(gamma=st.floats(0.6, 1.7), low=st.floats(0, 0.3), gain=st.floats(0.4, 0.7))
def test_monotone_contrast_changes_are_undone(gamma: float, low: float, gain: float) -> None:
    remapped = (low + gain * film() ** gamma).astype(np.float32)
    assert (prepared(remapped) - prepared(film())).abs().mean() < 0.05


def test_burnt_in_letters_and_borders_are_cut_off() -> None:
    pixels = film(200, 200)
    marked = pixels.copy()
    marked[:8], marked[:, -8:] = 1.0, 0.0
    assert torch.equal(prepared(marked), prepared(pixels))


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_flat_film_is_finite(value: float) -> None:
    assert prepared(np.full((40, 40), value, np.float32)).isfinite().all()


def test_a_few_bright_pixels_in_the_dark_stay_visible() -> None:
    pixels = np.zeros((100, 100), np.float32)
    pixels[50:53, 50:53] = 1
    x = prepared(pixels)
    assert x.isfinite().all()
    assert x.max() > x.min()


def test_pixels_may_be_read_only_and_are_not_changed() -> None:
    pixels = film().copy()
    before = pixels.copy()
    pixels.flags.writeable = False
    prepared(pixels, window=(0.2, 0.8))
    assert np.array_equal(pixels, before)


def test_equalize_ranks_as_torchvision_does() -> None:
    levels = torch.from_numpy((film() * 255).round().astype(np.uint8))
    reference = functional.equalize(levels[None]).float()[0] / 255
    assert (equalize(levels / 255.0) - reference).abs().max() < 0.02


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 10**9}, {"border": 0.5}, {"std": 0.0}, {"mean": float("nan")}])
def test_unusable_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BundleInvalidError, match="Expected usable image"):
        ImagePreparation(**wrong)  # type: ignore[arg-type]


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=60),
    st.lists(st.floats(0, 100), min_size=1, max_size=3),
)
def test_percentiles_are_those_of_torch(values: list[float], shares: list[float]) -> None:
    sample = torch.tensor(values)
    assert torch.equal(percentiles(sample, shares), torch.quantile(sample, torch.tensor(shares) / 100))
