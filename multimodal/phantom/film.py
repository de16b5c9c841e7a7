"""The chest film: a chest's attenuation with scatter, exposure curve, grain, collimation and side marker.

Brightness grows with attenuation (bright = dense), as on a digital film for presentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Canvas
from PIL import ImageDraw, ImageFont
from scipy import ndimage

from multimodal.phantom.anatomy import Anatomy
from multimodal.phantom.chest import Chest, FloatArray, clouds, resized
from multimodal.phantom.opacity import add_atelectasis, add_consolidation, add_effusion, add_oedema
from multimodal.phantom.patient import Generator, PhantomPatient


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawn film and what it was drawn from.

    Attributes:
        pixels: (H, W) float32 in 0..1, bright = dense.
        anatomy: The proportions.
        heart: (H, W) bool, the heart's outline filled.
        lungs: (H, W) float32 0..1, the aerated lung outline.
    """

    pixels: FloatArray
    anatomy: Anatomy
    heart: npt.NDArray[np.bool_]
    lungs: FloatArray


def render_film(patient: PhantomPatient, signs: Mapping[str, float], rng: Generator) -> Drawing:
    """Draw the film.

    Args:
        patient: The latent patient.
        signs: Strength 0..1 of each sign of :data:`~multimodal.phantom.signs.Source.FILM`, by bare name.
        rng: Stream of the drawing.
    """
    chest = Chest(patient, signs, rng)
    chest.add_body()
    chest.add_vessels()
    chest.add_middle()
    chest.add_bones()
    add_consolidation(chest)
    add_oedema(chest)
    add_atelectasis(chest)
    add_effusion(chest)
    return Drawing(_expose(chest), chest.anatomy, chest.heart, chest.lungs)


def _expose(chest: Chest) -> FloatArray:
    """Scatter, exposure curve, grain, collimation and side marker."""
    rng, (rows, columns) = chest.rng, chest.anatomy.shape
    fine = chest.thickness + 0.012 * clouds(rng, (rows, columns), 90) * chest.skin
    scatter = resized(ndimage.gaussian_filter(resized(fine, (rows // 8, columns // 8)), 5), (rows, columns))
    beam = 0.82 * ndimage.gaussian_filter(fine, rng.uniform(0.5, 0.9)) + 0.18 * scatter
    centre, gain = rng.normal(0.62, 0.05), rng.uniform(2.8, 4.2)
    film = 1 / (1 + np.exp(-gain * (beam - centre)))
    film += rng.uniform(0.006, 0.016) * (0.5 + film) * rng.standard_normal((rows, columns))
    if rng.random() < 0.5:
        _collimate(rng, film)
    _mark(rng, film)
    return np.asarray(np.clip(film, 0, 1), np.float32)


def _collimate(rng: Generator, film: npt.NDArray[np.float64]) -> None:
    rows, columns = film.shape
    top, bottom, left, right = (int(n) for n in rng.integers(0, 14, 4))
    frame = np.ones_like(film, dtype=bool)
    frame[top : rows - bottom, left : columns - right] = False
    film[frame] = rng.uniform(0.0, 0.04)


def _mark(rng: Generator, film: npt.NDArray[np.float64]) -> None:
    rows, columns = film.shape
    letter = str(rng.choice(("R", "L")))
    canvas = Canvas.new("L", (columns, rows))
    near, height = int(rng.integers(14, 34)), int(rng.integers(16, 46))
    at = (near if letter == "R" else columns - near - 16, height)
    ImageDraw.Draw(canvas).text(at, letter, fill=255, font=ImageFont.load_default(size=int(rng.integers(15, 24))))
    ink = np.asarray(canvas, dtype=np.float32) / 255
    film += (rng.uniform(0.85, 1.0) - film) * ink
