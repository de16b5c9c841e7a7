"""The heart sound: S1, S2, gallop and murmurs with the right timing.

Timing: Weissler, Harris and Schoenfeld, "Systolic time intervals in heart failure in man", Circulation 37
(1968): the left ventricular ejection time is 413 - 1.7 HR ms in men and 418 - 1.6 HR ms in women. From
S1 (mitral closure) to A2 isovolumic contraction, about 40 ms, comes on top. Splitting of S2 with breathing,
the place of the opening snap (60-100 ms after A2), of S3 (120-180 ms) and the shapes of murmurs: Leatham,
"Auscultation of the heart", Lancet 1958, and Tilkian and Conover, "Understanding heart sounds and murmurs".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multimodal.phantom.patient import Generator, PhantomPatient
from multimodal.phantom.sound import RATE, FloatArray, add_at, mains_and_handling, noise, recording

ISOVOLUMIC_CONTRACTION_S = 0.040


@dataclass(frozen=True)
class Beat:
    """Times of one heart beat, s from the start of the recording.

    Attributes:
        s1: Onset of the first heart sound (mitral closure).
        s2: Onset of the second (aortic closure).
        next_s1: Onset of the next beat.
        inspiration: -1 (end of expiration) .. 1 (end of inspiration).
    """

    s1: float
    s2: float
    next_s1: float
    inspiration: float


def systole_s(heart_rate: float, sex: str) -> float:
    """Interval from S1 to A2 in s, by Weissler's ejection time."""
    ejection_ms = 413 - 1.7 * heart_rate if sex == "M" else 418 - 1.6 * heart_rate
    return ejection_ms / 1000 + ISOVOLUMIC_CONTRACTION_S


def beats(patient: PhantomPatient, seconds: float, rng: Generator) -> list[Beat]:
    """The beats that cover a recording, with respiratory sinus arrhythmia and jitter."""
    phase = rng.uniform(0, 2 * np.pi)
    arrhythmia = 0.05 if patient.age < 40 else 0.02
    found, s1 = [], -float(rng.uniform(0, 60 / patient.heart_rate))
    while s1 < seconds:
        inspiration = float(np.sin(2 * np.pi * patient.breathing_rate / 60 * s1 + phase))
        interval = 60 / patient.heart_rate * (1 - arrhythmia * inspiration + 0.012 * rng.standard_normal())
        systole = systole_s(60 / interval, patient.sex) + 0.003 * rng.standard_normal()
        found.append(Beat(s1, s1 + systole, s1 + interval, inspiration))
        s1 += interval
    return found


def _burst(rng: Generator, length_s: float, parts: tuple[tuple[float, float], ...]) -> FloatArray:
    """A heart sound: damped sinusoids with a quick rise; parts are (Hz, weight)."""
    t = np.arange(round(length_s * RATE)) / RATE
    envelope = (1 - np.exp(-t / 0.006)) * np.exp(-t / (length_s / 5))
    tones = sum(
        weight * np.sin(2 * np.pi * hz * rng.uniform(0.95, 1.05) * t + rng.uniform(-0.3, 0.3)) for hz, weight in parts
    )
    return np.asarray(envelope * tones)


def _diamond(x: FloatArray) -> FloatArray:
    return np.sin(np.pi * x**0.9) ** 1.5


def _plateau(x: FloatArray) -> FloatArray:
    return np.minimum(1, np.minimum(x, 1 - x) / 0.08)


def _decrescendo(x: FloatArray) -> FloatArray:
    return np.minimum(1, x / 0.06) * np.exp(-2.5 * x) * np.minimum(1, (1 - x) / 0.1)


def _rumble(x: FloatArray) -> FloatArray:
    return 0.8 * np.exp(-(((x - 0.22) / 0.16) ** 2)) + np.exp(-(((x - 0.93) / 0.09) ** 2))


@dataclass(frozen=True)
class Murmur:
    """Where a murmur lies in the beat, its shape and its band.

    Attributes:
        first: "s1" or "s2": which sound it follows.
        delay_s: How long after that sound it starts.
        share: How much of the rest of that phase it fills.
        shape: Envelope over 0..1 of its length.
        band_hz: Low and high edge.
        gain: RMS at strength 1, relative to S1's peak.
    """

    first: str
    delay_s: float
    share: float
    shape: Callable[[FloatArray], FloatArray]
    band_hz: tuple[float, float]
    gain: float

    def span(self, beat: Beat) -> tuple[float, float]:
        """Start and end in s."""
        start, end = (beat.s1, beat.s2) if self.first == "s1" else (beat.s2, beat.next_s1)
        start += self.delay_s
        return start, start + self.share * (end - start)


MURMURS = {
    "aortic_stenosis": Murmur("s1", 0.045, 0.93, _diamond, (100, 420), 0.36),
    "mitral_regurgitation": Murmur("s1", 0.015, 1.00, _plateau, (140, 600), 0.26),
    "aortic_regurgitation": Murmur("s2", 0.015, 0.80, _decrescendo, (180, 650), 0.34),
    "mitral_stenosis": Murmur("s2", 0.085, 1.00, _rumble, (35, 130), 0.42),
    "flow_murmur": Murmur("s1", 0.045, 0.60, _diamond, (70, 220), 0.32),
}


def _add_beat(rng: Generator, samples: FloatArray, beat: Beat, signs: Mapping[str, float], tone: float) -> None:
    def place(at: float, gain: float, length_s: float, *parts: tuple[float, float]) -> None:
        burst = _burst(rng, length_s, tuple((hz * tone, weight) for hz, weight in parts))
        add_at(samples, round(at * RATE), gain * rng.uniform(0.9, 1.1) * burst)

    rumble, failing = signs["mitral_stenosis"], signs["gallop"]
    first = (1 + 0.7 * rumble) * (1 - 0.35 * signs["mitral_regurgitation"]) * (1 - 0.25 * failing)
    place(beat.s1, first, 0.13, (45, 0.9), (75, 0.8), (120, 0.35))
    place(beat.s1 + 0.028, 0.45 * first, 0.09, (60, 0.8), (105, 0.4))
    place(beat.s2, 0.85 * (1 - 0.5 * signs["aortic_stenosis"]), 0.09, (60, 0.7), (110, 0.6), (170, 0.2))
    place(beat.s2 + 0.022 + 0.016 * (1 + beat.inspiration), 0.35 + 0.25 * failing, 0.08, (55, 0.7), (95, 0.5))
    if rumble:
        place(beat.s2 + 0.100 - 0.035 * rumble, 0.25 + 0.45 * rumble, 0.03, (140, 0.7), (220, 0.5))
    if failing:
        place(beat.s2 + 0.150, 0.15 + 0.6 * failing, 0.11, (28, 0.8), (42, 0.7))


def render_heart(
    patient: PhantomPatient, signs: Mapping[str, float], rng: Generator, seconds: float = 13.0
) -> npt.NDArray[np.float32]:
    """Draw the heart sound.

    Args:
        patient: The latent patient.
        signs: Strength 0..1 of each sign of :data:`~multimodal.phantom.signs.Source.HEART`, by bare name.
        rng: Stream of the drawing.
        seconds: Duration.

    Returns:
        (seconds * RATE,) float32 within -1..1.
    """
    n = round((seconds + 1) * RATE)
    tone = 1.2 if patient.age < 10 else 1.0
    samples = np.zeros(n)
    rhythm = beats(patient, seconds + 1, rng)
    for beat in rhythm:
        _add_beat(rng, samples, beat, signs, tone)
    for name, murmur in MURMURS.items():
        hiss = noise(rng, n, *murmur.band_hz)
        envelope = np.zeros(n)
        for beat in rhythm:
            start, end = murmur.span(beat)
            x = (np.arange(max(0, round((end - start) * RATE))) + 0.5) / ((end - start) * RATE)
            add_at(envelope, round(start * RATE), rng.uniform(0.85, 1.15) * murmur.shape(x.astype(np.float64)))
        samples += murmur.gain * signs[name] ** 1.3 * envelope * hiss
    breathing = np.sin(2 * np.pi * patient.breathing_rate / 60 * np.arange(n) / RATE + rng.uniform(0, 6.3))
    samples += 0.02 * np.maximum(0, breathing) * noise(rng, n, 100, 500)
    samples += 0.012 * np.exp(0.6 * rng.standard_normal()) * mains_and_handling(rng, n)
    return recording(rng, samples, seconds)
