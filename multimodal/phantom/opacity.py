"""Disease on a film: what fills the lung or lies over it. Each function adds one sign to a chest."""

from __future__ import annotations

import numpy as np

from multimodal.phantom.chest import Chest, clouds, step


def add_consolidation(chest: Chest) -> None:
    """Textured patches of filled lung, some ending at a fissure, with traces of air-filled bronchi."""
    strength, rng = chest.signs["consolidation"], chest.rng
    if not strength:
        return
    side, lobar = float(rng.choice((-1, 1))), rng.random() < 0.5
    patches = 1 if lobar else int(rng.integers(2, 5))
    mask = np.zeros_like(chest.x)
    for _ in range(patches):
        where = side if lobar or rng.random() < 0.6 else -side
        cx, cy = where * rng.uniform(0.28, 0.50), rng.uniform(-0.35, 0.40)
        size = (0.16 + 0.16 * strength) * (1.25 if lobar else 0.75) * rng.uniform(0.85, 1.2)
        r = ((chest.x - cx) / size) ** 2 + ((chest.y - cy) / (1.15 * size)) ** 2
        patch = np.exp(-(r**1.3))
        if lobar:
            patch *= step((chest.y - cy) * float(rng.choice((-1, 1))) + 0.6 * size + 0.1 * (chest.across - 0.4), 0.04)
        mask = np.maximum(mask, patch)
    mask *= np.clip(0.85 + 0.35 * clouds(rng, mask.shape, 14) + 0.18 * clouds(rng, mask.shape, 40), 0.1, 1.5)
    canvas, draw = chest.sketch()
    for _ in range(5):
        y0, angle = rng.uniform(-0.05, 0.15), rng.uniform(-0.9, 1.0)
        reach = [(side * (0.18 + t * np.cos(angle)), y0 + t * np.sin(angle)) for t in (0.0, 0.15, 0.32, 0.42)]
        chest.stroke(draw, reach, 0.9, 0.014)
    filled = mask * np.clip(chest.depth + 0.25 * chest.lungs, 0, 1)
    chest.thickness += (0.06 + 0.60 * strength) * filled * (1 - 0.45 * chest.traced(canvas, 0.9))


def add_oedema(chest: Chest) -> None:
    """Haze around the hila in both lungs, thick septal lines (Kerley B) at the lower edges."""
    strength, rng = chest.signs["oedema"], chest.rng
    if not strength:
        return
    wings = np.exp(-((((chest.across - 0.24) / 0.24) ** 2 + ((chest.y - 0.05) / 0.38) ** 2) ** 1.2))
    wings *= np.clip(0.8 + 0.3 * clouds(rng, wings.shape, 12) + 0.3 * clouds(rng, wings.shape, 45), 0.1, 2)
    chest.thickness += (0.04 + 0.40 * strength) * wings * chest.lungs
    chest.thickness += 0.12 * strength * chest.lungs * step(chest.y - 0.1, 0.6)
    canvas, draw = chest.sketch()
    for side in (-1, 1):
        for _ in range(round(4 + 8 * strength)):
            y = rng.uniform(0.05, 0.42)
            x = chest.anatomy.lung * rng.uniform(0.86, 0.96)
            chest.stroke(draw, [(side * x, y), (side * (x - rng.uniform(0.04, 0.09)), y + 0.01)], 0.9, 0.006)
    chest.thickness += 0.14 * strength * chest.traced(canvas, 0.6) * chest.lungs


def add_effusion(chest: Chest) -> None:
    """Fluid that blunts the costophrenic angle and climbs the wall in a meniscus."""
    strength, rng = chest.signs["effusion"], chest.rng
    if not strength:
        return
    sides = (True, False) if chest.signs["oedema"] else (bool(rng.random() < 0.5),)
    for i, left in enumerate(sides):
        amount = strength * (1.0 if i == 0 else rng.uniform(0.4, 0.9))
        level = chest.anatomy.dome[int(left)] + chest.anatomy.curve + 0.02 - (0.08 + 0.58 * amount)
        surface = level + (0.10 + 0.10 * amount) * (1 - np.clip(chest.outward, 0, 1) ** 3.0)
        fluid = step(chest.y - surface, 0.07) * (chest.left == left)
        chest.thickness += (0.48 + 0.12 * amount) * fluid * chest.depth


def add_atelectasis(chest: Chest) -> None:
    """Plate-like bands at a base; the diaphragm on that side stands higher."""
    strength, rng = chest.signs["atelectasis"], chest.rng
    if not strength:
        return
    side = -1 if chest.anatomy.dome[0] + 0.05 < chest.anatomy.dome[1] - 0.02 else 1
    canvas, draw = chest.sketch()
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0.24, 0.32), chest.anatomy.dome[int(side > 0)] - rng.uniform(0.05, 0.22)
        length, fall = rng.uniform(0.18, 0.34), rng.uniform(-0.05, 0.10)
        band = [(side * x, y), (side * (x + length / 2), y + fall / 2 - 0.01), (side * (x + length), y + fall)]
        chest.stroke(draw, band, 0.9, 0.018 + 0.045 * strength)
    chest.thickness += (0.08 + 0.50 * strength) * chest.traced(canvas, 1.8) * chest.lungs
