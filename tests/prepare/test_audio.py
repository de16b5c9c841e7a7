"""A sound's features depend on the sound, not on rate, level or the length of the file."""

from __future__ import annotations

from functools import cache

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.case import Audio
from multimodal.errors import BundleInvalidError, UnsupportedError
from multimodal.prepare.audio import AudioPreparation, cut, log_mel, mel_power, prepare_audio, waveform

SETTINGS = AudioPreparation()


def chirps(rate: int, seconds: float = 6.0, level: float = 0.3, offset: float = 0.0) -> Audio:
    return Audio("tone", "", (level * sweep(rate, seconds) + offset).astype(np.float32), rate)


@cache
def sweep(rate: int, seconds: float) -> np.ndarray:
    """Two tones that come and go, with a little of everything between 50 and 800 Hz; at most 1."""
    t = np.arange(int(seconds * rate)) / rate
    sound = np.sin(2 * np.pi * 110 * t) * (np.sin(2 * np.pi * 1.2 * t) > 0.3)
    sound += 0.5 * np.sin(2 * np.pi * 430 * t) * (np.sin(2 * np.pi * 0.7 * t) > 0)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, 76)
    sound += 0.02 * sum(np.sin(2 * np.pi * f * t + p) for f, p in zip(range(50, 810, 10), phases, strict=True))
    return sound / np.abs(sound).max()


def test_shape_type_and_scale() -> None:
    x = prepare_audio(chirps(4000), SETTINGS)
    assert x.shape == (2, 64, 251)
    assert x.dtype == torch.float32
    assert x.mean((1, 2)).abs().max() < 1e-4
    assert (x.std((1, 2)) - 1).abs().max() < 1e-3


@pytest.mark.parametrize("rate", [2000, 4000, 8000, 44_100, 48_001, 192_000])
def test_the_rate_of_the_file_does_not_matter(rate: int) -> None:
    x, reference = prepare_audio(chirps(rate), SETTINGS), prepare_audio(chirps(16_000), SETTINGS)
    assert x.shape == reference.shape
    assert (x - reference).abs().mean() < 0.05


@settings(max_examples=25, deadline=None)
@given(level=st.floats(0.01, 0.9), offset=st.floats(-0.1, 0.1))
def test_level_and_dc_do_not_matter(level: float, offset: float) -> None:
    x = prepare_audio(chirps(4000, level=level, offset=offset), SETTINGS)
    assert (x - prepare_audio(chirps(4000), SETTINGS)).abs().mean() < 0.02


def test_what_lies_outside_the_band_does_not_matter() -> None:
    sound = chirps(8000)
    t = np.arange(len(sound.samples)) / sound.rate
    hiss = sound.samples + 0.2 * np.sin(2 * np.pi * 2500 * t) + 0.2 * np.sin(2 * np.pi * 3 * t)
    x = waveform(Audio("hiss", "", hiss.astype(np.float32), sound.rate), SETTINGS)
    reference = waveform(sound, SETTINGS)
    middle = slice(2000, -2000)
    assert (x - reference)[middle].abs().max() < 0.05 * reference.abs().max()


def test_waveform_is_at_the_rate_and_at_unit_level() -> None:
    x = waveform(chirps(44_100, seconds=3), SETTINGS)
    assert abs(len(x) - 6000) <= 1
    assert x.square().mean().sqrt() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "preparation", [SETTINGS, AudioPreparation(rate=4000, high_hz=1800.0, n_fft=1024, win_length=256, hop_length=64)]
)
def test_mel_power_is_librosas(preparation: AudioPreparation) -> None:
    samples = torch.randn(2 * preparation.rate, generator=torch.Generator().manual_seed(0))
    reference = librosa.feature.melspectrogram(
        y=samples.numpy(),
        sr=preparation.rate,
        n_fft=preparation.n_fft,
        win_length=preparation.win_length,
        hop_length=preparation.hop_length,
        fmin=preparation.low_hz,
        fmax=preparation.high_hz,
        n_mels=preparation.n_mels,
        pad_mode="reflect",
    )
    np.testing.assert_allclose(mel_power(samples, preparation).numpy(), reference, rtol=1e-3, atol=1e-4)


def test_log_mel_is_librosas_decibels_standardised() -> None:
    samples = cut(waveform(chirps(4000), SETTINGS), SETTINGS)[0]
    decibels = librosa.power_to_db(mel_power(samples, SETTINGS).numpy(), amin=1e-10, top_db=SETTINGS.top_db)
    reference = (decibels - decibels.mean()) / decibels.std()
    np.testing.assert_allclose(log_mel(samples, SETTINGS).numpy(), reference, atol=2e-3)


def test_gradients_pass_through_log_mel_after_inference() -> None:
    preparation = AudioPreparation(n_mels=24)
    with torch.inference_mode():
        log_mel(torch.randn(10_000), preparation)
    samples = torch.randn(10_000, requires_grad=True)
    log_mel(samples, preparation).square().sum().backward()
    assert samples.grad is not None
    assert samples.grad.isfinite().all()


def test_windows_cover_the_recording_and_no_more() -> None:
    windows = cut(torch.arange(6300), AudioPreparation(window_s=1.0, hop_s=0.5))
    assert windows.shape == (6, 2000)
    assert set(windows.flatten().tolist()) == set(range(6300))


@pytest.mark.parametrize("samples", [1, 700, 1999, 2000])
def test_a_short_recording_is_repeated(samples: int) -> None:
    windows = cut(torch.arange(samples), AudioPreparation(window_s=1.0, hop_s=0.5))
    assert windows.shape == (1, 2000)
    assert torch.equal(windows[0], torch.arange(2000) % samples)


def test_a_long_recording_is_covered_evenly() -> None:
    windows = cut(torch.arange(100_000), AudioPreparation(window_s=1.0, hop_s=0.5, max_windows=5))
    assert windows[:, 0].tolist() == [0, 24_500, 49_000, 73_500, 98_000]


def test_windows_do_not_see_each_other() -> None:
    windows = cut(waveform(chirps(4000), SETTINGS), SETTINGS)
    torch.testing.assert_close(log_mel(windows, SETTINGS)[1], log_mel(windows[1], SETTINGS))


@pytest.mark.parametrize("rate", [4000, 44_100])
@pytest.mark.parametrize("level", [0.0, 0.5])
def test_silence_is_finite(rate: int, level: float) -> None:
    x = prepare_audio(Audio("silence", "", np.full(2 * rate, level, np.float32), rate), SETTINGS)
    assert x.isfinite().all()
    assert x.abs().max() < 1e-3


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 400), st.sampled_from([1000, 4000, 44_100]))
def test_any_length_gives_whole_windows_or_a_typed_error(samples: int, rate: int) -> None:
    noise = np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)
    try:
        x = prepare_audio(Audio("blip", "", noise, rate), SETTINGS)
    except UnsupportedError:
        assert samples * SETTINGS.rate / rate < 3
    else:
        assert x.shape == (1, 64, 251)
        assert x.isfinite().all()


def test_an_empty_recording_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match=r"empty\.wav: "):
        waveform(Audio("empty.wav", "", np.zeros(0, np.float32), 4000), SETTINGS)


@pytest.mark.parametrize(
    "wrong", [{"rate": 1}, {"high_hz": 1000.0}, {"low_hz": 0.0}, {"n_fft": 10**6}, {"hop_length": 0}, {"hop_s": 0.0}]
)
def test_unusable_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BundleInvalidError, match="Expected usable audio"):
        AudioPreparation(**wrong)  # type: ignore[arg-type]
