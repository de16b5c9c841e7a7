"""Learn how a film lies in its frame: ``python -m benchmarks.film_layout DIR``.

DIR holds image/kermany and image/nih as ``multimodal data prepare`` makes them. Upright training films, and phantoms,
are turned, inverted and cropped; the weights go to ``multimodal.quality.layout.WEIGHTS``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression

from multimodal.case import FloatArray, Image
from multimodal.formats import read
from multimodal.phantom import draw_patient, render
from multimodal.quality.layout import WEIGHTS, Layout, cells

FOLDERS = ("image/kermany", "image/nih")
MOST, PHANTOMS = 1102, 20
"""Films of one source, so that none outweighs the others, and phantoms."""
JITTER = 0.06
"""Greatest share that is cropped at random on each side of every film: not all upright films are framed alike."""


def main(root: Path) -> None:
    """Learn the weights and write them."""
    rng = np.random.default_rng(0)
    pairs = [pair for pixels in _films(root) for pair in _layouts(pixels, rng)]
    x, y = np.stack([cells(pixels).ravel() for pixels, _ in pairs]), np.array([index for _, index in pairs])
    model = LogisticRegression(C=0.01, max_iter=200, tol=1e-3).fit(x, y)
    weight = np.ascontiguousarray(model.coef_, np.float16)  # safetensors would write another order as it lies
    save_file({"weight": weight, "bias": model.intercept_.astype(np.float16)}, WEIGHTS)


def turned(pixels: FloatArray, layout: Layout, share: float) -> FloatArray:
    """An upright film as it would lie.

    Args:
        pixels: (H, W).
        layout: How.
        share: That is cut off, of height or width.
    """
    height, width = pixels.shape
    rows, columns = int(share * height), int(share * width)
    made = {
        Layout.UPRIGHT: pixels,
        Layout.LEFT: np.rot90(pixels, 1),
        Layout.UPSIDE_DOWN: np.rot90(pixels, 2),
        Layout.RIGHT: np.rot90(pixels, 3),
        Layout.INVERTED: 1 - pixels,
        Layout.NO_TOP: pixels[rows:],
        Layout.NO_BOTTOM: pixels[: height - rows],
        Layout.NO_LEFT: pixels[:, columns:],
        Layout.NO_RIGHT: pixels[:, : width - columns],
    }
    return np.ascontiguousarray(made[layout])


def _films(root: Path) -> Iterator[FloatArray]:
    for folder in FOLDERS:
        rows = pd.read_csv(root / folder / "metadata.csv")
        rows = rows[rows.split == "train"]
        for name in rows.sample(min(MOST, len(rows)), random_state=0).file_name:
            film = read((root / folder / name).read_bytes(), name)
            assert isinstance(film, Image)  # noqa: S101
            yield film.pixels
    for seed in range(PHANTOMS):
        yield render(draw_patient(seed)).film.pixels


def _layouts(pixels: FloatArray, rng: np.random.Generator) -> Iterator[tuple[FloatArray, int]]:
    yield pixels, 0
    height, width = pixels.shape
    for index, layout in enumerate(Layout):
        top, bottom, left, right = rng.uniform(0, JITTER, 4)
        framed = pixels[
            int(top * height) : height - int(bottom * height), int(left * width) : width - int(right * width)
        ]
        yield turned(framed, layout, rng.uniform(0.2, 0.4)), index


if __name__ == "__main__":
    main(Path(sys.argv[1]))
