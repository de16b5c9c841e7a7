"""Pictures that are no chest film: (H, W) float32 in 0..1, drawn or cut out of carried sample pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image as Raster
from PIL import ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from multimodal.datasets.foreign.samples import photographs, slices
from multimodal.datasets.foreign.words import sentence

Picture = npt.NDArray[np.float32]
Draw = Callable[[np.random.Generator], Picture]
_SIDE = 320


def photograph(rng: np.random.Generator) -> Picture:
    """A part of a photograph that scikit-learn or matplotlib carries."""
    return _part(rng, photographs()[rng.integers(len(photographs()))])


def real_slice(rng: np.random.Generator) -> Picture:
    """A CT or MR slice that pydicom or matplotlib carries."""
    return _part(rng, slices()[rng.integers(len(slices()))], least=0.8)


def scene(rng: np.random.Generator) -> Picture:
    """Discs and boxes that hide each other, as things do in a photograph.

    The dead leaves model, whose edges and scales are those of natural pictures (Lee, Mumford and Huang,
    "Occlusion models for natural images", IJCV 2001).
    """
    picture, draw = _canvas(int(255 * rng.random()))
    for size in np.sort(0.5 * _SIDE / (1 + 40 * rng.random(rng.integers(60, 400))))[::-1]:
        x, y = rng.uniform(0, _SIDE, 2)
        box = (x - size, y - size * rng.uniform(0.3, 1), x + size, y + size)
        shape = draw.ellipse if rng.random() < 0.6 else draw.rectangle
        shape(box, fill=int(rng.uniform(0, 255)))
    return _shaded(rng, _grey(picture))


def document(rng: np.random.Generator) -> Picture:
    """A scanned page of print."""
    dark_on_light = rng.random() < 0.8
    picture, draw = _canvas(245 if dark_on_light else 10)
    ink, size, y = (20 if dark_on_light else 240), int(rng.integers(8, 16)), int(rng.integers(8, 30))
    font = ImageFont.load_default(size)
    left = int(rng.integers(10, 50))
    while y < _SIDE - size:
        if rng.random() > 0.12:
            draw.text((left, y), sentence(rng)[: int(rng.integers(15, 60))], fill=ink, font=font)
        y += round(size * rng.uniform(1.2, 1.6))
    if rng.random() < 0.5:
        draw.text((left, 4), sentence(rng)[:18].upper(), fill=ink, font=ImageFont.load_default(size + 8))
    tilted = picture.rotate(rng.uniform(-3, 3), fillcolor=245 if dark_on_light else 10)
    return _grained(rng, _grey(tilted), 0.02)


def chart(rng: np.random.Generator) -> Picture:
    """A plot with axes: bars, a line or points."""
    picture, draw = _canvas(255)
    draw.line((40, 20, 40, 280, 300, 280), fill=0, width=2)
    kind, n = rng.integers(3), int(rng.integers(4, 24))
    xs, ys = np.linspace(50, 290, n), 280 - 240 * rng.random(n)
    if kind == 0:
        for x, y in zip(xs, ys, strict=True):
            draw.rectangle((x, y, x + 170 / n, 280), fill=int(rng.uniform(40, 200)))
    elif kind == 1:
        for line in range(rng.integers(1, 4)):
            walk = 280 - np.clip(np.cumsum(rng.normal(3, 25, n)) + 60 * line, 0, 250)
            draw.line([*zip(xs, walk, strict=True)], fill=int(rng.uniform(0, 160)), width=3)
    else:
        for x, y in zip(50 + 240 * rng.random(8 * n), 280 - 240 * rng.random(8 * n), strict=True):
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=60)
    for tick in range(50, 300, 50):
        draw.text((tick, 288), f"{tick // 10}", fill=0)
        draw.text((12, tick), f"{300 - tick}", fill=0)
    return _grey(picture)


def screenshot(rng: np.random.Generator) -> Picture:
    """A window of a program: bars, boxes, buttons and short texts."""
    dark = rng.random() < 0.4
    back, ink = (30, 220) if dark else (245, 30)
    picture, draw = _canvas(back)
    draw.rectangle((0, 0, _SIDE, int(rng.integers(16, 40))), fill=int(rng.uniform(60, 200)))
    draw.rectangle((0, 40, int(rng.integers(40, 110)), _SIDE), fill=int(np.clip(back + rng.uniform(-25, 25), 0, 255)))
    for _ in range(rng.integers(4, 14)):
        x, y = rng.uniform(80, 260), rng.uniform(50, 290)
        draw.rounded_rectangle((x, y, x + rng.uniform(30, 120), y + rng.uniform(12, 50)), 4, outline=ink, width=1)
        draw.text((x + 4, y + 2), sentence(rng)[: int(rng.integers(4, 18))], fill=ink)
    return _grey(picture)


def trace(rng: np.random.Generator) -> Picture:
    """A strip of electrocardiogram on its grid."""
    picture, draw = _canvas(250)
    step = int(rng.integers(6, 14))
    for at in range(0, _SIDE, step):
        tone = 190 if at % (5 * step) == 0 else 225
        draw.line((at, 0, at, _SIDE), fill=tone)
        draw.line((0, at, _SIDE, at), fill=tone)
    x = np.arange(_SIDE)
    for row in np.linspace(40, 280, rng.integers(2, 6)):
        beat = (x / rng.uniform(35, 80)) % 1
        wave = sum(
            a * np.exp(-(((beat - m) / w) ** 2)) for a, m, w in ((0.15, 0.2, 0.04), (1, 0.4, 0.015), (0.3, 0.65, 0.06))
        )
        heights = row - rng.uniform(15, 40) * wave
        draw.line([(float(at), float(height)) for at, height in zip(x, heights, strict=True)], fill=15, width=1)
    return _grained(rng, _grey(picture), 0.01)


def hand(rng: np.random.Generator) -> Picture:
    """A film of a hand: five rays of bones in soft tissue."""
    tissue, bones = _field(), _field()
    wrist = np.array([160 + rng.uniform(-15, 15), 300.0])
    for ray, angle in enumerate(np.radians([-52, -20, -3, 13, 30]) + rng.normal(0, 0.04, 5)):
        direction = np.array([np.sin(angle), -np.cos(angle)])
        lengths = np.array((45, 40, 32) if ray == 0 else (75, 48, 30, 20)) * rng.uniform(0.85, 1.1)
        start = wrist + 40 * direction
        for number, length in enumerate(lengths):
            end = start + length * direction
            width = 8.5 - 1.4 * number
            _bone(bones, start, end, width)
            _bone(tissue, start, end, 2.3 * width)
            start = end + 5 * direction
    for _ in range(8):
        carpal = wrist + rng.uniform((-35, -42), (35, -12))
        _bone(bones, carpal, carpal, 11)
    _bone(bones, _at(wrist, -18, 0), _at(wrist, -20, 60), 13)
    _bone(bones, _at(wrist, 20, 4), _at(wrist, 22, 60), 9)
    _bone(tissue, _at(wrist, 0, -30), _at(wrist, 0, 60), 48)
    return _film(rng, tissue, bones)


def knee(rng: np.random.Generator) -> Picture:
    """A film of a knee, an elbow or another hinge of two long bones."""
    tissue, bones = _field(), _field()
    middle, gap, width = 160 + rng.uniform(-20, 20), rng.uniform(6, 14), rng.uniform(26, 42)
    bend = rng.uniform(-30, 30)
    upper, lower = np.array([middle + bend, -40.0]), np.array([middle - bend, 380.0])
    joint = np.array([middle, 165.0])
    for side in (-1, 1):
        _bone(
            bones,
            _at(joint, side * 0.8 * width, -24 - gap / 2),
            _at(joint, side * 0.8 * width, -22 - gap / 2),
            0.8 * width,
        )
        _bone(
            bones,
            _at(joint, side * 0.8 * width, 16 + gap / 2),
            _at(joint, side * 0.8 * width, 20 + gap / 2),
            0.75 * width,
        )
    _bone(bones, _at(joint, 0, -40), upper, 0.62 * width)
    _bone(bones, _at(joint, 0, 40), lower, 0.55 * width)
    if rng.random() < 0.7:
        _bone(bones, _at(joint, 1.4 * width, 60), _at(lower, 1.3 * width, 0), 0.25 * width)
        _bone(bones, _at(joint, 0, -45), _at(joint, 0, -30), 0.7 * width)
    _bone(tissue, upper, joint, 2.4 * width)
    _bone(tissue, joint, lower, 2.1 * width)
    return _film(rng, tissue, bones)


def skull(rng: np.random.Generator) -> Picture:
    """A film of a skull: a bright ring with a face below."""
    y, x = _grid()
    a, b = rng.uniform(90, 125), rng.uniform(100, 130)
    radius = np.hypot((x - 160) / a, (y - 140) / b)
    picture = 0.5 * (radius < 1) + 0.5 * np.exp(-(((radius - 0.97) / 0.04) ** 2))
    for cx in (120, 200):
        picture -= 0.25 * np.exp(-((((x - cx) / 24) ** 2 + ((y - 185) / 20) ** 2) ** 2))
    picture += 0.35 * np.exp(-((((x - 160) / 55) ** 2 + ((y - 255) / 38) ** 2) ** 2))
    for tooth in range(110, 212, 14):
        picture += 0.3 * np.exp(-((((x - tooth) / 5) ** 2 + ((y - 262) / 14) ** 2) ** 2))
    return _shaded(rng, gaussian_filter(picture, 1.5))


def ct_slice(rng: np.random.Generator) -> Picture:
    """An axial CT slice, drawn: a trunk with two lungs and a spine, or a belly without lungs."""
    y, x = _grid()
    a, b = rng.uniform(115, 145), rng.uniform(80, 105)
    body = np.hypot((x - 160) / a, (y - 160) / b)
    picture = 0.45 * (body < 1) + 0.12 * (np.abs(body - 0.95) < 0.05)
    chest = rng.random() < 0.6
    for side in (-1, 1):
        organ = np.hypot((x - 160 - side * 0.48 * a) / (0.36 * a), (y - 155) / (0.62 * b))
        picture = np.where(organ < 1, 0.05 if chest else 0.55, picture)
    picture = np.where(np.hypot((x - 160) / 20, (y - 160 - 0.6 * b) / 18) < 1, 0.95, picture)
    for angle in np.linspace(0, 2 * np.pi, 14):
        rib = np.hypot(x - 160 - 0.9 * a * np.cos(angle), y - 160 - 0.88 * b * np.sin(angle))
        picture = np.where(rib < 6, 0.9, picture)
    for _ in range(rng.integers(5, 30)):
        cx, cy = rng.uniform(80, 240), rng.uniform(100, 220)
        spot = np.hypot(x - cx, y - cy) < rng.uniform(2, 12)
        picture = np.where(spot & (body < 0.9), rng.uniform(0.3, 0.7), picture)
    return _grained(rng, gaussian_filter(picture, 1.0), 0.04)


def mr_slice(rng: np.random.Generator) -> Picture:
    """A slice of a head, drawn: scalp, dark skull, folded cortex, ventricles."""
    y, x = _grid()
    a, b = rng.uniform(95, 115), rng.uniform(115, 140)
    r = np.hypot((x - 160) / a, (y - 160) / b)
    folds = gaussian_filter(rng.normal(size=r.shape), 5)
    folds = folds / folds.std()
    picture = np.where(r < 0.86, 0.55 + 0.12 * np.sign(folds) * np.clip(r - 0.2, 0, 1), 0.0)
    picture += 0.8 * np.exp(-(((r - 0.97) / 0.03) ** 2))
    for side in (-1, 1):
        ventricle = np.hypot((x - 160 - side * 16) / 10, (y - 150) / 34)
        picture = np.where(ventricle < 1, rng.choice((0.1, 0.95)), picture)
    return _grained(rng, gaussian_filter(picture, 1.2), 0.03)


def ultrasound(rng: np.random.Generator) -> Picture:
    """A sector of speckle with dark hollows."""
    y, x = _grid()
    depth, angle = np.hypot(x - 160, y - 5), np.arctan2(x - 160, y - 5)
    speckle = gaussian_filter(rng.rayleigh(1, depth.shape), (1, 2.5))
    picture = speckle * (0.6 + 0.4 * gaussian_filter(rng.normal(size=depth.shape), 20) * 20)
    for _ in range(rng.integers(1, 4)):
        cx, cy = rng.uniform(100, 220), rng.uniform(90, 240)
        picture = np.where(np.hypot((x - cx) / rng.uniform(15, 45), (y - cy) / rng.uniform(12, 35)) < 1, 0.05, picture)
    return _unit(np.where((np.abs(angle) < rng.uniform(0.5, 0.75)) & (depth < 300), picture, 0))


def noise(rng: np.random.Generator) -> Picture:
    """White noise, or noise of one grain size."""
    picture = rng.normal(size=(_SIDE, _SIDE))
    grain = rng.choice((0.0, 1.0, 2.0, 4.0))
    return _unit(gaussian_filter(picture, grain) if grain else picture)


def clouds(rng: np.random.Generator) -> Picture:
    """Noise whose power falls with frequency, as in clouds."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(_SIDE), np.fft.rfftfreq(_SIDE), indexing="ij"))
    spectrum = np.fft.rfft2(rng.normal(size=(_SIDE, _SIDE))) / np.maximum(frequency, 1 / _SIDE) ** rng.uniform(0.8, 2)
    return _unit(np.fft.irfft2(spectrum, s=(_SIDE, _SIDE)))


def gradient(rng: np.random.Generator) -> Picture:
    """A ramp, a disc of light or a vignette."""
    y, x = _grid()
    turn = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(turn) * x + np.sin(turn) * y
    glow = np.hypot(x - rng.uniform(60, 260), y - rng.uniform(60, 260))
    return _unit(ramp if rng.random() < 0.5 else np.exp(-((glow / rng.uniform(60, 200)) ** 2)))


def pattern(rng: np.random.Generator) -> Picture:
    """A woven, striped, checked or barred surface."""
    y, x = _grid()
    turn, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
    u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    waves = np.sin(2 * np.pi * u / period), np.sin(2 * np.pi * v / (period * rng.uniform(0.5, 2)))
    kind = rng.integers(4)
    picture = (waves[0], waves[0] * waves[1], np.sign(waves[0] * waves[1]), np.sign(waves[0] + 0.3))[kind]
    return _shaded(rng, picture)


FILMS: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        *(photograph, scene, document, chart, screenshot, trace),
        *(hand, knee, skull, real_slice, ct_slice, mr_slice, ultrasound),
        *(noise, clouds, gradient, pattern),
    )
}
"""Kind -> how it is drawn."""


@lru_cache(maxsize=1)
def _grid() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32)
    return y, x


def _field() -> Picture:
    return np.zeros((_SIDE, _SIDE), np.float32)


def _at(point: npt.NDArray[Any], dx: float, dy: float) -> npt.NDArray[Any]:
    moved: npt.NDArray[Any] = point + np.array([dx, dy])
    return moved


def _bone(field: Picture, start: npt.ArrayLike, end: npt.ArrayLike, width: float) -> None:
    """Add what a rod between two (x, y) points takes from the beam: thickest along its axis."""
    first = np.asarray(start, float)
    along = np.asarray(end, float) - first
    left, top = (max(0, int(min(first[i], first[i] + along[i]) - width)) for i in (0, 1))
    right, bottom = (max(0, int(max(first[i], first[i] + along[i]) + width) + 2) for i in (0, 1))
    near = slice(top, bottom), slice(left, right)
    y, x = (axis[near] for axis in _grid())
    share = ((x - first[0]) * along[0] + (y - first[1]) * along[1]) / max(1e-6, float(along @ along))
    share = share.clip(0, 1)
    distance = np.hypot(x - first[0] - share * along[0], y - first[1] - share * along[1])
    field[near] = np.maximum(field[near], np.sqrt((1 - (distance / width) ** 2).clip(0)))


def _film(rng: np.random.Generator, tissue: Picture, bones: Picture) -> Picture:
    picture = 0.35 * tissue + rng.uniform(0.4, 0.7) * bones
    return _grained(rng, gaussian_filter(picture, rng.uniform(0.6, 1.5)), 0.015)


def _shaded(rng: np.random.Generator, picture: npt.NDArray[Any]) -> Picture:
    """Under uneven light."""
    light = Raster.fromarray(rng.normal(1, 0.15, (5, 5)).astype(np.float32))
    return _grained(rng, picture * np.asarray(light.resize((_SIDE, _SIDE), Raster.Resampling.BICUBIC)), 0.01)


def _grained(rng: np.random.Generator, picture: npt.NDArray[Any], grain: float) -> Picture:
    return _unit(picture + rng.normal(0, grain, picture.shape))


def _unit(picture: npt.NDArray[Any]) -> Picture:
    low, high = np.percentile(picture, [0.2, 99.8])
    scaled: Picture = ((picture - low) / max(1e-6, high - low)).clip(0, 1).astype(np.float32)
    return scaled


def _canvas(tone: int) -> tuple[Raster.Image, ImageDraw.ImageDraw]:
    picture = Raster.new("L", (_SIDE, _SIDE), tone)
    return picture, ImageDraw.Draw(picture)


def _grey(picture: Raster.Image) -> Picture:
    return cast("Picture", np.asarray(picture, np.float32) / 255)


def _part(rng: np.random.Generator, whole: Picture, least: float = 0.35) -> Picture:
    """A random part, mirrored or not, of a picture; its contrast changed."""
    height, width = whole.shape
    side = int(rng.uniform(least, 1) * min(height, width))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    part = whole[top : top + side, left : left + side]
    part = part[:, ::-1] if rng.random() < 0.5 else part
    return (part ** rng.uniform(0.6, 1.6)).astype(np.float32)
