"""Wear of sounds: rooms, microphones, recorders."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from multimodal.case import Audio
from multimodal.evaluate.stress.wear import Wear


def filtered(sound: Audio, edge_hz: float, kind: Literal["lowpass", "highpass"]) -> Audio:
    """Without what is above ("lowpass") or below ("highpass") an edge, by a Butterworth filter run both ways.

    Args:
        sound: Of one sample or more.
        edge_hz: Where each pass of the filter, of order 4, loses 3 dB; kept below half of the rate.
        kind: Which side passes.
    """
    sections = butter(4, min(edge_hz, 0.49 * sound.rate), kind, fs=sound.rate, output="sos")
    samples = sound.samples.astype(np.float64)
    return _as(sound, sosfiltfilt(sections, samples, padlen=min(sound.rate // 2, max(0, samples.size - 1))))


def _as(sound: Audio, samples: npt.NDArray[np.floating]) -> Audio:
    return replace(sound, samples=samples.astype(np.float32))


def _noise(sound: Audio, decibels: float, draw: np.random.Generator) -> Audio:
    level = sound.samples.std() * 10 ** (-decibels / 20)
    return _as(sound, sound.samples + level * draw.standard_normal(sound.samples.shape))


def _bandwidth(sound: Audio, hertz: float, draw: np.random.Generator) -> Audio:  # noqa: ARG001
    return filtered(sound, hertz, "lowpass")


def _filter(sound: Audio, hertz: float, draw: np.random.Generator) -> Audio:  # noqa: ARG001
    return filtered(sound, hertz, "highpass")


def _gain(sound: Audio, decibels: float, draw: np.random.Generator) -> Audio:  # noqa: ARG001
    peak = max(float(np.abs(sound.samples).max(initial=0)), 1e-9)
    return _as(sound, (sound.samples / peak * 10 ** (decibels / 20)).clip(-1, 1))


def _quantised(sound: Audio, bits: float, draw: np.random.Generator) -> Audio:  # noqa: ARG001
    peak, steps = max(float(np.abs(sound.samples).max(initial=0)), 1e-9), 2 ** (int(bits) - 1)
    return _as(sound, (sound.samples / peak * steps).round() / steps * peak)


def _cropped(sound: Audio, seconds: float, draw: np.random.Generator) -> Audio:
    length = min(len(sound.samples), int(seconds * sound.rate))
    start = int(draw.integers(0, len(sound.samples) - length + 1))
    return _as(sound, sound.samples[start : start + length])


WEAR = (
    Wear("noise", "signal to white noise, dB", (20, 10, 0), _noise),
    Wear("bandwidth", "upper edge, Hz", (600, 300, 150), _bandwidth),
    Wear("filter", "lower edge, Hz", (50, 100, 200), _filter),
    Wear("gain", "dB over full scale, clipped", (6, 12, 20), _gain),
    Wear("quantisation", "bits", (8, 6, 4), _quantised),
    Wear("crop", "seconds left", (10, 5, 2), _cropped),
)
