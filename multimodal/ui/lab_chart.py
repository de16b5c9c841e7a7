"""The pictures of the Model lab. Pure functions to Altair charts."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from multimodal.ui.chart import ROW
from multimodal.ui.lab_pairs import Agreement, Compared, Pair, decision, points, shown
from multimodal.ui.theme import Palette, chart_config

_FIGURES = 118
"""Room for "86 % to 31 %" at the right end of a row, in pixels."""

_FIT = alt.AutoSizeParams(type="fit-x", contains="padding")


def dumbbell(pairs: Sequence[Pair], colours: Palette) -> alt.LayerChart:
    """A row a label: a ring for A, a dot for B, a line between them."""
    titles = [p.title for p in pairs]
    table = [
        {
            "title": p.title,
            "a": None if p.a is None else p.a.probability,
            "b": None if p.b is None else p.b.probability,
            "said_a": f"{shown(p.a)}, {decision(p.a)}",
            "said_b": f"{shown(p.b)}, {decision(p.b)}",
            "figures": f"{shown(p.a)} to {shown(p.b)}",
            "flips": p.flips,
        }
        for p in pairs
    ]
    base = alt.Chart(alt.InlineData(values=table))
    y = alt.Y("title:N", sort=titles, title=None, scale=alt.Scale(domain=titles))
    scale = alt.Scale(domain=[-0.015, 1.015], nice=False, range=[0, alt.ExprRef(f"width - {_FIGURES}")])
    axis = alt.Axis(orient="top", format=".0%", values=[0, 0.5, 1], titlePadding=8)
    hover = [alt.Tooltip(f"{key}:N", title=title) for key, title in _HOVER]

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", title="Probability", scale=scale, axis=axis)

    path = base.transform_filter("datum.a != null && datum.b != null").mark_rule(strokeWidth=3)
    line = path.encode(
        y=y,
        x=x("a"),
        x2="b:Q",
        color=alt.condition("datum.flips", alt.value(colours.accent), alt.value(colours.line)),
    )
    ring = base.transform_filter("datum.a != null").mark_point(
        size=120, color=colours.ink, strokeWidth=2, filled=False, opacity=1
    )
    dot = base.transform_filter("datum.b != null").mark_circle(size=130, color=colours.accent, opacity=1)
    text = base.mark_text(align="right", color=colours.ink, fontSize=13).encode(
        y=y,
        x=alt.value("width"),
        text="figures:N",
        opacity=alt.condition("datum.flips", alt.value(1), alt.value(0.72)),
    )
    layers = alt.layer(line, dot.encode(y=y, x=x("b"), tooltip=hover), ring.encode(y=y, x=x("a"), tooltip=hover), text)
    return _finished(layers, colours, ROW * len(titles))


_HOVER = (("title", "Label"), ("said_a", "A"), ("said_b", "B"))


def differences(cohort: Sequence[Compared], rows: Sequence[Agreement], colours: Palette) -> alt.LayerChart:
    """A row a label: every phantom's difference, B less A; filled where the decision changes."""
    titles = [row.title for row in rows]
    table = [
        {
            "title": p.title,
            "case": case.name,
            "difference": p.difference,
            "points": f"{points(p.difference)} points",
            "said_a": f"{shown(p.a)}, {decision(p.a)}",
            "said_b": f"{shown(p.b)}, {decision(p.b)}",
            "flips": p.flips,
        }
        for case in cohort
        for p in case.pairs
        if p.a is not None and p.b is not None
    ]
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0.0}])).mark_rule(color=colours.muted).encode(x="zero:Q")
    marks = (
        alt.Chart(alt.InlineData(values=table))
        .mark_point(size=70, strokeWidth=1.6, opacity=0.85, stroke=colours.accent)
        .encode(
            y=alt.Y("title:N", sort=titles, title=None, scale=alt.Scale(domain=titles)),
            x=alt.X(
                "difference:Q",
                title="◂ B lower · percentage points · B higher ▸",
                scale=alt.Scale(domain=[-1.02, 1.02], nice=False),
                axis=alt.Axis(orient="top", values=[-1, -0.5, 0, 0.5, 1], labelExpr=_POINTS, titlePadding=8),
            ),
            fill=alt.condition("datum.flips", alt.value(colours.accent), alt.value("transparent")),
            tooltip=[
                alt.Tooltip("case:N", title="Case"),
                alt.Tooltip("points:N", title="B less A"),
                *(alt.Tooltip(f"{key}:N", title=title) for key, title in _HOVER),
            ],
        )
    )
    return _finished(alt.layer(zero, marks), colours, ROW * len(titles))


_POINTS = "datum.value == 0 ? '0' : (datum.value > 0 ? '+' : '−') + format(abs(datum.value) * 100, '.0f')"


def _finished(layers: alt.LayerChart | alt.FacetChart, colours: Palette, height: int) -> alt.LayerChart:
    sized = layers.properties(height=height, width="container", autosize=_FIT)
    chart: alt.LayerChart = sized.configure(**chart_config(colours))
    return chart
