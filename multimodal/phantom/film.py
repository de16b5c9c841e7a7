"""The chest film: thicknesses of tissue added up along the beam, then scatter, exposure and noise.

The chest is described in its own frame: ``x`` from -1 (the patient's right, the viewer's left) to 1,
``y`` from -1 (top) to 1. Everything adds attenuation; the lungs take it away. Brightness grows with
attenuation (bright = dense), as on a digital film for presentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import math

import numpy as np
import numpy.typing as npt
from PIL import Image as Canvas
from PIL import ImageDraw, ImageFont
from scipy import ndimage

from multimodal.phantom.patient import Generator, PhantomPatient

FloatArray = npt.NDArray[np.float32]
HEIGHT = 320  # pixels


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
        view="AP" if child or rng.random() < 0.25 + 0.3 * patient.severity else "PA",
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


def _step(values: FloatArray, width: float) -> FloatArray:
    """0 to 1 across zero, over about ``width``."""
    t = np.clip(values * (1 / (1.5 * width)) + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def _resized(field: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Bicubic resampling to ``shape``."""
    return np.asarray(Canvas.fromarray(field).resize(shape[::-1], Canvas.Resampling.BICUBIC), dtype=np.float32)


def _clouds(rng: Generator, shape: tuple[int, int], cells: int) -> FloatArray:
    """Smooth random texture with zero mean and unit spread."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    texture = _resized(coarse, shape)
    return (texture - texture.mean()) / texture.std()


class _Chest:
    """One chest on its way to the film: the frame, the lungs' shape, and the attenuation so far."""

    def __init__(self, patient: PhantomPatient, signs: Mapping[str, float], rng: Generator) -> None:
        self.patient, self.signs, self.rng = patient, signs, rng
        self.anatomy = draw_anatomy(patient, signs, rng)
        a, (rows, columns) = self.anatomy, self.anatomy.shape
        v, u = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
        u, v = (u - a.shift[0]) / a.scale, (v - a.shift[1]) / a.scale
        self.x: FloatArray = (u * math.cos(a.turn) + v * math.sin(a.turn)).astype(np.float32)
        self.y: FloatArray = (v * math.cos(a.turn) - u * math.sin(a.turn)).astype(np.float32)
        self.across = np.abs(self.x)
        self.left = self.x > 0
        t = np.clip((self.y - a.apex) / (0.62 - a.apex), 0, 1)
        self.wall = a.lung * np.sqrt(np.clip(1 - (1 - t) ** 2.7, 1e-4, 1)) * (1 - 0.06 * np.clip(self.y - 0.3, 0, 1))
        self.outward = np.clip(self.across / self.wall, 0, 1.5)
        off = self.outward - 0.45
        fall = np.where(off > 0, np.maximum(off, 0) ** 2.2 / 0.55**2.2, 0.35 * (off / 0.45) ** 2)
        dome = np.where(self.left, np.float32(a.dome[1]), np.float32(a.dome[0])) + a.curve * fall
        self.above = dome - self.y  # height over the diaphragm
        inside = _step(self.wall - self.across, 0.03) * _step(self.y - a.apex, 0.05)
        self.lungs = inside * _step(self.above, 0.025) * _step(self.across - 0.13 + 0.04 * self.y, 0.05)
        self.cage = inside
        depth = np.sqrt(np.clip(1 - (1.6 * self.outward - 0.75) ** 2, 0.15, 1))
        self.depth = self.lungs * depth * (0.75 + 0.25 * np.clip(t * 2, 0, 1))
        self.thickness = np.zeros((rows, columns), dtype=np.float32)

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Column and row of a point of the chest's frame."""
        a, (rows, columns) = self.anatomy, self.anatomy.shape
        u = (x * math.cos(a.turn) - y * math.sin(a.turn)) * a.scale + a.shift[0]
        v = (y * math.cos(a.turn) + x * math.sin(a.turn)) * a.scale + a.shift[1]
        return (u + 1) / 2 * (columns - 1), (v + 1) / 2 * (rows - 1)

    def sketch(self) -> tuple[Canvas.Image, ImageDraw.ImageDraw]:
        """An empty canvas of the film's size."""
        canvas = Canvas.new("L", self.anatomy.shape[::-1])
        return canvas, ImageDraw.Draw(canvas)

    @staticmethod
    def traced(canvas: Canvas.Image, blur: float) -> FloatArray:
        """A finished sketch as 0..1."""
        return ndimage.gaussian_filter(np.asarray(canvas, dtype=np.float32) / 255, blur)

    def stroke(self, draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], value: float, width: float) -> None:
        """A line through points of the chest's frame; width in that frame."""
        pixels = max(1, round(width * HEIGHT / 2 * self.anatomy.scale))
        draw.line([self.pixel(*point) for point in points], fill=round(255 * value), width=pixels, joint="curve")

    # --- anatomy -------------------------------------------------------------------------------------------------

    def body(self) -> None:
        """Soft tissue: trunk, neck, shoulders, belly, breasts."""
        rng, x, y, across = self.rng, self.x, self.y, self.across
        self.fat = float(rng.uniform(0.0, 1.0))
        neck = 0.21 + 0.05 * self.fat
        shoulder = neck + (1.15 - neck) * np.clip((y + 0.95) / 0.55, 0, 1) ** 0.75
        trunk = self.anatomy.lung + 0.11 + 0.09 * self.fat + 0.05 * y
        axilla, spread = rng.uniform(-0.15, 0.10), rng.uniform(2.0, 7.0)
        arm = _step(axilla + spread * (across - trunk) - y, 0.05) * _step(shoulder - across, 0.03)
        self.skin = np.maximum(_step(np.minimum(trunk, shoulder) - across, 0.03), arm)
        outline = np.maximum(trunk, np.minimum(shoulder, 1.15))
        round_ = np.sqrt(np.clip(1.08 - (across / np.maximum(outline, 0.05)) ** 2, 0.02, 1))
        self.thickness += self.skin * round_ * (0.90 + 0.12 * y + 0.20 * self.fat)
        below = self.cage * _step(-self.above, 0.03)
        self.thickness += below * (0.12 + 0.10 * y)
        if rng.random() < 0.6:  # gas in the stomach
            gx, gy, size = rng.uniform(0.25, 0.42), self.anatomy.dome[1] + rng.uniform(0.10, 0.16), rng.uniform(0.05, 0.12)
            gas = 1 - ((x - gx) / (1.5 * size)) ** 2 - ((y - gy) / size) ** 2
            self.thickness -= rng.uniform(0.08, 0.25) * _step(gas, 0.6) * below
        if self.patient.sex == "F" and self.patient.age > 12:
            size = rng.uniform(0.20, 0.34)
            centre = rng.uniform(0.30, 0.42)
            r = ((across - 0.42) / (size * 1.05)) ** 2 + ((y - centre) / size) ** 2
            self.thickness += rng.uniform(0.06, 0.20) * np.sqrt(np.clip(1 - r, 0, 1)) * (0.5 + 0.5 * _step(y - centre, 0.3))
        self.thickness -= self.depth * (0.62 + 0.16 * self.signs["hyperinflation"])

    def middle(self) -> None:
        """Spine, mediastinum, trachea, aortic knob and heart."""
        rng, x, y, a, across = self.rng, self.x, self.y, self.anatomy, self.across
        discs = 0.5 + 0.5 * np.cos(2 * np.pi * y / (0.135 + 0.015 * y))
        column = _step(0.095 + 0.02 * y - across, 0.03)
        self.thickness += column * (rng.uniform(0.01, 0.06) + 0.05 * discs * _step(0.075 - across, 0.03))
        waist = 0.15 + 0.03 * np.clip(-0.35 - y, 0, 1)
        self.thickness += 0.14 * _step(waist - np.abs(x - 0.01), 0.10) * _step(0.9 - y, 0.3) * self.skin
        self.thickness -= 0.16 * _step(0.035 - np.abs(x + 0.01), 0.02) * _step(-0.28 - y, 0.06) * self.skin
        knob = (0.055 + 0.05 * min(1.0, self.patient.age / 70)) * rng.uniform(0.85, 1.15)
        arch = np.hypot((x - 0.10 - 0.4 * knob) / knob, (y + 0.30) / (1.15 * knob))
        self.thickness += 0.20 * _step(1 - arch, 0.25)
        floor = min(a.dome) + 0.06
        tilt = 0.50 - 0.25 * self.signs["hyperinflation"]
        dx, dy = x - a.axis, y - (floor - 0.62 * a.heart)
        along, over = dx * math.cos(tilt) + dy * math.sin(tilt), dy * math.cos(tilt) - dx * math.sin(tilt)
        thick = 0.86
        length = a.heart / math.sqrt(math.cos(tilt) ** 2 + (thick * math.sin(tilt)) ** 2)
        ellipse = 1 - (along / length) ** 2 - (over / (thick * length)) ** 2
        self.heart_area = ellipse > 0
        height = np.clip((y + 0.30) / (floor - 0.5 * a.heart + 0.30), 0, 1.2)
        right, left = 0.10 + (a.heart - a.axis - 0.10) * height**1.6, 0.13 + (a.heart + a.axis - 0.16) * height**1.9
        vessel = _step(np.where(self.left, left, right) - across, 0.04) * _step(y + 0.32, 0.15) * _step(floor - y, 0.05)
        self.thickness += 0.54 * np.maximum(0.75 * vessel, (0.75 + 0.25 * ellipse) * _step(ellipse, 0.12))

    def bones(self) -> None:
        """Ribs, clavicles, scapulae and upper arms."""
        rng, y, a, out = self.rng, self.y, self.anatomy, self.outward
        edge = np.clip(out, 0, 1)
        back = (y - a.slope * (0.15 * edge + 0.85 * edge**2.6)) / a.ribs + 0.3
        front = (y - a.slope * (1 + 1.15 * (1 - edge) ** 0.85)) / a.ribs + 0.3
        strength = self.cage * _step(1.04 - out, 0.06)
        strength = strength * (1 - 0.65 * _step(-self.above, 0.05))
        bone = 0.135 * rng.uniform(0.8, 1.25) * (1.2 if self.patient.age < 8 else 1.0)
        for course, gain, half in ((back, 1.0, 0.24), (front, 0.40 * _step(edge - 0.50, 0.3), 0.30)):
            off = np.abs(course - np.round(course)) / half
            self.thickness += bone * gain * strength * (_step(1 - off, 0.35) * (0.72 + 0.38 * np.minimum(off, 1) ** 3))
        self.thickness += 0.16 * self.skin * np.exp(-(((self.across - self.wall - 0.02) / 0.05) ** 2)) * _step(y - a.apex, 0.1)
        canvas, draw = self.sketch()
        rise = rng.uniform(-0.02, 0.10)
        for side in (-1, 1):
            s = np.linspace(0, 1, 12)
            collar = [(side * (0.07 + 0.62 * t), -0.50 - rise * t - 0.12 * t + 0.04 * np.sin(2 * np.pi * t)) for t in s]
            self.stroke(draw, collar, 0.75, 0.055)
            blade = [(0.66, -0.62), (0.93, -0.60), (0.80, -0.30), (0.66, 0.05), (0.60, -0.2)]
            draw.polygon([self.pixel(side * px, py) for px, py in blade], fill=70)
            self.stroke(draw, [(side * 0.60, -0.70), (side * 0.90, -0.66)], 0.5, 0.05)
            self.stroke(draw, [(side * 0.92, -0.62), (side * 1.02, -0.30), (side * 1.10, 0.3)], 0.9, 0.14)
        self.thickness += 0.20 * self.traced(canvas, 1.6) * self.skin

    def vessels(self) -> None:
        """Hila and the vessels that branch from them into the lungs."""
        rng, oedema = self.rng, self.signs["oedema"]
        canvas, draw = self.sketch()
        sparse = 1 - 0.5 * self.signs["hyperinflation"]

        def branch(x: float, y: float, angle: float, length: float, width: float, order: int) -> None:
            bend = rng.normal(0, 0.35)
            mid = (x + 0.5 * length * np.cos(angle), y + 0.5 * length * np.sin(angle))
            end = (mid[0] + 0.5 * length * np.cos(angle + bend), mid[1] + 0.5 * length * np.sin(angle + bend))
            self.stroke(draw, [(x, y), mid, end], min(1.0, 0.30 + 16 * width), width)
            if order:
                for turn in (rng.uniform(0.2, 0.6), -rng.uniform(0.2, 0.6)):
                    branch(*end, angle + bend + turn, length * rng.uniform(0.62, 0.85), width * 0.66, order - 1)

        for side, height in ((-1, 0.0), (1, -0.05)):
            for angle in np.linspace(-1.25, 1.35, 7) + rng.normal(0, 0.08, 7):
                heading = angle if side > 0 else np.pi - angle
                branch(side * 0.17, height, heading, rng.uniform(0.13, 0.20), 0.030 * (1 + 0.3 * oedema), 3)
        tree = self.traced(canvas, 0.8 + 1.0 * oedema)
        self.thickness += 0.17 * sparse * (1 + 0.5 * oedema) * tree * np.sqrt(self.lungs)
        for side, height in ((-1, 0.02), (1, -0.04)):
            r = ((self.x - side * 0.20) / 0.085) ** 2 + ((self.y - height) / 0.15) ** 2
            self.thickness += rng.uniform(0.10, 0.18) * np.exp(-r)

    # --- disease -------------------------------------------------------------------------------------------------

    def consolidation(self) -> None:
        """Textured patches of filled lung, some ending at a fissure, with traces of air-filled bronchi."""
        strength, rng = self.signs["consolidation"], self.rng
        if not strength:
            return
        side, lobar = float(rng.choice((-1, 1))), rng.random() < 0.5
        patches = 1 if lobar else int(rng.integers(2, 5))
        mask = np.zeros_like(self.x)
        for _ in range(patches):
            where = side if lobar or rng.random() < 0.6 else -side
            cx, cy = where * rng.uniform(0.28, 0.50), rng.uniform(-0.35, 0.40)
            size = (0.16 + 0.16 * strength) * (1.25 if lobar else 0.75) * rng.uniform(0.85, 1.2)
            r = ((self.x - cx) / size) ** 2 + ((self.y - cy) / (1.15 * size)) ** 2
            patch = np.exp(-(r**1.3))
            if lobar:
                patch *= _step((self.y - cy) * float(rng.choice((-1, 1))) + 0.6 * size + 0.1 * (self.across - 0.4), 0.04)
            mask = np.maximum(mask, patch)
        mask *= np.clip(0.85 + 0.35 * _clouds(rng, mask.shape, 14) + 0.18 * _clouds(rng, mask.shape, 40), 0.1, 1.5)
        canvas, draw = self.sketch()
        for _ in range(5):
            y0, angle = rng.uniform(-0.05, 0.15), rng.uniform(-0.9, 1.0)
            reach = [(side * (0.18 + t * np.cos(angle)), y0 + t * np.sin(angle)) for t in (0.0, 0.15, 0.32, 0.42)]
            self.stroke(draw, reach, 0.9, 0.014)
        filled = mask * np.clip(self.depth + 0.25 * self.lungs, 0, 1)
        self.thickness += (0.06 + 0.60 * strength) * filled * (1 - 0.45 * self.traced(canvas, 0.9))

    def oedema(self) -> None:
        """Haze around the hila in both lungs, thick septal lines (Kerley B) at the lower edges."""
        strength, rng = self.signs["oedema"], self.rng
        if not strength:
            return
        wings = np.exp(-((((self.across - 0.24) / 0.24) ** 2 + ((self.y - 0.05) / 0.38) ** 2) ** 1.2))
        wings *= np.clip(0.8 + 0.3 * _clouds(rng, wings.shape, 12) + 0.3 * _clouds(rng, wings.shape, 45), 0.1, 2)
        self.thickness += (0.04 + 0.40 * strength) * wings * self.lungs
        self.thickness += 0.12 * strength * self.lungs * _step(self.y - 0.1, 0.6)
        canvas, draw = self.sketch()
        for side in (-1, 1):
            for _ in range(round(4 + 8 * strength)):
                y = rng.uniform(0.05, 0.42)
                x = self.anatomy.lung * rng.uniform(0.86, 0.96)
                self.stroke(draw, [(side * x, y), (side * (x - rng.uniform(0.04, 0.09)), y + 0.01)], 0.9, 0.006)
        self.thickness += 0.14 * strength * self.traced(canvas, 0.6) * self.lungs

    def effusion(self) -> None:
        """Fluid that blunts the costophrenic angle and climbs the wall in a meniscus."""
        strength, rng = self.signs["effusion"], self.rng
        if not strength:
            return
        sides = (True, False) if self.signs["oedema"] else (bool(rng.random() < 0.5),)
        for i, left in enumerate(sides):
            amount = strength * (1.0 if i == 0 else rng.uniform(0.4, 0.9))
            level = self.anatomy.dome[int(left)] + self.anatomy.curve + 0.02 - (0.08 + 0.58 * amount)
            surface = level + (0.10 + 0.10 * amount) * (1 - np.clip(self.outward, 0, 1) ** 3.0)
            fluid = _step(self.y - surface, 0.07) * (self.left == left)
            self.thickness += (0.48 + 0.12 * amount) * fluid * self.depth

    def atelectasis(self) -> None:
        """Plate-like bands at a base; the diaphragm on that side stands higher."""
        strength, rng = self.signs["atelectasis"], self.rng
        if not strength:
            return
        side = -1 if self.anatomy.dome[0] + 0.05 < self.anatomy.dome[1] - 0.02 else 1
        canvas, draw = self.sketch()
        for _ in range(int(rng.integers(1, 4))):
            x, y = rng.uniform(0.24, 0.32), self.anatomy.dome[int(side > 0)] - rng.uniform(0.05, 0.22)
            length, fall = rng.uniform(0.18, 0.34), rng.uniform(-0.05, 0.10)
            band = [(side * x, y), (side * (x + length / 2), y + fall / 2 - 0.01), (side * (x + length), y + fall)]
            self.stroke(draw, band, 0.9, 0.018 + 0.045 * strength)
        self.thickness += (0.08 + 0.50 * strength) * self.traced(canvas, 1.8) * self.lungs

    # --- film ----------------------------------------------------------------------------------------------------

    def expose(self) -> FloatArray:
        """Scatter, exposure curve, grain, collimation and side marker."""
        rng, (rows, columns) = self.rng, self.anatomy.shape
        fine = self.thickness + 0.012 * _clouds(rng, (rows, columns), 90) * self.skin
        scatter = _resized(ndimage.gaussian_filter(_resized(fine, (rows // 8, columns // 8)), 5), (rows, columns))
        beam = 0.82 * ndimage.gaussian_filter(fine, rng.uniform(0.5, 0.9)) + 0.18 * scatter
        centre, gain = rng.normal(0.62, 0.05), rng.uniform(2.8, 4.2)
        film = 1 / (1 + np.exp(-gain * (beam - centre)))
        film += rng.uniform(0.006, 0.016) * (0.5 + film) * rng.standard_normal((rows, columns))
        if rng.random() < 0.5:
            self._collimate(film)
        self._mark(film)
        return np.clip(film, 0, 1).astype(np.float32)

    def _collimate(self, film: FloatArray) -> None:
        rows, columns = film.shape
        top, bottom, left, right = (int(n) for n in self.rng.integers(0, 14, 4))
        frame = np.ones_like(film, dtype=bool)
        frame[top : rows - bottom, left : columns - right] = False
        film[frame] = self.rng.uniform(0.0, 0.04)

    def _mark(self, film: FloatArray) -> None:
        rng, (rows, columns) = self.rng, film.shape
        letter = str(rng.choice(("R", "L")))
        canvas = Canvas.new("L", (columns, rows))
        near, height = int(rng.integers(14, 34)), int(rng.integers(16, 46))
        at = (near if letter == "R" else columns - near - 16, height)
        ImageDraw.Draw(canvas).text(at, letter, fill=255, font=ImageFont.load_default(size=int(rng.integers(15, 24))))
        ink = np.asarray(canvas, dtype=np.float32) / 255
        film += (rng.uniform(0.85, 1.0) - film) * ink


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
    chest = _Chest(patient, signs, rng)
    chest.body()
    chest.vessels()
    chest.middle()
    chest.bones()
    chest.consolidation()
    chest.oedema()
    chest.atelectasis()
    chest.effusion()
    return Drawing(chest.expose(), chest.anatomy, chest.heart_area, chest.lungs)
