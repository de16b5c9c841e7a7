"""Other parts of the body, and chests seen by other means: no frontal film of a chest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from multimodal.datasets.foreign.films.canvas import SIDE, Picture, cut, grained, grid, shaded, stretched
from multimodal.datasets.foreign.samples import slices


def real_slice(rng: np.random.Generator) -> Picture:
    """A CT or MR slice that pydicom or matplotlib carries."""
    return cut(rng, slices()[rng.integers(len(slices()))], least=0.8)


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
    y, x = grid()
    a, b = rng.uniform(90, 125), rng.uniform(100, 130)
    radius = np.hypot((x - 160) / a, (y - 140) / b)
    picture = 0.5 * (radius < 1) + 0.5 * np.exp(-(((radius - 0.97) / 0.04) ** 2))
    for cx in (120, 200):
        picture -= 0.25 * np.exp(-((((x - cx) / 24) ** 2 + ((y - 185) / 20) ** 2) ** 2))
    picture += 0.35 * np.exp(-((((x - 160) / 55) ** 2 + ((y - 255) / 38) ** 2) ** 2))
    for tooth in range(110, 212, 14):
        picture += 0.3 * np.exp(-((((x - tooth) / 5) ** 2 + ((y - 262) / 14) ** 2) ** 2))
    return shaded(rng, gaussian_filter(picture, 1.5))


def ct_slice(rng: np.random.Generator) -> Picture:
    """An axial CT slice, drawn: a trunk with two lungs and a spine, or a belly without lungs."""
    y, x = grid()
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
    return grained(rng, gaussian_filter(picture, 1.0), 0.04)


def mr_slice(rng: np.random.Generator) -> Picture:
    """A slice of a head, drawn: scalp, dark skull, folded cortex, ventricles."""
    y, x = grid()
    a, b = rng.uniform(95, 115), rng.uniform(115, 140)
    r = np.hypot((x - 160) / a, (y - 160) / b)
    folds = gaussian_filter(rng.normal(size=r.shape), 5)
    folds = folds / folds.std()
    picture = np.where(r < 0.86, 0.55 + 0.12 * np.sign(folds) * np.clip(r - 0.2, 0, 1), 0.0)
    picture += 0.8 * np.exp(-(((r - 0.97) / 0.03) ** 2))
    for side in (-1, 1):
        ventricle = np.hypot((x - 160 - side * 16) / 10, (y - 150) / 34)
        picture = np.where(ventricle < 1, rng.choice((0.1, 0.95)), picture)
    return grained(rng, gaussian_filter(picture, 1.2), 0.03)


def ultrasound(rng: np.random.Generator) -> Picture:
    """A sector of speckle with dark hollows."""
    y, x = grid()
    depth, angle = np.hypot(x - 160, y - 5), np.arctan2(x - 160, y - 5)
    speckle = gaussian_filter(rng.rayleigh(1, depth.shape), (1, 2.5))
    picture = speckle * (0.6 + 0.4 * gaussian_filter(rng.normal(size=depth.shape), 20) * 20)
    for _ in range(rng.integers(1, 4)):
        cx, cy = rng.uniform(100, 220), rng.uniform(90, 240)
        picture = np.where(np.hypot((x - cx) / rng.uniform(15, 45), (y - cy) / rng.uniform(12, 35)) < 1, 0.05, picture)
    return stretched(np.where((np.abs(angle) < rng.uniform(0.5, 0.75)) & (depth < 300), picture, 0))


def _field() -> Picture:
    return np.zeros((SIDE, SIDE), np.float32)


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
    y, x = (axis[near] for axis in grid())
    share = ((x - first[0]) * along[0] + (y - first[1]) * along[1]) / max(1e-6, float(along @ along))
    share = share.clip(0, 1)
    distance = np.hypot(x - first[0] - share * along[0], y - first[1] - share * along[1])
    field[near] = np.maximum(field[near], np.sqrt((1 - (distance / width) ** 2).clip(0)))


def _film(rng: np.random.Generator, tissue: Picture, bones: Picture) -> Picture:
    picture = 0.35 * tissue + rng.uniform(0.4, 0.7) * bones
    return grained(rng, gaussian_filter(picture, rng.uniform(0.6, 1.5)), 0.015)
