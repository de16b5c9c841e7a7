"""The tables of the Model lab as safe markup. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from multimodal.picture import data_uri
from multimodal.ui.answer import percent
from multimodal.ui.lab_pairs import Agreement, Compared, Pair, decision, points, right, shown
from multimodal.ui.theme import Palette

if TYPE_CHECKING:
    from multimodal.ui.lab_cost import Cost

_NONE = "–"


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, left: bool = False) -> str:
    """A table that scrolls by itself; the first cell of a row is its header, and cells are escaped.

    Args:
        label: What a screen reader calls it.
        head: Titles of the columns.
        rows: Cells as text.
        left: Whether cells are set to the left.
    """
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="mm-scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
        f'<table class="mm-table{" left" if left else ""}"><thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def legend_html(colours: Palette) -> str:
    """The marks of the dumbbell."""
    ring = f'<circle cx="7" cy="7" r="5" fill="none" stroke="{colours.ink}" stroke-width="2"/>'
    dot = f'<circle cx="7" cy="7" r="5.5" fill="{colours.accent}"/>'
    line = f'<path d="M0 7H14" stroke="{colours.accent}" stroke-width="3"/>'
    marks = ((ring, "A, the sidebar's choice"), (dot, "B"), (line, "The decision changes"))
    items = "".join(f'<li><img src="{_svg(shape)}" alt="">{escape(words)}</li>' for shape, words in marks)
    return f'<ul class="mm-legend">{items}</ul>'


def pairs_html(pairs: Sequence[Pair]) -> str:
    """Both answers by label."""
    rows = [
        (
            p.title,
            shown(p.a),
            shown(p.b),
            _NONE if p.a is None or p.b is None else points(p.difference),
            _NONE if p.a is None else percent(p.a.threshold),
            _NONE if p.b is None else percent(p.b.threshold),
            decision(p.a),
            decision(p.b),
        )
        for p in pairs
    ]
    head = ("Label", "A", "B", "B less A, points", "Threshold A", "Threshold B", "A decides", "B decides")
    return table("Answers of A and B", head, rows)


def agreement_html(rows: Sequence[Agreement]) -> str:
    """Agreement over a cohort by label."""
    cells = [
        (
            r.title,
            str(r.cases),
            f"{r.same} ({r.same / r.cases:.0%})",
            *(f"{100 * d:.0f}" for d in (r.mean, r.largest)),
        )
        for r in rows
    ]
    head = ("Label", "Phantoms", "Same decision", "Mean distance, points", "Largest, points")
    return table("Agreement by label", head, cells)


def flips_html(flips: Sequence[tuple[Compared, Pair]]) -> str:
    """Decisions that differ between A and B, with who is right."""
    cells = [
        (
            case.name,
            p.title,
            f"{shown(p.a)}, {decision(p.a)}",
            f"{shown(p.b)}, {decision(p.b)}",
            {1: "has it", 0: "has it not"}.get(case.truth.get(p.label, -1), "not known"),
            right(case, p) or _NONE,
        )
        for case, p in flips
    ]
    return table("Decisions that change", ("Case", "Label", "A", "B", "Truth", "Right"), cells, left=True)


def costs_html(a: Cost, b: Cost) -> str:
    """What A and B cost, and how many times as much B does."""
    stages = [
        (
            stage,
            _milliseconds(a.stages.get(stage)),
            _milliseconds(b.stages.get(stage)),
            _times(a.stages.get(stage), b.stages.get(stage)),
        )
        for stage in dict.fromkeys((*a.stages, *b.stages))
    ]
    sizes = [
        ("Peak of activations", megabytes(a.working), megabytes(b.working), _times(a.working, b.working)),
        ("Weights in memory", megabytes(a.weights), megabytes(b.weights), _times(a.weights, b.weights)),
        ("Parameters", f"{a.parameters:,}", f"{b.parameters:,}", _times(a.parameters, b.parameters)),
        ("Bundles on disk", megabytes(a.disk), megabytes(b.disk), _times(a.disk, b.disk)),
    ]
    foot = (
        "Median of five runs after a warm-up, networks loaded. The whole answer is measured by itself and starts from "
        "decoded files; it holds quality checks and shares too. The peak counts the tensors of one forward pass of "
        "the largest network that live at once, without weights and without what a kernel needs inside."
    )
    body = table("Time, memory and size", ("", "A", "B", "B to A"), [*stages, *sizes])
    return f'{body}<p class="mm-muted">{foot}</p>'


def count(parameters: int) -> str:
    """A number of parameters.

    >>> count(1_234_567), count(51_200), count(0)
    ('1.2 M', '51 k', '0')
    """
    if parameters >= 1_000_000:
        return f"{parameters / 1e6:.1f} M"
    return f"{parameters / 1e3:.0f} k" if parameters >= 1000 else str(parameters)


def megabytes(size: int) -> str:
    """Bytes for a reader.

    >>> megabytes(3_400_000), megabytes(20_000)
    ('3.4 MB', '20 kB')
    """
    return f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{size / 1e3:.0f} kB"


def _svg(shape: str) -> str:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 14 14">{shape}</svg>'
    return data_uri(svg.encode(), "image/svg+xml")


def _milliseconds(value: float | None) -> str:
    if value is None:
        return _NONE
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _times(a: float | None, b: float | None) -> str:
    return f"× {b / a:.2f}" if a and b else _NONE
