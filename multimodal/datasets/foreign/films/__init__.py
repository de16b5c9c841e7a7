"""Pictures that are no chest film: (H, W) float32 in 0..1, drawn or cut out of carried sample pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multimodal.datasets.foreign.films.bodies import ct_slice, hand, knee, mr_slice, real_slice, skull, ultrasound
from multimodal.datasets.foreign.films.canvas import Picture
from multimodal.datasets.foreign.films.textures import clouds, gradient, noise, pattern
from multimodal.datasets.foreign.films.things import chart, document, photograph, scene, screenshot, trace

__all__ = ["FILMS"]

Draw = Callable[[np.random.Generator], Picture]

FILMS: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        *(photograph, scene, document, chart, screenshot, trace),
        *(hand, knee, skull, real_slice, ct_slice, mr_slice, ultrasound),
        *(noise, clouds, gradient, pattern),
    )
}
"""Kind -> how it is drawn."""
