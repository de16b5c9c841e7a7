"""A healthy chest: thicknesses of tissue added up along the beam, in the chest's own frame.

``x`` runs from -1 (the patient's right, the viewer's left) to 1, ``y`` from -1 (top) to 1.
Everything adds attenuation; the lungs take it away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image as Canvas
from PIL import ImageDraw
from scipy import ndimage

from multimodal.phantom.anatomy import HEIGHT, draw_anatomy
from multimodal.phantom.patient import Generator, PhantomPatient

FloatArray = npt.NDArray[np.float32]


def step(values: npt.NDArray[np.floating], width: float) -> FloatArray:
    """0 to 1 across zero, over about ``width``."""
    t = np.clip(values * (1 / (1.5 * width)) + 0.5, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def resized(field: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Bicubic resampling to ``shape``."""
    return np.asarray(Canvas.fromarray(field).resize(shape[::-1], Canvas.Resampling.BICUBIC), dtype=np.float32)


def clouds(rng: Generator, shape: tuple[int, int], cells: int) -> FloatArray:
    """Smooth random texture with zero mean and unit spread."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    texture = resized(coarse, shape)
    return np.asarray((texture - texture.mean()) / texture.std(), np.float32)


class Chest:
    """One chest on its way to the film.

    Attributes:
        patient, signs, rng: What is drawn, how strongly, and the stream of the drawing.
        anatomy: Its proportions.
        x, y: (H, W) place of every pixel in the chest's frame.
        across: Distance from the midline.
        left: Whether on the patient's left.
        wall: Half-width of the rib cage at that height.
        outward: ``across`` as a share of ``wall``.
        above: Height over the diaphragm.
        cage: 0..1, within the ribs.
        lungs: 0..1, aerated lung.
        depth: 0..1, how much lung the beam crosses.
        skin: 0..1, within the body.
        heart: bool, within the heart.
        thickness: Attenuation so far.
    """

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
        self.above = dome - self.y
        inside = step(self.wall - self.across, 0.03) * step(self.y - a.apex, 0.05)
        self.lungs = inside * step(self.above, 0.025) * step(self.across - 0.13 + 0.04 * self.y, 0.05)
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
        return np.asarray(ndimage.gaussian_filter(np.asarray(canvas, dtype=np.float32) / 255, blur))

    def stroke(self, draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], value: float, width: float) -> None:
        """A line through points of the chest's frame; width in that frame."""
        pixels = max(1, round(width * HEIGHT / 2 * self.anatomy.scale))
        draw.line([self.pixel(*point) for point in points], fill=round(255 * value), width=pixels, joint="curve")

    def add_body(self) -> None:
        """Soft tissue: trunk, neck, shoulders, belly, breasts."""
        rng, x, y, across = self.rng, self.x, self.y, self.across
        fat = rng.random()
        neck = 0.21 + 0.05 * fat
        shoulder = neck + (1.15 - neck) * np.clip((y + 0.95) / 0.55, 0, 1) ** 0.75
        trunk = self.anatomy.lung + 0.11 + 0.09 * fat + 0.05 * y
        axilla, spread = rng.uniform(-0.15, 0.10), rng.uniform(2.0, 7.0)
        arm = step(axilla + spread * (across - trunk) - y, 0.05) * step(shoulder - across, 0.03)
        self.skin = np.maximum(step(np.minimum(trunk, shoulder) - across, 0.03), arm)
        outline = np.maximum(trunk, np.minimum(shoulder, 1.15))
        round_ = np.sqrt(np.clip(1.08 - (across / np.maximum(outline, 0.05)) ** 2, 0.02, 1))
        self.thickness += self.skin * round_ * (0.90 + 0.12 * y + 0.20 * fat)
        below = self.cage * step(-self.above, 0.03)
        self.thickness += below * (0.12 + 0.10 * y)
        if rng.random() < 0.6:  # gas in the stomach
            size, middle = rng.uniform(0.05, 0.12), rng.uniform(0.25, 0.42)
            low = y - self.anatomy.dome[1] - rng.uniform(0.10, 0.16)
            gas = 1 - ((x - middle) / (1.5 * size)) ** 2 - (low / size) ** 2
            self.thickness -= rng.uniform(0.08, 0.25) * step(gas, 0.6) * below
        if self.patient.sex == "F" and self.patient.age > 12:
            size = rng.uniform(0.20, 0.34)
            centre = rng.uniform(0.30, 0.42)
            r = ((across - 0.42) / (size * 1.05)) ** 2 + ((y - centre) / size) ** 2
            dense = rng.uniform(0.06, 0.20) * np.sqrt(np.clip(1 - r, 0, 1))
            self.thickness += dense * (0.5 + 0.5 * step(y - centre, 0.3))
        self.thickness -= self.depth * (0.62 + 0.16 * self.signs["hyperinflation"])

    def add_middle(self) -> None:
        """Spine, mediastinum, trachea, aortic knob and heart."""
        rng, x, y, a, across = self.rng, self.x, self.y, self.anatomy, self.across
        discs = 0.5 + 0.5 * np.cos(2 * np.pi * y / (0.135 + 0.015 * y))
        column = step(0.095 + 0.02 * y - across, 0.03)
        self.thickness += column * (rng.uniform(0.01, 0.06) + 0.05 * discs * step(0.075 - across, 0.03))
        waist = 0.15 + 0.03 * np.clip(-0.35 - y, 0, 1)
        self.thickness += 0.14 * step(waist - np.abs(x - 0.01), 0.10) * step(0.9 - y, 0.3) * self.skin
        self.thickness -= 0.16 * step(0.035 - np.abs(x + 0.01), 0.02) * step(-0.28 - y, 0.06) * self.skin
        knob = (0.055 + 0.05 * min(1.0, self.patient.age / 70)) * rng.uniform(0.85, 1.15)
        arch = np.hypot((x - 0.10 - 0.4 * knob) / knob, (y + 0.30) / (1.15 * knob))
        self.thickness += 0.20 * step(1 - arch, 0.25)
        floor = min(a.dome) + 0.06
        tilt = 0.50 - 0.25 * self.signs["hyperinflation"]
        dx, dy = x - a.axis, y - (floor - 0.62 * a.heart)
        along, over = dx * math.cos(tilt) + dy * math.sin(tilt), dy * math.cos(tilt) - dx * math.sin(tilt)
        thick = 0.86
        length = a.heart / math.sqrt(math.cos(tilt) ** 2 + (thick * math.sin(tilt)) ** 2)
        ellipse = 1 - (along / length) ** 2 - (over / (thick * length)) ** 2
        self.heart = ellipse > 0
        height = np.clip((y + 0.30) / (floor - 0.5 * a.heart + 0.30), 0, 1.2)
        swell = height**1.3
        right, left = 0.10 + (a.heart - a.axis - 0.10) * swell, 0.13 + (a.heart + a.axis - 0.15) * swell
        vessels = step(np.where(self.left, left, right).astype(np.float32) - across, 0.04)
        vessels = vessels * step(y + 0.32, 0.15) * step(floor - y, 0.05)
        shadow = np.maximum(0.80 * vessels, (0.78 + 0.22 * ellipse) * step(ellipse, 0.12))
        self.thickness += 0.54 * shadow * (0.15 + 0.85 * step(self.above, 0.04))

    def add_bones(self) -> None:
        """Ribs, clavicles, scapulae and upper arms."""
        rng, y, a, out = self.rng, self.y, self.anatomy, self.outward
        edge = np.clip(out, 0, 1)
        back = (y - a.slope * (0.15 * edge + 0.85 * edge**2.6)) / a.ribs + 0.3
        front = (y - a.slope * (1 + 1.15 * (1 - edge) ** 0.85)) / a.ribs + 0.3
        strength = self.cage * step(1.04 - out, 0.06)
        strength = strength * (1 - 0.65 * step(-self.above, 0.05))
        bone = 0.135 * rng.uniform(0.8, 1.25) * (1.2 if self.patient.age < 8 else 1.0)
        for course, gain, half in ((back, 1.0, 0.24), (front, 0.40 * step(edge - 0.50, 0.3), 0.30)):
            off = np.abs(course - np.round(course)) / half
            self.thickness += bone * gain * strength * (step(1 - off, 0.35) * (0.72 + 0.38 * np.minimum(off, 1) ** 3))
        self.thickness += (
            0.16 * self.skin * np.exp(-(((self.across - self.wall - 0.02) / 0.05) ** 2)) * step(y - a.apex, 0.1)
        )
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

    def add_vessels(self) -> None:
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
