"""The pictures of the Compare page. Pure functions to Altair charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from multimodal.labels import Modality
from multimodal.metrics import Interval
from multimodal.ui.answer import percent
from multimodal.ui.chart import ROW
from multimodal.ui.compare_answers import BEST, FUSED, LATE, TITLES
from multimodal.ui.compare_figures import Row
from multimodal.ui.compare_moves import Move
from multimodal.ui.interval import spoken
from multimodal.ui.theme import SHAPES, WORDS, Palette, chart_config

HEIGHT = 340
"""Of a chart, in pixels."""

_FIGURES, _FIGURE = 88, 52
"""Room for "86 % → 31 %" at the right end of a row, and for "86 %", in pixels."""

_LINE = 16
"""Height of a line of small text, in pixels."""

_FIT = alt.AutoSizeParams(type="fit-x", contains="padding")
_DASHES = {FUSED: [1, 0], "image": [8, 3], "audio": [4, 3], "text": [1, 3], LATE: [10, 3, 2, 3], BEST: [2, 6]}


def colour_of(source: str, colours: Palette) -> str:
    """The colour of a source of answers, the same on every page."""
    others = {FUSED: colours.accent, LATE: colours.muted, BEST: colours.ink}
    return others[source] if source in others else colours.modalities[Modality(source)]


def moves_chart(moves: Sequence[Move], colours: Palette) -> alt.LayerChart:
    """A row a label: a ring where the answer was, a line to the dot where it is now, a tick at the threshold."""
    titles = [move.title for move in moves]
    table = [
        {
            "title": move.title,
            "before": move.before,
            "after": move.before if move.after is None else move.after,
            "threshold": move.threshold,
            "was": percent(move.before),
            "now": "not spoken of" if move.after is None else percent(move.after),
            "figures": _figures(move),
            "spoken": move.after is not None,
        }
        for move in moves
    ]
    base = alt.Chart(alt.InlineData(values=table))
    y = alt.Y("title:N", sort=titles, title=None, scale=alt.Scale(domain=titles))
    room = _FIGURES if any(move.size for move in moves) else _FIGURE
    scale = alt.Scale(domain=[-0.015, 1.015], nice=False, range=[0, alt.ExprRef(f"width - {room}")])
    axis = alt.Axis(orient="top", format=".0%", values=[0, 0.5, 1], titlePadding=8)
    hover = [
        alt.Tooltip("title:N", title="Label"),
        alt.Tooltip("was:N", title="With everything"),
        alt.Tooltip("now:N", title="With what is left"),
    ]

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", title="Probability", scale=scale, axis=axis)

    path = base.mark_rule(color=colours.accent, strokeWidth=3, opacity=0.45).encode(y=y, x=x("before"), x2="after:Q")
    tick = base.mark_tick(color=colours.ink, thickness=1.5, size=16, opacity=0.75).encode(y=y, x=x("threshold"))
    ring = base.mark_point(size=110, color=colours.muted, strokeWidth=2, filled=False, opacity=1).encode(
        y=y, x=x("before"), tooltip=hover
    )
    dot = (
        base.transform_filter("datum.spoken")
        .mark_circle(size=170, color=colours.accent, opacity=1)
        .encode(y=y, x=x("after"), tooltip=hover)
    )
    text = base.mark_text(align="right", color=colours.ink, fontSize=13, fontWeight=600).encode(
        y=y, x=alt.value("width"), text="figures:N"
    )
    return _finished(alt.layer(path, tick, ring, dot, text), colours, ROW * len(titles))


def roc_chart(points: Sequence[Row], colours: Palette) -> alt.LayerChart:
    """ROC curves: each modality's own answer, fused, late pooling, and the best possible where it is known."""
    sources = list(dict.fromkeys(str(point["source"]) for point in points))
    table = [{**point, "title": TITLES[str(point["source"])], "order": i} for i, point in enumerate(points)]
    legend = _legend(colours, symbolType="stroke", symbolSize=500, columns=2)
    lines = (
        alt.Chart(alt.InlineData(values=table))
        .mark_line(interpolate="linear", strokeWidth=2.5)
        .encode(
            x=_share("x", "False alarms: share of those without it"),
            y=_share("y", "Found: share of those with it"),
            order="order:Q",
            color=_colour(sources, colours, legend),
            strokeDash=alt.StrokeDash(
                "title:N",
                scale=alt.Scale(domain=[TITLES[s] for s in sources], range=[_DASHES[s] for s in sources]),
                legend=legend,
            ),
            tooltip=[
                alt.Tooltip("title:N", title="Answer"),
                alt.Tooltip("x:Q", title="False alarms", format=".0%"),
                alt.Tooltip("y:Q", title="Found", format=".0%"),
            ],
        )
    )
    return _finished(alt.layer(_diagonal(colours), lines), colours, HEIGHT)


def reliability_chart(points: Sequence[Row], colours: Palette) -> alt.LayerChart:
    """Reliability: what was said against what was so; the size of a mark is its number of cases."""
    sources = list(dict.fromkeys(str(point["source"]) for point in points))
    table = [{**point, "title": TITLES[str(point["source"])]} for point in points]
    base, legend = alt.Chart(alt.InlineData(values=table)), _legend(colours, symbolSize=120, columns=2)
    x, y = _share("x", "Probability said"), _share("y", "Share that has it")
    lines = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=_colour(sources, colours, None))
    marks = base.mark_point(filled=True, opacity=1).encode(
        x=x,
        y=y,
        color=_colour(sources, colours, legend),
        shape=alt.Shape(
            "title:N",
            scale=alt.Scale(domain=[TITLES[s] for s in sources], range=[_mark(s) for s in sources]),
            legend=legend,
        ),
        size=alt.Size("n:Q", legend=None, scale=alt.Scale(type="sqrt", range=[40, 320], domainMin=1)),
        tooltip=[
            alt.Tooltip("title:N", title="Answer"),
            alt.Tooltip("x:Q", title="Said", format=".0%"),
            alt.Tooltip("y:Q", title="Has it", format=".0%"),
            alt.Tooltip("n:Q", title="Cases", format=".0f"),
        ],
    )
    return _finished(alt.layer(_diagonal(colours), lines, marks), colours, HEIGHT)


def missing_chart(areas: Mapping[str, Interval], colours: Palette) -> alt.LayerChart:
    """AUROC of fusion by how many modalities it was given: a mark a subset, a line through their means."""
    domain = _domain(areas.values())
    places = spread({name: area.value for name, area in areas.items()}, _LINE * (domain[1] - domain[0]) / HEIGHT)
    table = [
        {
            "given": str(name.count("+") + 1),
            "area": area.value,
            "shown": spoken(area.value, (area.low, area.high)),
            "kind": name if "+" not in name else "several",
            "title": words(name),
            "place": places[name],
        }
        for name, area in areas.items()
    ]
    kinds = [*(m.value for m in Modality), "several"]
    base = alt.Chart(alt.InlineData(values=table))
    x = alt.X("given:O", title="Modalities given", axis=alt.Axis(labelAngle=0, grid=False))
    scale = alt.Scale(domain=domain, nice=False)
    y = alt.Y("area:Q", title="AUROC", scale=scale, axis=_axis(format=".2f", tickCount=5))
    means = base.mark_line(color=colours.accent, strokeWidth=2.5, opacity=0.6).encode(
        x=x, y=alt.Y("mean(area):Q", title="AUROC", scale=scale)
    )
    marks = base.mark_point(filled=True, size=130, opacity=1).encode(
        x=x,
        y=y,
        color=alt.Color(
            "kind:N",
            legend=None,
            scale=alt.Scale(domain=kinds, range=[*(colours.modalities[m] for m in Modality), colours.accent]),
        ),
        shape=alt.Shape(
            "kind:N", legend=None, scale=alt.Scale(domain=kinds, range=[*(SHAPES[m] for m in Modality), "circle"])
        ),
        tooltip=[alt.Tooltip("title:N", title="Given"), alt.Tooltip("shown:N", title="AUROC")],
    )
    names = base.mark_text(align="left", dx=11, color=colours.ink, fontSize=12).encode(
        x=x, y=alt.Y("place:Q", title="AUROC", scale=scale), text="title:N"
    )
    return _finished(alt.layer(means, marks, names), colours, HEIGHT)


def spread(values: Mapping[str, float], gap: float) -> dict[str, float]:
    """Where the names of subsets of one size go, so that none covers another."""
    places: dict[str, float] = {}
    last: dict[int, float] = {}
    for name in sorted(values, key=lambda name: values[name]):
        size = name.count("+")
        places[name] = last[size] = max(values[name], last.get(size, -1.0) + gap)
    return places


def words(subset: str) -> str:
    """``image+text`` as "Film + note"."""
    if subset.count("+") + 1 == len(Modality):
        return "All"
    return " + ".join(WORDS[Modality(m)].lower() for m in subset.split("+")).capitalize()


def _figures(move: Move) -> str:
    if move.after is None:
        return f"{percent(move.before)} → –"
    if move.size == 0:
        return percent(move.before)
    return f"{percent(move.before)} → {percent(move.after)}"


def _domain(areas: Any) -> list[float]:
    lowest = min(area.value for area in areas)
    return [max(0.0, min(0.5, lowest - 0.05)), 1.02]


def _mark(source: str) -> str:
    others = {FUSED: "circle", LATE: "cross", BEST: "triangle-down"}
    return others[source] if source in others else SHAPES[Modality(source)]


def _share(field: str, title: str) -> Any:
    channel = alt.X if field == "x" else alt.Y
    scale = alt.Scale(domain=[0, 1], nice=False)
    return channel(f"{field}:Q", title=title, scale=scale, axis=_axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1]))


def _colour(sources: Sequence[str], colours: Palette, legend: alt.Legend | None) -> alt.Color:
    scale = alt.Scale(domain=[TITLES[s] for s in sources], range=[colour_of(s, colours) for s in sources])
    return alt.Color("title:N", scale=scale, legend=legend)


def _legend(colours: Palette, **options: Any) -> alt.Legend:
    return alt.Legend(title=None, orient="bottom", labelColor=colours.ink, labelFontSize=12, labelLimit=140, **options)


def _axis(**options: Any) -> alt.Axis:
    """Of numbers: quieter than the names of labels."""
    return alt.Axis(labelFontSize=12, labelPadding=6, **options)


def _diagonal(colours: Palette) -> alt.Chart:
    ends = alt.InlineData(values=[{"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 1.0}])
    line: alt.Chart = alt.Chart(ends).mark_line(color=colours.line, strokeWidth=1.5).encode(x="x:Q", y="y:Q")
    return line


def _finished(layers: Any, colours: Palette, height: int) -> alt.LayerChart:
    # One legend for a line: its dashes and its colour are told apart by a layer or by none.
    layers = layers.resolve_scale(color="independent", shape="independent", strokeDash="independent")
    sized = layers.properties(height=height, width="container", autosize=_FIT)
    chart: alt.LayerChart = sized.configure(**chart_config(colours))
    return chart
