"""Building blocks shared by the heart and the lung sound."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import signal

FloatArray = npt.NDArray[np.float64]

RATE = 4000  # Hz, of every phantom sound


@cache
def _band(low_hz: float, high_hz: float, order: int) -> FloatArray:
    return np.asarray(signal.butter(order, (low_hz, high_hz), "bandpass", fs=RATE, output="sos"))


def band_pass(samples: FloatArray, low_hz: float, high_hz: float, order: int = 2) -> FloatArray:
    """Butterworth band-pass of a sound at :data:`RATE`."""
    return np.asarray(signal.sosfilt(_band(low_hz, high_hz, order), samples))


def noise(rng: np.random.Generator, n: int, low_hz: float, high_hz: float) -> FloatArray:
    """``n`` samples of band-limited noise with unit RMS."""
    samples = band_pass(rng.standard_normal(n), low_hz, high_hz)
    return np.asarray(samples / np.sqrt(np.mean(samples**2)))


def add_at(samples: FloatArray, start: int, event: FloatArray) -> None:
    """Add an event in place from sample ``start`` on, cut at both ends of the recording."""
    first, last = max(0, start), min(len(samples), start + len(event))
    if first < last:
        samples[first:last] += event[first - start : last - start]


def recording(rng: np.random.Generator, samples: FloatArray, seconds: float) -> npt.NDArray[np.float32]:
    """What a stethoscope and its recorder make of a sound: a tilt, a rumble, a level, 16 bits.

    Recorders differ mostly in how much of the highest tones they pass and in the rumble below 50 Hz, where
    real recordings keep a fifth to nine tenths of their power. Here a first-order low-pass is drawn from
    150 to 900 Hz and the rumble from a tenth to twice the power of the sound; the RMS lies around 0.09.
    """
    heard = np.asarray(signal.sosfilt(_low_pass(round(np.exp(rng.uniform(5.0, 6.8)), -1)), samples))
    heard += np.sqrt(np.mean(heard**2) * np.exp(rng.uniform(-2.3, 0.7))) * noise(rng, len(heard), 8, 35)
    heard = band_pass(heard, 15.0, 1000.0, order=1)[: round(seconds * RATE)]
    heard = heard * (0.09 * np.exp(0.35 * rng.standard_normal()) / np.sqrt(np.mean(heard**2)))
    heard = 0.99 * np.tanh(heard / 0.99)
    return np.asarray(np.round(heard * 32768) / 32768, np.float32)


@cache
def _low_pass(high_hz: float) -> FloatArray:
    return np.asarray(signal.butter(1, high_hz, fs=RATE, output="sos"))


def mains_and_handling(rng: np.random.Generator, n: int) -> FloatArray:
    """Background of any recording: a pink floor, hum at times, a few rubs of the chest piece."""
    floor = 0.7 * noise(rng, n, 20, 300) + 0.3 * noise(rng, n, 100, 1500)
    if rng.random() < 0.2:
        floor += rng.uniform(0.2, 0.8) * np.sin(2 * np.pi * 50 * np.arange(n) / RATE)
    for _ in range(rng.poisson(1.0)):
        length = int(rng.uniform(0.05, 0.3) * RATE)
        rub = np.hanning(length) * noise(rng, length, 60, 700)
        add_at(floor, int(rng.integers(n)), rng.uniform(1, 5) * rub)
    return floor
