"""The lung sound: crackle widths, wheeze tones, breath phases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal, stats

from multimodal.phantom import draw_patient
from multimodal.phantom.lung import COARSE, FINE, breaths, crackle, render_lung
from multimodal.phantom.patient import stream
from multimodal.phantom.signs import SIGNS, Source
from multimodal.phantom.sound import RATE

QUIET = {sign.name: 0.0 for sign in SIGNS if sign.source is Source.LUNG}
ADULT = replace(draw_patient(1, "no_finding"), age=50, heart_rate=66, breathing_rate=16)


def band(samples: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.float64]:
    return np.asarray(signal.sosfiltfilt(signal.butter(3, (low, high), "bandpass", fs=RATE, output="sos"), samples))


@pytest.mark.parametrize("width", [FINE, COARSE])
def test_crackle_has_the_stated_widths(width: tuple[float, float]) -> None:
    """Initial deflection width and two-cycle duration of the ATS, drawn finely and measured at the crossings."""
    initial, two_cycles = width
    wave = crackle(initial * 50, two_cycles * 50)
    signs = np.sign(wave)
    crossings = np.flatnonzero(signs[1:] != signs[:-1]) + 1
    assert crossings[0] / RATE / 50 == pytest.approx(initial, rel=0.1)
    assert len(wave) / RATE / 50 == pytest.approx(two_cycles, rel=0.02)
    assert len(crossings) == 3
    assert np.all(np.diff(crossings) > crossings[0])


def test_wheeze_is_a_tone_between_100_and_1000_hz() -> None:
    plain, wheezing = (render_lung(ADULT, QUIET | {"wheezes": s}, stream(9)) for s in (0.0, 0.8))

    def peakedness(samples: npt.NDArray[np.float32]) -> tuple[float, float]:
        hz, _, power = signal.spectrogram(samples, RATE, nperseg=1024, noverlap=512)
        inside = (hz >= 130) & (hz <= 1000)
        ratio = power[inside].max(axis=0) / np.median(power[inside], axis=0)
        at = int(np.argmax(np.where(inside, power[:, int(np.argmax(ratio))], 0)))
        return float(np.quantile(ratio, 0.95)), float(hz[at])

    (quiet, _), (loud, tone) = peakedness(plain), peakedness(wheezing)
    assert loud > 5 * quiet
    assert 150 <= tone <= 1000


@pytest.mark.parametrize("kind", ["fine_crackles", "coarse_crackles"])
def test_crackles_make_the_sound_spiky(kind: str) -> None:
    plain, crackling = (band(render_lung(ADULT, QUIET | {kind: s}, stream(9)), 120, 900) for s in (0.0, 0.9))
    assert stats.kurtosis(crackling) > stats.kurtosis(plain) + 3


def test_fine_crackles_come_late_in_inspiration() -> None:
    difference = render_lung(ADULT, QUIET | {"fine_crackles": 0.9}, stream(9))
    heard = np.abs(band(difference, 250, 900))
    spikes = np.flatnonzero(heard > 0.5 * np.quantile(heard, 0.9995)) / RATE
    rhythm = breaths(ADULT, 0.0, 15.0, stream(9))
    late = [any((b.inspiration + b.expiration) / 2 - 0.02 < t < b.expiration + 0.02 for b in rhythm) for t in spikes]
    assert len(spikes) > 20
    assert np.mean(late) > 0.7


def test_inspiration_is_louder_unless_breathing_is_bronchial() -> None:
    def ratio(**signs: float) -> float:
        heard = band(render_lung(ADULT, QUIET | signs, stream(9)), 100, 800)
        rhythm = [b for b in breaths(ADULT, 0.0, 15.0, stream(9)) if b.inspiration > 0 and b.end < 14]
        powers = [
            [
                np.mean(heard[round(a * RATE) : round(z * RATE)] ** 2)
                for a, z in ((b.inspiration, b.expiration), (b.expiration, b.end))
            ]
            for b in rhythm
        ]
        inspired, expired = np.mean(powers, axis=0)
        return float(expired / inspired)

    assert ratio() < 0.5
    assert ratio(bronchial_breathing=0.9) > 2 * ratio()


def test_obstruction_prolongs_expiration() -> None:
    plain, long = (breaths(ADULT, s, 10.0, stream(2))[1] for s in (0.0, 1.0))
    assert (long.end - long.expiration) / (long.expiration - long.inspiration) > 1.8 * (
        (plain.end - plain.expiration) / (plain.expiration - plain.inspiration)
    )
