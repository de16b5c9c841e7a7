"""The lung sound: breath noise, crackles, wheezes, bronchial breathing.

Crackle waveform: Kiyokawa, Greenberg, Shirota and Pasterkamp, "Auditory detection of simulated crackles in
breath sounds", Chest 119 (2001). Widths: American Thoracic Society 1977, kept by Sovijarvi et al. (CORSA),
Eur Respir Rev 10 (2000): initial deflection width and two-cycle duration 0.7 and 5 ms for fine, 1.5 and
10 ms for coarse crackles. Timing: Murphy, "In defense of the stethoscope", Respir Care 2008, and Piirila and
Sovijarvi 1995: fine crackles late in inspiration, coarse ones early and also in expiration. Wheezes (CORSA): a
musical tone of 100-1000 Hz that lasts longer than 100 ms, mostly in expiration. Bronchial breathing: louder
and higher, with expiration as long as inspiration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multimodal.phantom.patient import Generator, PhantomPatient
from multimodal.phantom.sound import RATE, FloatArray, add_at, mains_and_handling, noise, recording

# (initial deflection width, two-cycle duration) in s
FINE, COARSE = (0.0007, 0.005), (0.0015, 0.010)


@dataclass(frozen=True)
class Breath:
    """One breath, s from the start of the recording; a pause fills it up to the next."""

    inspiration: float
    expiration: float
    end: float


def breaths(patient: PhantomPatient, long_expiration: float, seconds: float, rng: Generator) -> list[Breath]:
    """The breaths that cover a recording; obstruction prolongs expiration and takes the pause."""
    found, start = [], -float(rng.uniform(0, 60 / patient.breathing_rate))
    while start < seconds:
        cycle = 60 / patient.breathing_rate * rng.uniform(0.92, 1.08)
        expiration = start + (0.40 - 0.12 * long_expiration) * cycle
        found.append(Breath(start, expiration, expiration + (0.35 + 0.30 * long_expiration) * cycle))
        start += cycle
    return found


def crackle(initial_width_s: float, two_cycles_s: float) -> FloatArray:
    """One crackle of unit peak: y(t) = m(t) sin(4 pi t^a), Kiyokawa's equation.

    The first zero crossing comes after the initial deflection width; later waves grow longer, and
    the second full cycle ends after about ``two_cycles_s``.
    """
    t = (np.arange(max(4, round(two_cycles_s * RATE))) + 0.5) / max(4, round(two_cycles_s * RATE))
    a = np.log(0.25) / np.log(initial_width_s / two_cycles_s)
    wave = 0.5 * (1 + np.cos(2 * np.pi * (t**0.5 - 0.5))) * np.sin(4 * np.pi * t**a)
    return np.asarray(wave / np.max(np.abs(wave)))


def _swell(samples: FloatArray, start: float, end: float, gain: float, skew: float) -> None:
    x = (np.arange(round((end - start) * RATE)) + 0.5) / ((end - start) * RATE)
    add_at(samples, round(start * RATE), gain * np.sin(np.pi * x**skew))


def _crackles(rng: Generator, samples: FloatArray, breath: Breath, strength: float, *, fine: bool) -> None:
    width, length = FINE if fine else COARSE
    inspired, expired = breath.expiration - breath.inspiration, breath.end - breath.expiration
    for _ in range(rng.poisson((4 + 16 * strength) if fine else (3 + 10 * strength))):
        if fine:
            at = breath.inspiration + inspired * rng.uniform(0.5, 1.0)
        elif rng.random() < 0.7:
            at = breath.inspiration + inspired * rng.uniform(0.05, 0.65)
        else:
            at = breath.expiration + expired * rng.uniform(0.1, 0.6)
        stretch = rng.uniform(0.8, 1.25)
        gain = (0.5 + 4.0 * strength) * rng.uniform(0.5, 1.2) * rng.choice((-1, 1))
        add_at(samples, round(at * RATE), gain * crackle(width * stretch, length * stretch))


def _wheeze(rng: Generator, samples: FloatArray, breath: Breath, hz: FloatArray, strength: float) -> None:
    for tone in hz:
        start = breath.expiration + (breath.end - breath.expiration) * rng.uniform(0.0, 0.25)
        if rng.random() < 0.3 * strength:
            start = breath.inspiration + (breath.expiration - breath.inspiration) * rng.uniform(0.2, 0.4)
        length_s = max(0.15, (breath.end - breath.expiration) * (0.35 + 0.5 * strength) * rng.uniform(0.7, 1.1))
        t = np.arange(round(length_s * RATE)) / RATE
        glide = tone * rng.uniform(0.97, 1.03) * (1 - rng.uniform(0.0, 0.12) * t / length_s)
        phase = 2 * np.pi * np.cumsum(glide) / RATE + rng.uniform(0, 2 * np.pi)
        envelope = np.minimum(1, np.minimum(t, length_s - t) / 0.03)
        sound = np.sin(phase) + 0.2 * np.sin(2 * phase) + 0.06 * np.sin(3 * phase)
        add_at(samples, round(start * RATE), (0.15 + 2.2 * strength) / len(hz) ** 0.5 * envelope * sound)


def render_lung(
    patient: PhantomPatient, signs: Mapping[str, float], rng: Generator, seconds: float = 14.0
) -> npt.NDArray[np.float32]:
    """Draw the lung sound.

    Args:
        patient: The latent patient.
        signs: Strength 0..1 of each sign of :data:`~multimodal.phantom.signs.Source.LUNG`, by bare name.
        rng: Stream of the drawing.
        seconds: Duration.

    Returns:
        (seconds * RATE,) float32 within -1..1.
    """
    n = round((seconds + 1) * RATE)
    bronchial, faint = signs["bronchial_breathing"], signs["faint_breathing"]
    rhythm = breaths(patient, signs["long_expiration"], seconds + 1, rng)
    inspired, expired, added = np.zeros(n), np.zeros(n), np.zeros(n)
    pitches = np.sort(rng.uniform(160, 650, size=1 + rng.binomial(2, signs["wheezes"])))
    for breath in rhythm:
        depth = rng.uniform(0.8, 1.2)
        _swell(inspired, breath.inspiration, breath.expiration, depth, 0.9)
        _swell(expired, breath.expiration, breath.end, depth * (0.40 + 0.65 * bronchial), 0.65)
        if signs["fine_crackles"]:
            _crackles(rng, added, breath, signs["fine_crackles"], fine=True)
        if signs["coarse_crackles"]:
            _crackles(rng, added, breath, signs["coarse_crackles"], fine=False)
        if signs["wheezes"] and rng.random() < 0.8 + 0.2 * signs["wheezes"]:
            _wheeze(rng, added, breath, pitches, signs["wheezes"])
    vesicular = 0.9 * noise(rng, n, 60, 200) + 0.3 * noise(rng, n, 150, 450)
    tubular = 1.2 * noise(rng, n, 200, 750)
    hiss_in = (1 - 0.5 * bronchial) * vesicular + bronchial * tubular
    hiss_out = (1 - 0.5 * bronchial) * noise(rng, n, 50, 180) + bronchial * tubular
    samples = (1 - 0.8 * faint) * 0.45 * (inspired * hiss_in + expired * hiss_out) + (1 - 0.3 * faint) * 0.5 * added
    _add_heart(rng, samples, patient, float(rng.uniform(0.1, 0.6)))
    samples += 0.05 * np.exp(0.5 * rng.standard_normal()) * mains_and_handling(rng, n)
    return recording(rng, samples, seconds)


def _add_heart(rng: Generator, samples: FloatArray, patient: PhantomPatient, gain: float) -> None:
    """The heart, heard from afar: two dull thuds a beat."""
    t = np.arange(round(0.12 * RATE)) / RATE
    thud = np.sin(2 * np.pi * 45 * t) * np.exp(-t / 0.03)
    for at in np.arange(rng.uniform(0, 1), len(samples) / RATE, 60 / patient.heart_rate):
        add_at(samples, round(at * RATE), gain * thud)
        add_at(samples, round((at + 0.3) * RATE), 0.6 * gain * thud)
