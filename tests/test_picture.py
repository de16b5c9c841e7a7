from __future__ import annotations

import io
import wave

import numpy as np
import pytest
from PIL import Image as Pillow

from multimodal.case import Audio, Image
from multimodal.labels import Site
from multimodal.picture import (
    FILM_SIDE,
    PLAY_RATE,
    display_window,
    film_png,
    film_thumbnail,
    overlay_png,
    spectrogram_png,
    wav,
    waveform_svg,
)
from tests.ui.test_tiles import film, sound


def opened(data: bytes) -> Pillow.Image:
    return Pillow.open(io.BytesIO(data))


def test_a_film_keeps_sixteen_bits_for_the_window() -> None:
    image = film(size=(60, 50))
    rgb = np.asarray(opened(film_png(image)), dtype=np.uint32)
    value = (rgb[..., 0] * 256 + rgb[..., 1]) / 65535
    np.testing.assert_allclose(value, image.pixels, atol=1 / 65535)


def test_a_large_film_is_sent_small() -> None:
    image = film(size=(3000, 2400))
    assert opened(film_png(image)).size == (round(2400 * FILM_SIDE / 3000), FILM_SIDE)
    assert len(film_thumbnail(image)) < 20_000


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_flat_film_still_has_a_window(value: float) -> None:
    low, high = display_window(Image("flat", "0", np.full((9, 9), value, np.float32)))
    assert high > low


def test_the_films_own_window_is_used() -> None:
    assert display_window(Image("f", "0", np.zeros((9, 9), np.float32), window=(0.2, 0.7))) == (0.2, 0.7)


def test_a_heat_map_is_a_grey_picture_of_its_levels() -> None:
    levels = np.array([[0.0, 1.0], [0.5, 2.0]], np.float32)
    assert np.asarray(opened(overlay_png(levels))).tolist() == [[0, 255], [127, 255]]


@pytest.mark.parametrize("hertz", [200, 500])
def test_a_tone_is_bright_at_its_frequency(hertz: int) -> None:
    t = np.arange(8000) / 2000
    audio = Audio("tone", "0", np.sin(2 * np.pi * hertz * t).astype(np.float32), 2000, Site.HEART)
    data, top = spectrogram_png(audio)
    picture = np.asarray(opened(data).convert("L"), dtype=float)
    row = picture[:, 100:-100].mean(axis=1).argmax()
    assert (1 - row / len(picture)) * top == pytest.approx(hertz, abs=0.03 * top)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 70])
def test_any_length_draws(seconds: float) -> None:
    audio = sound(seconds=seconds)
    assert opened(spectrogram_png(audio)[0]).size == (960, 240)
    assert waveform_svg(audio, "#000").startswith("<svg")


def test_silence_and_broken_samples_draw_and_play() -> None:
    silence = Audio("s", "0", np.zeros(4000, np.float32), 4000, None)
    broken = Audio("b", "0", np.full(4000, np.nan, np.float32), 4000, None)
    for audio in (silence, broken):
        assert opened(spectrogram_png(audio)[0]).size == (960, 240)
        with wave.open(io.BytesIO(wav(audio))) as file:
            assert file.getnframes() == 4000


def test_the_player_gets_pcm_at_a_modest_rate_and_equal_peak() -> None:
    with wave.open(io.BytesIO(wav(sound(rate=44_100, seconds=1)))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (PLAY_RATE, 1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(samples) == pytest.approx(PLAY_RATE, abs=2)
    assert np.abs(samples).max() == pytest.approx(0.9 * 32767, rel=0.01)
