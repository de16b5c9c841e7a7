"""Figures, lists and tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def figure(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A figure with three decimals, its interval in brackets; blank where there is none.

    >>> figure(0.9449, [0.91, 0.9712]), figure(None)
    ('0.945 (0.910 to 0.971)', '')
    """
    if value is None:
        return ""
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def bullets(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(title: str, body: str) -> str:
    """What a reader opens on request."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
