"""Samples to calibrate on."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st


def drawn(n: int, prevalence: float, seed: int = 0, separation: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Two normals of unit variance: the true evidence is ``separation * x``."""
    rng = np.random.default_rng(seed)
    targets = (rng.uniform(size=n) < prevalence).astype(float)
    return rng.normal((targets - 0.5) * separation, 1.0), targets


@st.composite
def rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 60))
    scores = np.array(draw(st.lists(st.integers(-12, 12), min_size=n, max_size=n))) / 4
    targets = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    assume(0 < targets.sum() < n)
    return scores, targets
