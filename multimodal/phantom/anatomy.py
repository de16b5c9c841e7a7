"""The proportions of a chest and how it lies on the film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multimodal.phantom.patient import Generator, PhantomPatient

HEIGHT = 320  # rows of every film


@dataclass(frozen=True)
class Anatomy:
    """The proportions of one chest, in its own frame, and how it lies on the film.

    Attributes:
        view: "PA" or "AP".
        shape: Rows and columns of the film.
        spacing_mm: Side of a pixel.
        lung: Half-width of the rib cage.
        apex: y of the lung's top.
        dome: y of the top of the right and the left diaphragm.
        curve: Height of the domes over the costophrenic angles.
        heart: Half-width of the heart, taken both ways from ``axis``.
        axis: x of the heart's middle.
        ribs: Spacing of the ribs.
        slope: How steeply the ribs fall.
        turn, scale, shift: Rotation in radians, size and place on the film.
    """

    view: str
    shape: tuple[int, int]
    spacing_mm: float
    lung: float
    apex: float
    dome: tuple[float, float]
    curve: float
    heart: float
    axis: float
    ribs: float
    slope: float
    turn: float
    scale: float
    shift: tuple[float, float]

    @property
    def cardiothoracic_ratio(self) -> float:
        """Greatest width of the heart over the greatest inner width of the chest."""
        return self.heart / self.lung


def draw_anatomy(patient: PhantomPatient, signs: Mapping[str, float], rng: Generator) -> Anatomy:
    """Draw the proportions; cardiomegaly, hyperinflation and atelectasis change them."""
    child = patient.age < 8
    inflated, collapsed = signs["hyperinflation"], signs["atelectasis"]
    lung = rng.normal(0.70, 0.02) + 0.03 * inflated
    ratio = rng.normal(0.48 if child else 0.435, 0.02) - 0.05 * inflated
    ratio = min(ratio, 0.49) if not signs["large_heart"] else max(0.50, ratio + 0.04) + 0.16 * signs["large_heart"]
    base = rng.normal(0.38 if child else 0.40, 0.05) + 0.20 * inflated
    side = rng.random() < 0.5
    lift = 0.16 * collapsed
    return Anatomy(
        view="AP" if child or rng.random() < 0.35 else "PA",
        shape=(HEIGHT, int(rng.integers(296, 353))),
        spacing_mm=round(float((240 + 12 * patient.age if child else rng.uniform(360, 420)) / HEIGHT), 3),
        lung=float(lung),
        apex=float(rng.normal(-0.77, 0.03)),
        dome=(float(base - lift * side), float(base + 0.05 - lift * (not side))),
        curve=float(rng.normal(0.21, 0.025) * (1 - 0.65 * inflated)),
        heart=float(ratio * lung),
        axis=float(rng.normal(0.085, 0.012)),
        ribs=float(rng.normal(0.150, 0.006) + 0.015 * inflated),
        slope=float(rng.normal(0.15 if child else 0.30, 0.03) * (1 - 0.5 * inflated)),
        turn=float(rng.normal(0, 0.025)),
        scale=float(rng.normal(0.97, 0.04)),
        shift=(float(rng.normal(0, 0.025)), float(rng.normal(0.0, 0.03))),
    )
