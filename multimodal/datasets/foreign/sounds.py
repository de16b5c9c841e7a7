"""Sounds that are no heart or lung: (N,) float32 at :data:`RATE`, within -1..1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, lfilter, sosfilt

Samples = npt.NDArray[np.float32]
Play = Callable[[np.random.Generator], Samples]
RATE = 4000
"""Hz; branches listen below 1 kHz."""


def music(rng: np.random.Generator) -> Samples:
    """Chords under a melody, plucked or blown, with or without a beat."""
    t = _time(rng)
    root, beat = 55 * 2 ** (rng.integers(0, 24) / 12), rng.uniform(0.25, 0.7)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    sound = np.zeros(len(t))
    decay = rng.choice((0.3, 1.0, 4.0))
    for start in np.arange(0, t[-1], beat):
        chord = scale[[0, 2, 4]] + rng.choice((0, 5, 7)) if rng.random() < 0.5 else []
        for step in (*chord, rng.choice(scale) + 12):
            sound += _note(t - start, root * 2 ** (step / 12), decay, int(rng.integers(2, 7)))
        if rng.random() < 0.5:
            sound += _burst(rng, t - start, 0.04) * rng.uniform(0, 1)
    return _loud(sound)


def speech(rng: np.random.Generator) -> Samples:
    """Syllables of a voice: a buzz or a hiss through moving resonances (Klatt, JASA 1980)."""
    t = _time(rng)
    pitch = rng.uniform(85, 260) * (1 + 0.12 * np.sin(2 * np.pi * rng.uniform(0.2, 0.7) * t + rng.uniform(0, 6)))
    pitch *= 1 + 0.01 * np.cumsum(rng.normal(0, 0.02, len(t)))
    phase = np.cumsum(pitch) / RATE
    buzz = (phase % 1 < 0.12).astype(float) + 0.02 * rng.normal(size=len(t))
    sound, at = np.zeros(len(t)), 0
    while at < len(t):
        length = int(RATE * rng.uniform(0.08, 0.32))
        part = slice(at, at + length)
        formants = ((rng.uniform(250, 850), 80), (rng.uniform(800, 1900), 110))
        voiced = rng.random() < 0.75
        source = buzz[part] if voiced else 0.15 * rng.normal(size=len(buzz[part]))
        for frequency, width in formants if voiced else formants[1:]:
            source = _resonance(source, frequency, width)
        sound[part] = source * np.hanning(len(source)) * rng.uniform(0.4, 1)
        at += length + (int(RATE * rng.uniform(0.1, 0.5)) if rng.random() < 0.2 else 0)
    return _loud(sound)


def babble(rng: np.random.Generator) -> Samples:
    """Several voices at once."""
    voices = [speech(rng) for _ in range(rng.integers(3, 7))]
    length = min(map(len, voices))
    return _loud(np.sum([voice[:length] for voice in voices], axis=0))


def cough(rng: np.random.Generator) -> Samples:
    """Coughs or sneezes: an explosive hiss, then a voiced tail, with pauses between."""
    t = _time(rng)
    sound, at = 0.003 * rng.normal(size=len(t)), rng.uniform(0.1, 0.8)
    while at < t[-1]:
        since = (t - at).clip(0)
        envelope = np.exp(-since / rng.uniform(0.04, 0.12)) * (1 - np.exp(-since / 0.004))
        hiss = _band(rng.normal(size=len(t)), rng.uniform(150, 400), rng.uniform(900, 1900))
        sound += envelope * hiss / hiss.std()
        voice = (since > 0.1) * np.exp(-(since - 0.1).clip(0) / 0.08)
        sound += 0.4 * voice * np.sin(2 * np.pi * rng.uniform(150, 350) * t)
        at += rng.choice((rng.uniform(0.3, 0.6), rng.uniform(0.8, 2.5)))
    return _loud(sound)


def white_noise(rng: np.random.Generator) -> Samples:
    """Noise of equal power at every frequency."""
    return _loud(rng.normal(size=len(_time(rng))))


def coloured_noise(rng: np.random.Generator) -> Samples:
    """Noise whose power falls with frequency: pink, brown and between."""
    n = len(_time(rng))
    spectrum = np.fft.rfft(rng.normal(size=n))
    spectrum /= np.maximum(np.fft.rfftfreq(n, 1 / RATE), 10) ** rng.uniform(0.4, 1.1)
    return _loud(np.fft.irfft(spectrum, n))


def hum(rng: np.random.Generator) -> Samples:
    """Mains hum with its harmonics."""
    t = _time(rng)
    base = rng.choice((50.0, 60.0))
    sound = sum(rng.exponential(1 / k) * np.sin(2 * np.pi * k * base * t + rng.uniform(0, 6)) for k in range(1, 10))
    return _loud(sound + rng.uniform(0, 0.3) * rng.normal(size=len(t)))


def tone(rng: np.random.Generator) -> Samples:
    """A steady, swept or warbling tone."""
    t = _time(rng)
    low, high = rng.uniform(60, 800, 2)
    sweep = low + (high - low) * (t / t[-1], np.zeros(len(t)), 0.1 * np.sin(2 * np.pi * 4 * t))[rng.integers(3)]
    return _loud(np.sin(2 * np.pi * np.cumsum(sweep) / RATE) + 0.01 * rng.normal(size=len(t)))


def beeps(rng: np.random.Generator) -> Samples:
    """An alarm, a telephone or dialled digits."""
    t = _time(rng)
    period, share = rng.uniform(0.15, 1.2), rng.uniform(0.2, 0.7)
    pair = rng.uniform(300, 900, 2)
    wave = (
        np.sign(np.sin(2 * np.pi * pair[0] * t)) if rng.random() < 0.4 else np.sin(2 * np.pi * np.outer(pair, t)).sum(0)
    )
    return _loud(wave * (t % period < share * period) + 0.005 * rng.normal(size=len(t)))


def engine(rng: np.random.Generator) -> Samples:
    """A motor: a pulse train of changing speed with rumble."""
    t = _time(rng)
    speed = rng.uniform(18, 90) * (1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.05, 0.3) * t))
    phase = np.cumsum(speed) / RATE
    pulses = np.exp(-(phase % 1) / 0.15) + 0.4 * np.exp(-((2 * phase + 0.3) % 1) / 0.2)
    rumble = _band(rng.normal(size=len(t)), 30, 400)
    return _loud(pulses - pulses.mean() + rng.uniform(0.1, 0.6) * rumble / rumble.std())


def birds(rng: np.random.Generator) -> Samples:
    """Chirps: short sweeps, some of them low enough to be heard through a stethoscope's band."""
    t = _time(rng)
    sound = 0.01 * rng.normal(size=len(t))
    for start in np.cumsum(rng.exponential(rng.uniform(0.1, 0.6), 60)):
        since = (t - start) / rng.uniform(0.05, 0.3)
        inside = (since > 0) & (since < 1)
        if not inside.any():
            break
        f = rng.uniform(350, 900) if rng.random() < 0.6 else rng.uniform(900, 1700)
        bend = rng.uniform(-0.5, 0.8)
        sound += inside * np.sin(np.pi * since.clip(0, 1)) * np.sin(2 * np.pi * f * t * (1 + bend * since.clip(0, 1)))
    return _loud(sound)


def clicks(rng: np.random.Generator) -> Samples:
    """Silence with clicks: typing, a relay, a plug."""
    t = _time(rng)
    sound = 0.002 * rng.normal(size=len(t))
    for start in np.cumsum(rng.exponential(rng.uniform(0.08, 0.8), 80)):
        part = slice(int(start * RATE), int((start + 0.1) * RATE))
        sound[part] += rng.uniform(0.3, 1) * _burst(rng, t[part] - start, rng.uniform(0.001, 0.012))
    return _loud(sound)


def steps(rng: np.random.Generator) -> Samples:
    """Footsteps or hammering: dull knocks at a walking pace."""
    t = _time(rng)
    sound, at, pace = 0.01 * rng.normal(size=len(t)), rng.uniform(0, 0.5), rng.uniform(0.3, 0.8)
    while at < t[-1]:
        since = (t - at).clip(0)
        knock = (t > at) * np.exp(-since / 0.05) * np.sin(2 * np.pi * rng.uniform(60, 180) * since)
        sound += rng.uniform(0.6, 1) * (knock + 0.5 * _burst(rng, t - at - 0.02, 0.03))
        at += pace * rng.uniform(0.9, 1.1)
    return _loud(sound)


def rain(rng: np.random.Generator) -> Samples:
    """Drops on a roof, or frying."""
    t = _time(rng)
    drops = rng.random(len(t)) < rng.uniform(0.002, 0.03)
    sound = _band(drops * rng.exponential(1, len(t)), rng.uniform(200, 600), rng.uniform(900, 1900))
    return _loud(sound + 0.1 * sound.std() * rng.normal(size=len(t)))


def wind(rng: np.random.Generator) -> Samples:
    """Gusts, or surf: low noise that swells slowly and without a rhythm."""
    t = _time(rng)
    gust = np.interp(t, np.linspace(0, t[-1], 12), rng.gamma(1.5, 1, 12))
    return _loud(gust * _band(rng.normal(size=len(t)), 20, rng.uniform(150, 700)))


SOUNDS: dict[str, Play] = {
    play.__name__: play
    for play in (
        *(music, speech, babble, cough, birds),
        *(white_noise, coloured_noise, hum, tone, beeps, engine, clicks, steps, rain, wind),
    )
}
"""Kind -> how it is made."""


def _time(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.arange(int(RATE * rng.uniform(3, 12))) / RATE


def _note(since: npt.NDArray[Any], frequency: float, decay: float, harmonics: int) -> npt.NDArray[Any]:
    envelope = np.where(since > 0, np.exp(-since.clip(0) / decay) * (1 - np.exp(-since.clip(0) / 0.01)), 0)
    envelope = np.where(since < 1.5, envelope, 0)
    waves = [np.sin(2 * np.pi * k * frequency * since) / k for k in range(1, harmonics + 1) if k * frequency < RATE / 2]
    return np.asarray(envelope * np.sum(waves, axis=0))


def _burst(rng: np.random.Generator, since: npt.NDArray[Any], decay: float) -> npt.NDArray[Any]:
    return np.where(since > 0, np.exp(-since.clip(0) / decay), 0) * rng.normal(size=len(since))


def _resonance(source: npt.NDArray[Any], frequency: float, width: float) -> npt.NDArray[Any]:
    radius, angle = np.exp(-np.pi * width / RATE), 2 * np.pi * frequency / RATE
    feedback = [1, -2 * radius * np.cos(angle), radius**2]
    return np.asarray(lfilter([sum(feedback)], feedback, source))


def _band(samples: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[Any]:
    return np.asarray(sosfilt(butter(2, (low, high), "bandpass", fs=RATE, output="sos"), samples))


def _loud(samples: npt.NDArray[Any]) -> Samples:
    """Half of full scale."""
    return (0.5 * samples / max(1e-9, float(np.abs(samples).max()))).astype(np.float32)
