"""A figure with its interval as a dot on a small scale, for tables. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

LOW, HIGH, CHANCE = 0.4, 1.0, 0.5
"""Ends of the scale of an AUROC, and where chance lies on it."""

_NEAR_ONE = "> 0.99"


def interval_html(value: float | None, interval: Sequence[float] | None) -> str:
    """An AUROC as a dot, its 95 % interval as a bar and chance as a tick, with the figures in words.

    Ends that lie off the scale are cut at its edge.
    """
    if value is None or math.isnan(value):
        return '<span class="mm-none">–</span>'
    low, high = interval or (value, value)
    left, right, words = _place(low), _place(high), escape(spoken(value, interval))
    return (
        f'<span class="mm-interval" role="img" aria-label="{words}" title="{words}">'
        f'<s style="left:{_place(CHANCE):.1f}%"></s><i style="left:{left:.1f}%;width:{right - left:.1f}%"></i>'
        f'<b style="left:{_place(value):.1f}%"></b></span>'
    )


def figure(value: float | None, *, signed: bool = False) -> str:
    """Two decimals with a true minus; a dash where there is none, and never a flat 1.00 for less than that.

    >>> figure(0.876), figure(-0.031, signed=True), figure(None)
    ('0.88', '−0.03', '–')
    >>> figure(0.998), figure(1.0)
    ('> 0.99', '1.00')
    """
    if value is None or math.isnan(value):
        return "–"
    if not signed and 0.995 <= value < 1:
        return _NEAR_ONE
    return f"{value:{'+' if signed else ''}.2f}".replace("-", "\N{MINUS SIGN}")


def spoken(value: float, interval: Sequence[float] | None, *, signed: bool = False) -> str:
    """A figure and its interval in words; "> 0.99" alone where the whole interval lies there.

    >>> spoken(0.9, (0.85, 0.949)), spoken(0.998, (0.993, 0.999)), spoken(0.998, (0.996, 0.999))
    ('0.90 (0.85 to 0.95)', '> 0.99 (0.99 to > 0.99)', '> 0.99')
    """
    text = figure(value, signed=signed)
    if interval is None:
        return text
    low, high = (figure(end, signed=signed) for end in interval)
    if low == high == text == _NEAR_ONE:
        return text
    return f"{text} ({low} to {high})"


def p_value(p: float, *, equals: bool = False) -> str:
    """A p-value at the precision that means something, after an equals sign if asked for.

    >>> p_value(0.0004), p_value(0.0312), p_value(0.4, equals=True)
    ('< 0.001', '0.031', '= 0.40')
    """
    if math.isnan(p):
        return "–"
    if p < 0.001:
        return "< 0.001"
    return f"{'= ' if equals else ''}{p:.{3 if p < 0.1 else 2}f}"


def _place(value: float) -> float:
    """Per cent from the left end of the scale."""
    return 100 * (min(max(value, LOW), HIGH) - LOW) / (HIGH - LOW)
