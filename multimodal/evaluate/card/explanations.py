"""Whether what a bundle marks in an item is what its answer rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multimodal.bundle import BundleConfig
from multimodal.evaluate.card.markdown import figure, table
from multimodal.explain import EXPLANATIONS, FILLS, offered

_HOW = (
    "What a method marks is taken out of test items, strongest first, and put into a blank in the same order; the gain "
    "is the mean gap between the two curves in log-odds, against parts in random order and against the same marks "
    "moved elsewhere (95 % intervals over patients). It is done twice, with a blank and with noisy linear "
    "imputation (ROAD) in the holes. A method that does not beat random with both is not offered."
)
_HEADING = ("rows", "method", "items", "holes", "gain", "above random", "above moved marks", "items above random")


def explanations(config: BundleConfig) -> str:
    """Every method on every source, and which are offered."""
    rows = [
        [title, method, str(entry["items"]), fill, *_figures(entry[fill])]
        for title, figures in config.metrics.items()
        for method, entry in figures.get(EXPLANATIONS, {}).items()
        for fill in FILLS
    ]
    if not rows:
        return ""
    names = ", ".join(offered(config)) or "none"
    return f"{_HOW}\n\nOffered: {names}.\n\n{table(_HEADING, rows)}"


def _figures(part: Mapping[str, Any]) -> list[str]:
    return [
        figure(part["gain"]),
        figure(part["above_random"], part["above_random_ci"]),
        figure(part["above_moved"], part["above_moved_ci"]),
        f"{part['better_than_random']:.0%}",
    ]
