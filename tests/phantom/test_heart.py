"""The heart sound: timing by Weissler, and each murmur's energy in its own phase."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from multimodal.phantom import draw_patient
from multimodal.phantom.heart import MURMURS, beats, render_heart, systole_s
from multimodal.phantom.patient import PhantomPatient, stream
from multimodal.phantom.signs import SIGNS, Source
from multimodal.phantom.sound import RATE

QUIET = {sign.name: 0.0 for sign in SIGNS if sign.source is Source.HEART}
ADULT: PhantomPatient = replace(draw_patient(1, "no_finding"), age=50, heart_rate=66, breathing_rate=15)


def energy(samples: npt.NDArray[np.float32], first: float, last: float, band: tuple[float, float]) -> float:
    """Mean power in a band over a part of each beat; first and last in 0..1 of systole, 1..2 of diastole."""
    heard = signal.sosfiltfilt(signal.butter(3, band, "bandpass", fs=RATE, output="sos"), samples)
    parts = []
    for beat in beats(ADULT, 14.0, stream(4)):
        edges = [
            beat.s1 + at * (beat.s2 - beat.s1) if at < 1 else beat.s2 + (at - 1) * (beat.next_s1 - beat.s2)
            for at in (first, last)
        ]
        if edges[0] > 0 and edges[1] < 13:
            parts.append(np.mean(heard[round(edges[0] * RATE) : round(edges[1] * RATE)] ** 2))
    return float(np.mean(parts))


@given(st.floats(50, 120), st.sampled_from(["F", "M"]))
def test_systole_is_weisslers_ejection_time_and_contraction(heart_rate: float, sex: str) -> None:
    ejection = {"M": 413 - 1.7 * heart_rate, "F": 418 - 1.6 * heart_rate}[sex]
    assert systole_s(heart_rate, sex) * 1000 == pytest.approx(ejection + 40, abs=1e-6)


def test_sounds_lie_at_the_stated_interval() -> None:
    """The envelope's autocorrelation within a beat peaks at the interval from S1 to S2."""
    samples = render_heart(ADULT, QUIET, stream(4))
    low = signal.sosfiltfilt(signal.butter(2, (40, 120), "bandpass", fs=RATE, output="sos"), samples)
    envelope = signal.sosfiltfilt(signal.butter(2, 18, fs=RATE, output="sos"), np.abs(low))
    envelope -= envelope.mean()
    correlation = signal.correlate(envelope, envelope, mode="full")[len(envelope) - 1 :]
    first, last = round(0.22 * RATE), round(0.45 * RATE)
    lag = (first + int(np.argmax(correlation[first:last]))) / RATE
    assert lag == pytest.approx(systole_s(ADULT.heart_rate, ADULT.sex), abs=0.03)


# murmur -> (first, last) of the phase that holds it, and the phase that must stay quiet
PHASES = {
    "aortic_stenosis": ((0.35, 0.70), (1.4, 1.8)),
    "mitral_regurgitation": ((0.40, 0.90), (1.4, 1.8)),
    "flow_murmur": ((0.25, 0.55), (1.4, 1.8)),
    "aortic_regurgitation": ((1.12, 1.40), (0.45, 0.9)),
    "mitral_stenosis": ((1.25, 1.50), (0.5, 0.9)),
}


@pytest.mark.parametrize("murmur", sorted(MURMURS))
def test_murmur_sounds_in_its_phase_only(murmur: str) -> None:
    loud, quiet = PHASES[murmur]
    low, high = MURMURS[murmur].band_hz
    band = (max(low, 60), high)
    with_it = render_heart(ADULT, QUIET | {murmur: 0.8}, stream(4))
    assert energy(with_it, *loud, band) > 5 * energy(with_it, *quiet, band)


def test_aortic_stenosis_is_a_diamond_and_regurgitation_falls() -> None:
    band = (150.0, 500.0)
    stenosis = render_heart(ADULT, QUIET | {"aortic_stenosis": 0.8}, stream(4))
    middle = energy(stenosis, 0.40, 0.60, band)
    assert middle > 2 * energy(stenosis, 0.18, 0.26, band)
    assert middle > 2 * energy(stenosis, 0.85, 0.93, band)
    leak = render_heart(ADULT, QUIET | {"aortic_regurgitation": 0.8}, stream(4))
    assert energy(leak, 1.10, 1.25, band) > 3 * energy(leak, 1.5, 1.65, band)


@pytest.mark.parametrize("seed", range(4))
def test_recording_is_in_range_and_below_1_khz(seed: int) -> None:
    samples = render_heart(draw_patient(seed), QUIET, stream(seed))
    assert samples.dtype == np.float32
    assert len(samples) == 13 * RATE
    assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.4
    assert np.abs(samples).max() < 1
    hz, power = signal.welch(samples, RATE, nperseg=1024)
    assert power[hz > 1000].sum() < 0.02 * power.sum()
