"""The plots of a model card, as safe markup: what wear costs, what a network goes by, how sure it must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from multimodal.errors import BundleInvalidError
from multimodal.labels import LABELS
from multimodal.picture import data_uri
from multimodal.ui.answer import percent
from multimodal.ui.interval import CHANCE, figure, interval_html, spoken
from multimodal.ui.theme import Palette

if TYPE_CHECKING:
    from multimodal.zoo import BundleConfig

WIDTH, HEIGHT = 220, 120
"""Of a plot, in its own units."""

_SHOWN = 4
"""Plots of wear that stand open, the costliest: a film's eighteen would go on without end on a phone."""

_NOTABLE = 0.005
"""A smaller cost is not there at two decimals."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 10, 8, 20
"""Margins of a plot."""

_WORN = (
    '<p class="mm-muted">AUROC of the same test items as they are (0) and worn or attacked ever more; the band is the '
    "95 % interval over patients, the dashed line chance. FGSM and PGD know the weights. The costliest come first.</p>"
)
_AUDITED = (
    '<p class="mm-muted">AUROC of the same test items after something was taken out of all of them (how, on hover). '
    "Where the disease can't be seen any more, the tick (0.5) is the honest answer.</p>"
)
_SURE = (
    '<p class="mm-muted">Of all verdicts, the surest first: how many are wrong where only so many are given. The dot '
    "is where this network stops answering.</p>"
)


def plots(config: BundleConfig, colours: Palette) -> list[tuple[str, str]]:
    """Title and markup of every section that a bundle has figures for.

    Raises:
        BundleInvalidError: If the config holds figures of another shape.
    """
    try:
        worn = [_worn(name, entry["stress"], colours) for name, entry in config.metrics.items() if "stress" in entry]
        audited = [_audited(name, entry["audit"]) for name, entry in config.metrics.items() if "audit" in entry]
        sure = _sure(config.abstention["test"], colours) if config.abstention else ""
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise BundleInvalidError("Its measured figures are not of the schema.", file="config.json") from error
    sections = (
        ("When it answers", sure + _SURE if sure else ""),
        ("Under wear and attack", "".join(worn) + _WORN if worn else ""),
        ("What it goes by", "".join(audited) + _AUDITED if audited else ""),
    )
    return [(title, markup) for title, markup in sections if markup]


def _worn(name: str, stress: Mapping[str, Any], colours: Palette) -> str:
    """A small plot for each sort of wear, on one scale."""
    start = (stress["auroc"], *stress["auroc_ci"])

    def cost(curve: Mapping[str, Any]) -> float:
        return min(float(point["difference"]) for point in curve["points"])

    curves = sorted(stress["curves"], key=cost)
    cells = [_wear(curve, start, cost(curve), colours) for curve in curves]
    rest = ""
    if len(cells) > _SHOWN + 1:
        least = (
            f"at most {figure(cost(curves[_SHOWN]), signed=True)}" if cost(curves[_SHOWN]) <= -_NOTABLE else "nothing"
        )
        words = f"{len(cells) - _SHOWN} more, each of which costs {least}"
        cells, rest = cells[:_SHOWN], _folded(words, cells[_SHOWN:])
    labels = ", ".join(LABELS[label].title.lower() for label in stress["labels"])
    about = f"{name}: {stress['items']} items of {stress['patients']} patients, {labels}"
    return f'<h3 class="mm-data">{escape(about)}</h3><div class="mm-plots">{"".join(cells)}</div>{rest}'


def _folded(words: str, cells: Sequence[str]) -> str:
    """Plots that are a click away."""
    plots = f'<div class="mm-plots">{"".join(cells)}</div>'
    return f'<details class="mm-more"><summary>{escape(words)}</summary>{plots}</details>'


def _wear(curve: Mapping[str, Any], start: Sequence[float], cost: float, colours: Palette) -> str:
    points = [start, *((point["auroc"], *point["auroc_ci"]) for point in curve["points"])]
    strengths = ["0", *(f"{point['strength']:g}" for point in curve["points"])]
    steps = [step / (len(points) - 1) for step in range(len(points))]
    told = "; ".join(
        f"{spoken(value, (low, high))} at {at}" for (value, low, high), at in zip(points, strengths, strict=True)
    )
    drawn = _plot(
        [(x, value) for x, (value, _, _) in zip(steps, points, strict=True)],
        band=[(low, high) for _, low, high in points],
        stops=dict(zip(steps, strengths, strict=True)),
        level=CHANCE,
        top=1.0,
        colours=colours,
    )
    title = str(curve["name"])
    worst = f"{figure(cost, signed=True)} at worst" if cost <= -_NOTABLE else "costs nothing"
    return _figure(title[0].upper() + title[1:], f"{worst} · {curve['what']}", drawn, f"AUROC {told}")


def _sure(measured: Mapping[str, Any], colours: Palette) -> str:
    points = [(float(given), float(wrong)) for given, wrong in measured["curve"]]
    at = (float(measured["coverage"]), float(measured["risk"]))
    top = max(0.1, *(wrong for _, wrong in points)) * 1.1
    drawn = _plot(points, stops={0.0: "0%", 0.5: "50% given", 1.0: "100%"}, top=top, dot=at, colours=colours)
    words = (
        f"It gives {percent(at[0])} of the verdicts, {percent(at[1])} of these wrong; "
        f"{percent(float(measured['risk_without']))} would be wrong of all"
    )
    patients = f"{measured['verdicts']} verdicts on {measured['patients']} test patients"
    return f'<div class="mm-plots">{_figure(words, patients, drawn, f"Wrong by share given. {words}.")}</div>'


def _audited(name: str, audit: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row" title="{escape(str(asked["what"]))}">{escape(str(asked["name"]).capitalize())}</th>'
        f"<td>{interval_html(asked['auroc'], asked['auroc_ci'])}</td>"
        f"<td>{escape(spoken(asked['auroc'], asked['auroc_ci']))}</td>"
        f"<td>{escape(figure(asked['difference'], signed=True))}</td></tr>"
        for asked in audit["questions"]
    )
    head = "".join(f'<th scope="col">{word}</th>' for word in ("What was done", "AUROC", "95 % interval", "Difference"))
    about = f"{name}: {audit['items']} items of {audit['patients']} patients"
    return (
        f'<h3 class="mm-data">{escape(about)}</h3><div class="mm-scroll" tabindex="0" role="region" '
        f'aria-label="{escape(f"Shortcut audit, {name}")}"><table class="mm-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _figure(title: str, about: str, drawn: str, told: str) -> str:
    return (
        f'<figure class="mm-plot"><figcaption><b>{escape(title)}</b><span>{escape(about)}</span></figcaption>'
        f'<img src="{data_uri(drawn.encode(), "image/svg+xml")}" alt="{escape(told)}"></figure>'
    )


def _plot(
    points: Sequence[tuple[float, float]],
    *,
    stops: Mapping[float, str],
    top: float,
    colours: Palette,
    band: Sequence[tuple[float, float]] = (),
    level: float | None = None,
    dot: tuple[float, float] | None = None,
) -> str:
    """A line over 0 to 1 across and 0 to ``top`` up, as SVG.

    Args:
        points: (x, y) of the line.
        stops: What stands below the axis, by x.
        top: Upper end of the scale.
        colours: The palette.
        band: (low, high) around each point.
        level: Where a dashed line goes.
        dot: A place of its own on the line.
    """

    def place(x: float, y: float) -> str:
        across = _LEFT + x * (WIDTH - _LEFT - _RIGHT)
        return f"{across:.1f},{HEIGHT - _BOTTOM - min(max(y / top, 0), 1) * (HEIGHT - _TOP - _BOTTOM):.1f}"

    def line(y: float, more: str = "") -> str:
        start, end = place(0, y), place(1, y).partition(",")[0]
        return f'<path d="M{start}H{end}" stroke="{colours.line}"{more}/>'

    def words(x: str, y: str, anchor: str, text: str) -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'

    parts = [line(0), line(top), words(str(_LEFT - 5), str(_TOP + 4), "end", f"{top:.0%}" if dot else f"{top:g}")]
    parts += [words(str(_LEFT - 5), str(HEIGHT - _BOTTOM + 3), "end", "0")]
    for x, text in stops.items():
        parts.append(words(place(x, 0).partition(",")[0], str(HEIGHT - 5), "middle" if x < 1 else "end", text))
    if level is not None:
        parts.append(line(level, f' stroke-dasharray="4 3" style="stroke:{colours.muted}"'))
    if band:
        lows = [place(x, low) for (x, _), (low, _) in zip(points, band, strict=True)]
        highs = [place(x, high) for (x, _), (_, high) in zip(points, band, strict=True)]
        edge = " ".join([*highs, *reversed(lows)])
        parts.append(f'<polygon points="{edge}" fill="{colours.accent}" fill-opacity=".18"/>')
    course = " ".join(place(x, y) for x, y in points)
    parts.append(f'<polyline points="{course}" fill="none" stroke="{colours.accent}" stroke-width="2.5"/>')
    for x, y in [dot] if dot else points:
        across, up = place(x, y).split(",")
        parts.append(f'<circle cx="{across}" cy="{up}" r="{4.5 if dot else 3}" fill="{colours.accent}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="12" '
        f'font-family="Source Sans Pro, Segoe UI, Helvetica, Arial, sans-serif">'
        f'<g fill="{colours.muted}">{"".join(parts)}</g></svg>'
    )
