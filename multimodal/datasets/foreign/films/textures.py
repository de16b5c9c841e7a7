"""Surfaces without a thing on them."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from multimodal.datasets.foreign.films.canvas import SIDE, Picture, grid, shaded, stretched


def noise(rng: np.random.Generator) -> Picture:
    """White noise, or noise of one grain size."""
    picture = rng.normal(size=(SIDE, SIDE))
    grain = rng.choice((0.0, 1.0, 2.0, 4.0))
    return stretched(gaussian_filter(picture, grain) if grain else picture)


def clouds(rng: np.random.Generator) -> Picture:
    """Noise whose power falls with frequency, as in clouds."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij"))
    spectrum = np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / np.maximum(frequency, 1 / SIDE) ** rng.uniform(0.8, 2)
    return stretched(np.fft.irfft2(spectrum, s=(SIDE, SIDE)))


def gradient(rng: np.random.Generator) -> Picture:
    """A ramp, a disc of light or a vignette."""
    y, x = grid()
    turn = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(turn) * x + np.sin(turn) * y
    glow = np.hypot(x - rng.uniform(60, 260), y - rng.uniform(60, 260))
    return stretched(ramp if rng.random() < 0.5 else np.exp(-((glow / rng.uniform(60, 200)) ** 2)))


def pattern(rng: np.random.Generator) -> Picture:
    """A woven, striped, checked or barred surface."""
    y, x = grid()
    turn, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
    u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    waves = np.sin(2 * np.pi * u / period), np.sin(2 * np.pi * v / (period * rng.uniform(0.5, 2)))
    kind = rng.integers(4)
    picture = (waves[0], waves[0] * waves[1], np.sign(waves[0] * waves[1]), np.sign(waves[0] + 0.3))[kind]
    return shaded(rng, picture)
