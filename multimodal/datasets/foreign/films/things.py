"""Things of everyday life: photographs, pages, plots and screens."""

from __future__ import annotations

import numpy as np
from PIL import ImageFont

from multimodal.datasets.foreign.films.canvas import SIDE, Picture, blank, cut, grained, grey, shaded
from multimodal.datasets.foreign.samples import photographs
from multimodal.datasets.foreign.words import sentence


def photograph(rng: np.random.Generator) -> Picture:
    """A part of a photograph that scikit-learn or matplotlib carries."""
    return cut(rng, photographs()[rng.integers(len(photographs()))])


def scene(rng: np.random.Generator) -> Picture:
    """Discs and boxes that hide each other, as things do in a photograph.

    The dead leaves model, whose edges and scales are those of natural pictures (Lee, Mumford and Huang,
    "Occlusion models for natural images", IJCV 2001).
    """
    picture, draw = blank(int(255 * rng.random()))
    for size in np.sort(0.5 * SIDE / (1 + 40 * rng.random(rng.integers(60, 400))))[::-1]:
        x, y = rng.uniform(0, SIDE, 2)
        box = (x - size, y - size * rng.uniform(0.3, 1), x + size, y + size)
        shape = draw.ellipse if rng.random() < 0.6 else draw.rectangle
        shape(box, fill=int(rng.uniform(0, 255)))
    return shaded(rng, grey(picture))


def document(rng: np.random.Generator) -> Picture:
    """A scanned page of print."""
    dark_on_light = rng.random() < 0.8
    picture, draw = blank(245 if dark_on_light else 10)
    ink, size, y = (20 if dark_on_light else 240), int(rng.integers(8, 16)), int(rng.integers(8, 30))
    font = ImageFont.load_default(size)
    left = int(rng.integers(10, 50))
    while y < SIDE - size:
        if rng.random() > 0.12:
            draw.text((left, y), sentence(rng)[: int(rng.integers(15, 60))], fill=ink, font=font)
        y += round(size * rng.uniform(1.2, 1.6))
    if rng.random() < 0.5:
        draw.text((left, 4), sentence(rng)[:18].upper(), fill=ink, font=ImageFont.load_default(size + 8))
    tilted = picture.rotate(rng.uniform(-3, 3), fillcolor=245 if dark_on_light else 10)
    return grained(rng, grey(tilted), 0.02)


def chart(rng: np.random.Generator) -> Picture:
    """A plot with axes: bars, a line or points."""
    picture, draw = blank(255)
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
    return grey(picture)


def screenshot(rng: np.random.Generator) -> Picture:
    """A window of a program: bars, boxes, buttons and short texts."""
    dark = rng.random() < 0.4
    back, ink = (30, 220) if dark else (245, 30)
    picture, draw = blank(back)
    draw.rectangle((0, 0, SIDE, int(rng.integers(16, 40))), fill=int(rng.uniform(60, 200)))
    draw.rectangle((0, 40, int(rng.integers(40, 110)), SIDE), fill=int(np.clip(back + rng.uniform(-25, 25), 0, 255)))
    for _ in range(rng.integers(4, 14)):
        x, y = rng.uniform(80, 260), rng.uniform(50, 290)
        draw.rounded_rectangle((x, y, x + rng.uniform(30, 120), y + rng.uniform(12, 50)), 4, outline=ink, width=1)
        draw.text((x + 4, y + 2), sentence(rng)[: int(rng.integers(4, 18))], fill=ink)
    return grey(picture)


def trace(rng: np.random.Generator) -> Picture:
    """A strip of electrocardiogram on its grid."""
    picture, draw = blank(250)
    step = int(rng.integers(6, 14))
    for at in range(0, SIDE, step):
        tone = 190 if at % (5 * step) == 0 else 225
        draw.line((at, 0, at, SIDE), fill=tone)
        draw.line((0, at, SIDE, at), fill=tone)
    x = np.arange(SIDE)
    for row in np.linspace(40, 280, rng.integers(2, 6)):
        beat = (x / rng.uniform(35, 80)) % 1
        wave = sum(
            a * np.exp(-(((beat - m) / w) ** 2)) for a, m, w in ((0.15, 0.2, 0.04), (1, 0.4, 0.015), (0.3, 0.65, 0.06))
        )
        heights = row - rng.uniform(15, 40) * wave
        draw.line([(float(at), float(height)) for at, height in zip(x, heights, strict=True)], fill=15, width=1)
    return grained(rng, grey(picture), 0.01)
