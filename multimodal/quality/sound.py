"""What is wrong with a recording."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import butter, find_peaks, sosfiltfilt

from multimodal.case import Audio, Notice
from multimodal.labels import Site

LOOK_SECONDS = 30
"""A recording is judged on its middle."""
LEAST_SECONDS, SHORT_SECONDS = 0.5, 2.0
"""A recording below the first holds less than a beat or a breath; one below the second hardly more than one."""
SILENT_RMS = 1e-4
"""-80 dB of full scale, near the last bit of 16; the quietest of 480 public recordings has 8e-3."""
CLIPPED_SHARE = 0.01
"""Share of samples in flat tops at the peak."""
DC_RATIO = 3.0
"""Mean over standard deviation; the worst of 480 public recordings has 1.9."""
HEART_SNR_DB, OTHER_SNR_DB = 7.0, 1.5
"""Least :func:`snr_db`. Heart sounds stand out from the pauses between them: 99 % of 400 public ones have 8.4 dB and
more. Breath is noise itself; white noise, which stands out from nothing, has -2 dB."""
HEART_RATES = (35.0, 220.0)
"""Beats a minute, from bradycardia to a crying infant."""
RHYTHM = 0.17
"""Least :func:`rhythm` of a heart sound: 95 % of noise is below, 99 % of public heart sounds above."""
RHYTHM_SECONDS = 4.0
"""At least two to three beats of a slow heart are needed to see a rhythm."""

_FRAMES_PER_SECOND = 50
_NOISE_FRAMES_PER_SECOND = 40
_NOISY = "The recording hardly stands out from noise; record again in a quiet room."

Samples = npt.NDArray[np.float64]


def check_sound(sound: Audio) -> Iterator[Notice]:
    """What is wrong with a recording; one reason where it is refused."""
    flag, refuse = partial(Notice, item=sound.name), partial(Notice, item=sound.name, refused=True)
    if sound.seconds < LEAST_SECONDS:
        yield refuse(
            "sound_short", f"The recording lasts {sound.seconds:.1f} s; at least {LEAST_SECONDS} s are needed."
        )
        return
    if not np.isfinite(sound.samples).all():
        yield refuse("sound_not_finite", "The recording holds values that are no numbers; export it again.")
        return
    samples = _middle(sound)
    centred = samples - samples.mean()
    spread = centred.std()
    if spread < SILENT_RMS:
        yield refuse("sound_silent", "The recording is silent; check the microphone and record again.")
        return
    if sound.seconds < SHORT_SECONDS:
        yield flag(
            "sound_short", f"The recording lasts {sound.seconds:.1f} s, a beat or a breath; record 10 s or more."
        )
    if abs(samples.mean()) > DC_RATIO * spread:
        yield flag("sound_dc", "The recording has a large constant offset; check the recorder.")
    at_peak = np.abs(samples) >= 0.999 * np.abs(samples).max()
    if (at_peak[1:] & at_peak[:-1]).mean() > CLIPPED_SHARE:
        yield flag("sound_clipped", "The recording is clipped; record again with less gain.")
    if sound.site is Site.HEART:
        yield from check_heart(sound)
    elif snr_db(centred, sound.rate) < OTHER_SNR_DB:
        yield flag("sound_noise", _NOISY)


def check_heart(sound: Audio) -> Iterator[Notice]:
    """What is wrong with a recording if it is of a heart, whoever says so.

    Args:
        sound: Half a second or more that is not silent, its site known or not.
    """
    samples = _middle(sound)
    centred = samples - samples.mean()
    if snr_db(centred, sound.rate) < HEART_SNR_DB:
        yield Notice("sound_noise", _NOISY, item=sound.name)
    if sound.seconds >= RHYTHM_SECONDS and rhythm(centred, sound.rate) < RHYTHM:
        words = "No regular heart beat was found; check that this is a heart sound and its quality."
        yield Notice("heart_rate_not_found", words, item=sound.name)


def _middle(sound: Audio) -> Samples:
    skipped = max(0, len(sound.samples) - LOOK_SECONDS * sound.rate) // 2
    return sound.samples[skipped : len(sound.samples) - skipped].astype(np.float64)


def snr_db(samples: Samples, rate: int) -> float:
    """Signal over noise, without knowing either.

    The noise is taken to be what is left in the quietest tenth of short frames, as in Martin 2001, "Noise power
    spectral density estimation based on optimal smoothing and minimum statistics", IEEE Transactions on Speech and
    Audio Processing 9(5):504-512; the signal is the rest of the mean power, from 25 to 400 Hz.

    Args:
        samples: (N,) recording of half a second or more, without offset.
        rate: Samples per second.

    Returns:
        Decibels; up to 4 too many where there is more noise than signal, as the quietest frames lie below its mean.
    """
    band = _band(25, min(400, 0.45 * rate), rate)
    step = max(1, rate // _NOISE_FRAMES_PER_SECOND)
    heard = sosfiltfilt(band, samples)
    power = (heard[: len(heard) // step * step].reshape(-1, step) ** 2).mean(axis=1)
    floor = np.percentile(power, 10) + 1e-20
    return float(10 * np.log10(max(power.mean() - floor, 1e-20) / floor))


def rhythm(samples: Samples, rate: int) -> float:
    """How regularly a recording beats at any plausible heart rate.

    The peak of the envelope's autocorrelation, as in Schmidt et al. 2010, "Segmentation of heart sound recordings
    by a duration-dependent hidden Markov model", Physiological Measurement 31(4):513-529, but on the logarithm of
    the envelope, which does not follow the loudest beat alone; the median over windows of six seconds, within
    which the heart rate hardly changes.

    Args:
        samples: (N,) heart sound, without offset.
        rate: Samples per second.

    Returns:
        Near 1 for a metronome, below ``RHYTHM`` for noise.
    """
    band = _band(40, min(200, 0.45 * rate), rate)
    heard = sosfiltfilt(band, samples)
    envelope = envelope_of(heard)
    step = rate // _FRAMES_PER_SECOND
    frames = envelope[: len(envelope) // step * step].reshape(-1, step).mean(axis=1)
    level = np.log(frames + 1e-5 * frames.max())
    length = min(len(level), 6 * _FRAMES_PER_SECOND)
    starts = range(0, len(level) - length + 1, length // 2)
    return float(np.median([_periodicity(level[start : start + length]) for start in starts]))


def envelope_of(samples: Samples) -> Samples:
    """The magnitude of ``scipy.signal.hilbert``'s analytic signal, by transforms of real numbers: half the work.

    Args:
        samples: (N,)

    Returns:
        (N,)
    """
    padded = next_fast_len(len(samples))  # a prime length takes ten times as long
    turned = irfft(-1j * rfft(samples, padded), padded)[: len(samples)]
    return np.asarray(np.sqrt(samples**2 + turned**2))


def _periodicity(level: Samples) -> float:
    n = len(level)
    level = level - level.mean()
    correlation = np.correlate(level, level, "full")[n - 1 :]
    unbiased = correlation / correlation[0] * n / np.arange(n, 0, -1)
    slowest, fastest = (int(60 * _FRAMES_PER_SECOND / bpm) for bpm in HEART_RATES)
    _, peaks = find_peaks(unbiased[fastest : min(slowest, n // 2)], height=0)
    return float(peaks["peak_heights"].max(initial=0.0))


@lru_cache(maxsize=32)
def _band(low_hz: float, high_hz: float, rate: int) -> Samples:
    sections: Samples = butter(2, (low_hz, high_hz), "bandpass", fs=rate, output="sos")
    return sections
