"""Tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from multimodal.case import Case, Diagnosis, Notice
from multimodal.cli.options import plain
from multimodal.labels import LABELS, Modality

if TYPE_CHECKING:
    from multimodal.explain import Explanation

WORDS_SHOWN = 8
DISCLAIMER = "Research software, not a medical device."


def table(*columns: str, title: str | None = None) -> Table:
    """A plain table. A column whose name ends in ">" is set to the right, as figures are."""
    rows = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        rows.add_column(column.removesuffix(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    return rows


def show_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """The answer, what each modality said alone, and what to know of it."""
    modalities = list(diagnosis.by_modality)
    rows = table(
        "", "fused>", *(f"{modality}>" for modality in modalities), "", title=escape(f"Case {plain(diagnosis.case_id)}")
    )
    for result in diagnosis.labels:
        alone = [diagnosis.by_modality[modality].get(result.label) for modality in modalities]
        rows.add_row(
            result.name,
            f"{result.probability:.0%}",
            *("" if p is None else f"{p:.0%}" for p in alone),
            {True: "present", False: "", None: "not enough to say"}[result.present],
        )
    console.print(rows)
    for notice in (*diagnosis.quality, *diagnosis.warnings):
        console.print(notice_line(notice))
    models = ", ".join(f"{kind}={model.name}" for kind, model in diagnosis.models.items())
    console.print(f"Models: {models}", style="dim", markup=False)
    console.print(DISCLAIMER, style="dim")


def show_why(explanations: Sequence[Explanation], case: Case, console: Console) -> None:
    """What in each item speaks for a label, where it lies in the item."""
    notes = {note.sha256: note.text for note in case.texts}
    for found in explanations:
        values = found.to_json()
        method = found.method.replace("_", " ")
        where = plain(_where(values, notes.get(found.sha256, "")) or "nothing")
        console.print(
            f"{plain(found.item)}, {LABELS[found.label].title.lower()} ({method}): {where}",
            markup=False,
            highlight=False,
        )


def _where(values: Mapping[str, Any], text: str) -> str:
    """The strongest place of an explanation's plain values in the item's own coordinates."""
    if values["modality"] == Modality.AUDIO:
        return "; ".join(
            f"{s['start_s']:.1f} to {s['end_s']:.1f} s, {s['low_hz']:.0f} to {s['high_hz']:.0f} Hz"
            for s in values["segments"]
        )
    if values["modality"] == Modality.TEXT:
        speaking = sorted((w for w in values["words"] if w["weight"] > 0), key=lambda w: -w["weight"])[:WORDS_SHOWN]
        return ", ".join(text[w["start"] : w["end"]] for w in sorted(speaking, key=lambda w: w["start"]))
    level, (top, left, bottom, right) = np.array(values["map"]), values["box"]
    if level.max() <= 0:
        return ""
    row, column = np.unravel_index(level.argmax(), level.shape)
    edges = [
        np.linspace(start, end, n + 1) for start, end, n in zip((top, left), (bottom, right), level.shape, strict=True)
    ]
    (y0, y1), (x0, x1) = edges[0][row : row + 2], edges[1][column : column + 2]
    return f"strongest in rows {y0:.0f} to {y1:.0f}, columns {x0:.0f} to {x1:.0f}"


def notice_line(notice: Notice) -> str:
    """One notice as markup."""
    where = f"{notice.item}: " if notice.item else ""
    left_out = " (left out)" if notice.refused else ""
    return f"[yellow]![/yellow] {escape(plain(where + notice.message))}{left_out}"


def figure(value: float | None, interval: Sequence[float | None] | None = None) -> str:
    """A figure of 0 to 1 with two decimals, its interval in brackets; blank where there is none.

    >>> figure(0.9449, [0.91, 0.9712]), figure(None)
    ('0.94 (0.91-0.97)', '')
    """
    if value is None:
        return ""
    if interval is None or None in interval:
        return f"{value:.2f}"
    return f"{value:.2f} ({interval[0]:.2f}-{interval[1]:.2f})"


def show_evaluation(figures: Mapping[str, Any], bundle: str, console: Console) -> None:
    """What an evaluation gave, a row a label; for fusion also how it compares."""
    about = ", ".join(str(value) for value in figures["data"].values())
    rows = table(
        "", "n>", "patients>", "with it>", "AUROC (95 % interval)>", "AUPRC>", "ECE>", title=f"{bundle}: {about}"
    )
    for label, entry in figures["labels"].items():
        rows.add_row(
            label,
            *(str(entry[column]) for column in ("n", "patients", "positives")),
            figure(entry.get("auroc"), entry.get("auroc_ci")),
            *(figure(entry.get(column)) for column in ("auprc", "ece")),
        )
    console.print(rows)
    if figures.get("mean"):
        for name, entry in figures["mean"]["auroc"].items():
            console.print(f"mean AUROC, {name.replace('_', ' ')}: {figure(entry['value'], entry['ci'])}", markup=False)
    for show in (_show_against, _show_explanations, _show_stress, _show_audit):
        show(figures, console)


def _show_against(figures: Mapping[str, Any], console: Console) -> None:
    for name, other in figures.get("against", {}).items():
        tests = ("DeLong p>", "alone right>", "it alone>", "McNemar p>")
        rows = table(f"Against {name}", "its AUROC>", "difference>", *tests)
        for label, entry in other["labels"].items():
            calls = entry["mcnemar"]
            rows.add_row(
                label,
                figure(entry.get("auroc"), entry.get("auroc_ci")),
                figure(entry["difference"]["difference"], entry["difference"]["ci"]),
                figure((entry["delong"] or {}).get("p_value")),
                str(calls["only_first"]),
                str(calls["only_second"]),
                figure(calls["p_value"]),
            )
        console.print(rows)
        mean = other["mean_difference"]
        console.print(f"mean difference to {name}: {figure(mean['value'], mean['ci'])}", markup=False)


def _show_explanations(figures: Mapping[str, Any], console: Console) -> None:
    if not figures.get("explanations"):
        return
    rows = table("Explanations", "items>", "above random, log-odds>", "above random, imputed>")
    for method, entry in figures["explanations"].items():
        parts = [entry[fill] for fill in ("blank", "imputed")]
        rows.add_row(
            method.replace("_", " "),
            str(entry["items"]),
            *(figure(part["above_random"], part["above_random_ci"]) for part in parts),
        )
    console.print(rows)


def _show_stress(figures: Mapping[str, Any], console: Console) -> None:
    if not figures.get("stress"):
        return
    rows = table("Under stress", "strength>", "AUROC (95 % interval)>", "difference>")
    for curve in figures["stress"]["curves"]:
        for point in curve["points"]:
            name = curve["name"] if point is curve["points"][0] else ""
            auroc = figure(point["auroc"], point["auroc_ci"])
            rows.add_row(name, f"{point['strength']:g}", auroc, figure(point["difference"]))
    console.print(rows)


def _show_audit(figures: Mapping[str, Any], console: Console) -> None:
    if not figures.get("audit"):
        return
    rows = table("Audited", "AUROC (95 % interval)>", "difference>")
    for entry in figures["audit"]["questions"]:
        rows.add_row(entry["name"], figure(entry["auroc"], entry["auroc_ci"]), figure(entry["difference"]))
    console.print(rows)
