"""The one picture of an answer. Pure functions from a Diagnosis to Altair charts."""

from __future__ import annotations

import math
from typing import Any

import altair as alt

from multimodal.case import Diagnosis, LabelResult
from multimodal.labels import LABELS, Modality
from multimodal.ui.answer import Band, band, percent, reach, reach_words
from multimodal.ui.theme import SHAPES, WORDS, Palette, chart_config

ROW = 34
"""Height of a label's row in pixels, the same in both halves so that rows line up."""

HEAD, FOOT = 36, 20
"""Height of what stands above the rows and below them, in pixels."""

FIGURE = 52
"""Room for the per cent figures at the right end of a row, in pixels."""

REACH = 9
"""Height of the band behind a fused answer, in pixels."""

NARROW = 640
"""Window width in pixels at which Streamlit stacks columns; the shares then need their own row names."""

PICK = "picked"
"""Name of the selection that a click on a row makes."""

_FIT = alt.AutoSizeParams(type="fit-x", contains="padding")

_FUSED = "Fused answer"
_RANGE = [alt.Tooltip("range:N", title="95 % range")]


Row = dict[str, Any]


def rows(diagnosis: Diagnosis) -> list[Row]:
    """One row a label and source of an answer.

    Keys: label, title, term, source (a modality's word or "Fused answer"), probability and threshold,
    shown and bar (both as whole per cent), open (True where the answer is uncertain), word; of a fused answer
    that tells its reach: low, high and range (in words).
    """
    table: list[Row] = []
    for result in diagnosis.labels:
        sources = {_FUSED: result.probability} | {
            WORDS[modality]: diagnosis.by_modality[modality][result.label]
            for modality in Modality
            if result.label in diagnosis.by_modality.get(modality, {})
        }
        table += [
            {
                "label": result.label,
                "title": result.name,
                "term": LABELS[result.label].term,
                "source": source,
                "probability": probability,
                "shown": percent(probability),
                "threshold": result.threshold,
                "bar": percent(result.threshold),
                "open": _is_open(result),
                "word": str(band(result)),
                **(_reach(result) if source == _FUSED else {}),
            }
            for source, probability in sources.items()
        ]
    return table


def _reach(result: LabelResult) -> Row:
    ends = reach(result)
    return {} if ends is None else {"low": ends[0], "high": ends[1], "range": reach_words(result)}


def pushes(diagnosis: Diagnosis) -> list[Row]:
    """One row a label and modality: what it pushed, from the base rate.

    Keys: title, source, order (of stacking), share (log-odds), factor ("odds × 4.2").
    """
    return [
        {"title": result.name, "source": WORDS[modality], "order": order, "share": share, "factor": _factor(share)}
        for result in diagnosis.labels
        for order, modality in enumerate(Modality)
        if (share := diagnosis.shares.get(result.label, {}).get(modality)) is not None
    ]


def answers_chart(diagnosis: Diagnosis, colours: Palette, picked: str | None = None) -> alt.LayerChart:
    """A row a label: filled dot fused on its reach, small marks for the modalities, a tick at the threshold.

    Args:
        diagnosis: The answer.
        colours: The palette.
        picked: The label whose row is marked; a click on any row is then the selection :data:`PICK`, by label.
            None for a picture that takes no clicks.
    """
    table = rows(diagnosis)
    titles = [result.name for result in diagnosis.labels]
    everything = alt.InlineData(values=table)
    fused = alt.InlineData(values=[row for row in table if row["source"] == _FUSED])
    single = alt.InlineData(values=[row for row in table if row["source"] != _FUSED])
    y = alt.Y("title:N", sort=titles, title=None, scale=alt.Scale(domain=titles))
    x = alt.X(
        "probability:Q",
        title="Probability",
        scale=alt.Scale(domain=[-0.015, 1.015], nice=False, range=[0, alt.ExprRef(f"width - {FIGURE}")]),
        axis=alt.Axis(
            orient="top",
            format=".0%",
            values=[0, 0.25, 0.5, 0.75, 1],
            labelOverlap="parity",
            labelSeparation=6,
            titlePadding=8,
        ),
    )
    hover = [
        alt.Tooltip("term:N", title="Label"),
        alt.Tooltip("source:N", title="Source"),
        alt.Tooltip("shown:N", title="Probability"),
        alt.Tooltip("bar:N", title="Threshold"),
    ]
    ranged = [row for row in table if "range" in row]
    reached = (
        alt.Chart(alt.InlineData(values=ranged))
        .mark_rule(color=colours.accent, strokeWidth=REACH, strokeCap="round", opacity=0.22)
        .encode(y=y, x=alt.X("low:Q", title="Probability"), x2="high:Q", tooltip=[*hover, *_RANGE])
    )
    apart = (
        alt.Chart(everything)
        .mark_rule(color=colours.muted, strokeWidth=1)
        .encode(y=y, x=alt.X("min(probability):Q", title="Probability"), x2="max(probability):Q", detail="label:N")
    )
    threshold = (
        alt.Chart(fused)
        .mark_tick(color=colours.ink, thickness=1.5, size=16, opacity=0.75)
        .encode(y=y, x=alt.X("threshold:Q", title="Probability"), tooltip=hover)
    )
    singles = (
        alt.Chart(single)
        .mark_point(size=58, strokeWidth=2, filled=False, opacity=1)
        .encode(y=y, x=x, color=_colour(colours), shape=_shape(), tooltip=hover)
    )
    dot = (
        alt.Chart(fused)
        .mark_circle(size=190, opacity=1, stroke=colours.accent, strokeWidth=2.5)
        .encode(
            y=y,
            x=x,
            color=alt.condition("datum.open", alt.value(colours.surface), alt.value(colours.accent)),
            tooltip=[*hover, *(_RANGE if ranged else []), alt.Tooltip("word:N", title="In words")],
        )
    )
    figure = (
        alt.Chart(fused)
        .mark_text(align="right", color=colours.ink, fontSize=14, fontWeight=600)
        .encode(y=y, x=alt.value("width"), text="shown:N")
    )
    marks = [*([reached] if ranged else []), apart, threshold, singles, dot, figure]
    layers = alt.layer(*([] if picked is None else [_rows(diagnosis, y, colours, picked)]), *marks)
    layers = layers.resolve_scale(color="independent")
    layers = layers.properties(height=ROW * len(titles), width="container", autosize=_FIT)
    chart: alt.LayerChart = layers.configure(**chart_config(colours))
    return chart


def _rows(diagnosis: Diagnosis, y: alt.Y, colours: Palette, picked: str) -> alt.Chart:
    """The ground of each row, which takes a click on the row; a mark on it brings the label of its own row."""
    values = [{"title": result.name, "label": result.label} for result in diagnosis.labels]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_rect(cursor="pointer", cornerRadius=6)
        .encode(
            y=y,
            x=alt.value(0),
            x2=alt.value("width"),
            color=alt.condition(f"datum.label == '{picked}'", alt.value(colours.panel), alt.value("transparent")),
        )
        .add_params(alt.selection_point(PICK, fields=["label"], clear=False, toggle=False))
    )
    return chart


def pushes_chart(diagnosis: Diagnosis, colours: Palette) -> alt.LayerChart:
    """Beside it: how far each modality moved the odds from the base rate, for or against."""
    titles = [result.name for result in diagnosis.labels]
    table = pushes(diagnosis)
    reach = max([math.log(4), *_totals(table)]) * _ROOM
    zero = (
        alt.Chart(alt.InlineData(values=[{"zero": 0.0}]))
        .mark_rule(color=colours.muted, strokeWidth=1)
        .encode(x="zero:Q")
    )
    bars = (
        alt.Chart(alt.InlineData(values=table))
        .mark_bar(height=12)
        .encode(
            y=alt.Y(
                "title:N",
                sort=titles,
                title=None,
                scale=alt.Scale(domain=titles),
                axis=alt.Axis(labelExpr=f"windowSize()[0] <= {NARROW} ? datum.label : ''"),
            ),
            x=alt.X(
                "share:Q",
                stack="zero",
                title="◂ against · odds · for ▸",
                scale=alt.Scale(domain=[-reach, reach], nice=False),
                axis=alt.Axis(
                    orient="top", values=_stops(reach), labelExpr=_STOP_WORDS, labelOverlap="parity", titlePadding=8
                ),
            ),
            color=_colour(colours),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("title:N", title="Label"),
                alt.Tooltip("source:N", title="Source"),
                alt.Tooltip("factor:N", title="Effect"),
            ],
        )
    )
    layers = alt.layer(bars, zero).properties(height=ROW * len(titles), width="container", autosize=_FIT)
    chart: alt.LayerChart = layers.configure(**chart_config(colours))
    return chart


_ROOM = 1.15
"""Beyond the longest bar, so that half a word at the last stop is never cut."""
_STOP_WORDS = "datum.value == 0 ? '×1' : (datum.value > 0 ? '×' : '÷') + format(exp(abs(datum.value)), '.0f')"


def height(diagnosis: Diagnosis) -> int:
    """Of the picture, in pixels."""
    return HEAD + ROW * len(diagnosis.labels) + FOOT


def describe(diagnosis: Diagnosis) -> str:
    """The picture in words, for a screen reader."""
    spoken = "; ".join(f"{r.name} {_spoken(r)}, {band(r)}" for r in diagnosis.labels)
    return f"Probability of each label: {spoken}." if spoken else "No label could be scored."


def describe_pushes(diagnosis: Diagnosis) -> str:
    """The other half in words, for a screen reader."""
    by_label: dict[str, list[str]] = {}
    for row in pushes(diagnosis):
        by_label.setdefault(row["title"], []).append(f"{row['source'].lower()} {row['factor']}")
    spoken = "; ".join(f"{title}: {', '.join(effects)}" for title, effects in by_label.items())
    return f"What each part did to the odds. {spoken}." if spoken else "No part moved the odds."


def _spoken(result: LabelResult) -> str:
    words = reach_words(result)
    return f"{percent(result.probability)} ({words})" if words else percent(result.probability)


def _is_open(result: LabelResult) -> bool:
    return band(result) is Band.POSSIBLE


def _colour(colours: Palette) -> alt.Color:
    return alt.Color(
        "source:N",
        legend=None,
        scale=alt.Scale(domain=[WORDS[m] for m in Modality], range=[colours.modalities[m] for m in Modality]),
    )


def _shape() -> alt.Shape:
    return alt.Shape(
        "source:N",
        legend=None,
        scale=alt.Scale(domain=[WORDS[m] for m in Modality], range=[SHAPES[m] for m in Modality]),
    )


def _factor(share: float) -> str:
    """A log-odds share in plain words."""
    factor = math.exp(abs(share))
    if factor < 1.05:
        return "no effect"
    size = f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}"
    return f"odds × {size}" if share > 0 else f"odds ÷ {size}"


def _totals(table: list[Row]) -> list[float]:
    """The furthest each stacked bar reaches to either side, in log-odds."""
    totals: dict[tuple[str, bool], float] = {}
    for row in table:
        side = (row["title"], row["share"] > 0)
        totals[side] = totals.get(side, 0.0) + abs(row["share"])
    return list(totals.values())


def _stops(reach: float) -> list[float]:
    """Axis values at round odds factors within reach."""
    factors = [factor for factor in (3, 10, 30, 100, 1000) if math.log(factor) < reach]
    chosen = [math.log(factor) for factor in (factors[-1:])]
    return sorted([-stop for stop in chosen] + [0.0] + chosen)
