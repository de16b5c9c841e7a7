"""A heart or lung sound becomes log-mel windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import soxr
import torch
from scipy.signal import butter, sosfiltfilt
from torch import Tensor
from torchaudio.transforms import MelScale, Spectrogram

from multimodal.case import Audio
from multimodal.errors import BundleInvalidError, UnsupportedError

_POWER_FLOOR = 1e-10


@dataclass(frozen=True)
class AudioPreparation:
    """How sounds are prepared for one audio branch.

    The defaults suit sources of 2 kHz and above: everything is brought to 2 kHz and only 25 to 900 Hz is looked at,
    so that the bandwidth of a recording cannot tell which device or collection it comes from.

    Attributes:
        rate: Samples per second after resampling, Hz.
        low_hz: Lower edge of the band.
        high_hz: Upper edge of the band.
        window_s: Length of a window, seconds.
        hop_s: Distance between the starts of two windows, seconds.
        max_windows: Longer recordings are covered by this many windows, spread evenly.
        n_fft: Points of the Fourier transform.
        win_length: Samples of its Hann window.
        hop_length: Samples between two frames.
        n_mels: Mel bands between ``low_hz`` and ``high_hz``.
        top_db: Range kept below the loudest cell of a window, dB.
    """

    rate: int = 2000
    low_hz: float = 25.0
    high_hz: float = 900.0
    window_s: float = 5.0
    hop_s: float = 2.5
    max_windows: int = 24
    n_fft: int = 512
    win_length: int = 128
    hop_length: int = 40
    n_mels: int = 64
    top_db: float = 80.0

    def __post_init__(self) -> None:
        if not (
            500 <= self.rate <= 48_000
            and 0 < self.low_hz < self.high_hz < self.rate / 2
            and 0.1 <= self.window_s <= 60
            and 0.05 <= self.hop_s <= self.window_s
            and 1 <= self.max_windows <= 256
            and 16 <= self.win_length <= self.n_fft <= min(8192, self.window_samples)
            and 1 <= self.hop_length <= self.win_length
            and 4 <= self.n_mels <= 512
            and self.top_db > 0
        ):
            raise BundleInvalidError(f"Expected usable audio preparation settings, but got {self}.")

    @property
    def window_samples(self) -> int:
        """Samples of a window."""
        return round(self.window_s * self.rate)


def prepare_audio(audio: Audio, settings: AudioPreparation) -> Tensor:
    """Sound to network input.

    Args:
        audio: The recording.
        settings: The branch's own.

    Returns:
        (W, n_mels, T) float32: log-mel spectrograms of W windows.
    """
    return log_mel(cut(waveform(audio, settings), settings), settings)


def waveform(audio: Audio, settings: AudioPreparation) -> Tensor:
    """The recording at the branch's rate, within its band, at unit level.

    Resampling is soxr's "HQ" (linear phase, flat to 0.91 of the new Nyquist frequency); the band is a
    fourth-order Butterworth, run both ways so that it delays nothing.

    Args:
        audio: The recording.
        settings: The branch's own.

    Returns:
        (N,) float32 without DC, root mean square 1; zeros where the recording is silent.

    Raises:
        UnsupportedError: If the recording holds no samples.
    """
    samples = audio.samples.astype(np.float64)
    samples = soxr.resample(samples - samples.mean(), audio.rate, settings.rate) if samples.size else samples
    if samples.size < 2:
        raise UnsupportedError("The recording is too short to hold a sound.", file=audio.name)
    band = _band(settings.low_hz, settings.high_hz, settings.rate)
    samples = sosfiltfilt(band, samples, padlen=min(settings.rate // 2, samples.size - 1))
    level = np.sqrt(np.mean(samples**2))
    return torch.from_numpy((samples / level if level > 1e-9 else np.zeros_like(samples)).astype(np.float32))


def cut(samples: Tensor, settings: AudioPreparation) -> Tensor:
    """Overlapping windows that cover the recording; a short one is repeated until it fills one.

    Args:
        samples: (N,)
        settings: The branch's own.

    Returns:
        (W, window_samples)
    """
    length, hop = settings.window_samples, round(settings.hop_s * settings.rate)
    if len(samples) < length:
        samples = samples.repeat(-(-length // len(samples)))[:length]
    last = len(samples) - length
    count = min(-(-last // hop) + 1, settings.max_windows)
    starts = np.linspace(0, last, count).round().astype(int)
    return torch.stack([samples[start : start + length] for start in starts])


def log_mel(samples: Tensor, settings: AudioPreparation) -> Tensor:
    """Log-mel spectrogram of each window, standardised within the window.

    Args:
        samples: (..., N) at ``settings.rate``.
        settings: The branch's own.

    Returns:
        (..., n_mels, 1 + N // hop_length): decibels clipped to ``top_db`` below the window's loudest cell, then mean
        0 and standard deviation 1 within each window; zeros for silence.
    """
    decibels = 10 * mel_power(samples, settings).clamp_min(_POWER_FLOOR).log10()
    loudest = decibels.amax((-2, -1), keepdim=True)
    decibels = torch.maximum(decibels, loudest - settings.top_db)
    mean, std = decibels.mean((-2, -1), keepdim=True), decibels.std((-2, -1), keepdim=True)
    return (decibels - mean) / std.clamp_min(1e-3)


def mel_power(samples: Tensor, settings: AudioPreparation) -> Tensor:
    """Mel power spectrogram with Slaney's scale and normalisation, as in librosa.

    Args:
        samples: (..., N) at ``settings.rate``.
        settings: The branch's own.

    Returns:
        (..., n_mels, 1 + N // hop_length), at least 0.
    """
    spectrogram, mel = _transforms(settings, str(samples.device))
    frames = spectrogram(samples)
    bands: Tensor = mel(frames.real.square() + frames.imag.square())  # abs takes a root, and six times as long
    return bands


@lru_cache(maxsize=16)
def _transforms(settings: AudioPreparation, device: str) -> tuple[Spectrogram, MelScale]:
    with torch.inference_mode(False):  # kept for later calls, which may need gradients
        spectrogram = Spectrogram(settings.n_fft, settings.win_length, settings.hop_length, power=None)
        mel = MelScale(
            settings.n_mels,
            settings.rate,
            settings.low_hz,
            settings.high_hz,
            settings.n_fft // 2 + 1,
            norm="slaney",
            mel_scale="slaney",
        )
        return spectrogram.to(device), mel.to(device)


@lru_cache(maxsize=16)
def _band(low_hz: float, high_hz: float, rate: int) -> npt.NDArray[np.float64]:
    sections: npt.NDArray[np.float64] = butter(4, (low_hz, high_hz), btype="bandpass", fs=rate, output="sos")
    return sections
