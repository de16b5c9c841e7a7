"""Pictures of an evaluation: ROC, reliability, confusion, risk by coverage and what missing modalities cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import expit, logit

from multimodal.errors import UsageError
from multimodal.evaluate.branch import BranchEvaluation
from multimodal.evaluate.figures import within
from multimodal.evaluate.fusion import FusionEvaluation, fused_units
from multimodal.evaluate.units import Units, units
from multimodal.labels import LABELS
from multimodal.metrics import aurc, auroc, reliability_curve, risk_coverage, roc_curve
from multimodal.metrics.checks import FloatArray

FORMATS = ("png", "svg")
_INK, _MUTED, _LINE = "#17212b", "#5f6b78", "#d5dce4"
_BLUE, _ORANGE = "#0072b2", "#b36a00"
_COLUMNS = 4
_SIDE_IN = 2.5
_DPI = 150

Draw = Callable[[Axes, Units, FloatArray], None]


def plot(evaluation: BranchEvaluation | FusionEvaluation, folder: Path, *, file_format: str = "png") -> list[Path]:
    """Draw an evaluation; no display is needed.

    Args:
        evaluation: Of a branch or a fusion.
        folder: Made if missing.
        file_format: "png" or "svg".

    Returns:
        The files: ``roc``, ``reliability``, ``confusion``, ``risk_coverage``; for a fusion ``missing``; where it
        was measured ``stress``.

    Raises:
        UsageError: If the format is neither.
    """
    if file_format not in FORMATS:
        raise UsageError(f"Expected argument `file_format` to be out of {', '.join(FORMATS)}, but got {file_format!r}.")
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows(evaluation)
    pictures = {name: _grid(rows, draw) for name, draw in _DRAWINGS.items()}
    if isinstance(evaluation, FusionEvaluation) and evaluation.figures["missing"]:
        pictures["missing"] = _missing(evaluation.figures["missing"])
    if evaluation.figures.get("stress"):
        pictures["stress"] = _stress(evaluation.figures["stress"])
    paths = []
    for name, figure in pictures.items():
        paths.append(folder / f"{name}.{file_format}")
        figure.savefig(paths[-1], dpi=_DPI, metadata={"Date": None} if file_format == "svg" else None)
    return paths


def _rows(evaluation: BranchEvaluation | FusionEvaluation) -> dict[str, tuple[Units, FloatArray]]:
    """Per label with both classes: its units, and how far each is above its threshold."""
    if isinstance(evaluation, FusionEvaluation):
        found = fused_units(evaluation.answers)
    else:
        found = {}
        for label, calibration in evaluation.calibrations.items():
            rows = units(evaluation.scored, label).comparable()
            found[label] = rows, rows.scores - calibration.threshold
    return {label: rows for label, rows in found.items() if 0 < rows[0].targets.mean() < 1}


def _grid(rows: Mapping[str, tuple[Units, FloatArray]], draw: Draw) -> Figure:
    """One square a label."""
    columns = min(_COLUMNS, max(1, len(rows)))
    lines = -(-len(rows) // columns) or 1
    figure = Figure(figsize=(_SIDE_IN * columns, _SIDE_IN * 1.12 * lines), layout="constrained")
    axes = [figure.add_subplot(lines, columns, i + 1) for i in range(len(rows))]
    for ax, (label, (found, margins)) in zip(axes, rows.items(), strict=True):
        _style(ax, LABELS[label].title)
        draw(ax, found, margins)
    return figure


def _style(ax: Axes, title: str) -> None:
    ax.set_title(title, fontsize=8, color=_INK, loc="left")
    ax.tick_params(labelsize=7, colors=_MUTED, length=2)
    for side in ax.spines.values():
        side.set_color(_LINE)


def _roc(ax: Axes, found: Units, margins: FloatArray) -> None:  # noqa: ARG001
    ax.plot([0, 1], [0, 1], color=_LINE, lw=1, zorder=0)
    for stratum, style in zip(np.unique(found.strata), cycle(("-", "--", ":", "-.")), strict=False):
        part = found.where(found.strata == stratum)
        false_positives, sensitivities, _ = roc_curve(part.scores, part.targets)
        ax.plot(false_positives, sensitivities, color=_BLUE, lw=1.4, linestyle=style, label=stratum or None)
    if len(np.unique(found.strata)) > 1:
        ax.legend(fontsize=6, frameon=False, loc="center right")
    area = float(within(auroc, found.strata)(found.scores, found.targets, np.ones(len(found.targets))))
    note = f"AUROC {area:.3f}\n{int(found.targets.sum())} of {len(found.targets)}"
    ax.text(0.97, 0.05, note, fontsize=7, color=_INK, ha="right", transform=ax.transAxes)
    ax.set_xlabel("1 - specificity", fontsize=7, color=_MUTED)
    ax.set_ylabel("sensitivity", fontsize=7, color=_MUTED)
    ax.set_aspect("equal")


def _reliability(ax: Axes, found: Units, margins: FloatArray) -> None:  # noqa: ARG001
    said, so, mass = reliability_curve(_at_own_prevalence(found), found.targets)
    ax.plot([0, 1], [0, 1], color=_LINE, lw=1, zorder=0)
    ax.plot(said, so, color=_BLUE, lw=1)
    ax.scatter(said, so, s=6 + 60 * mass / mass.sum(), color=_BLUE)
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("probability said", fontsize=7, color=_MUTED)
    ax.set_ylabel("share that have it", fontsize=7, color=_MUTED)
    ax.set_aspect("equal")


def _at_own_prevalence(found: Units) -> FloatArray:
    return np.asarray(expit(found.scores + float(logit(found.targets.mean()))))


def _confusion(ax: Axes, found: Units, margins: FloatArray) -> None:
    called = margins >= 0
    table = np.array([[np.sum((found.targets == truth) & (called == said)) for said in (0, 1)] for truth in (0, 1)])
    shares = table / table.sum(axis=1, keepdims=True)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for truth in (0, 1):
        for said in (0, 1):
            dark = shares[truth, said] > 0.6
            text = f"{table[truth, said]}\n{shares[truth, said]:.0%}"
            ax.text(said, truth, text, ha="center", va="center", fontsize=8, color="white" if dark else _INK)
    ax.set_xticks([0, 1], ["called absent", "called present"])
    ax.set_yticks([0, 1], ["absent", "present"], rotation=90, va="center")


def _risk_coverage(ax: Axes, found: Units, margins: FloatArray) -> None:
    coverage, risk = risk_coverage(expit(margins), found.targets)
    ax.plot(coverage, risk, color=_BLUE, lw=1.4)
    ax.axhline(risk[-1], color=_LINE, lw=1, zorder=0)
    area = float(aurc(margins, found.targets))
    ax.text(0.97, 0.05, f"AURC {area:.3f}", fontsize=7, color=_INK, ha="right", transform=ax.transAxes)
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, max(0.05, 1.2 * float(risk.max())))
    ax.set_xlabel("share of verdicts given, surest first", fontsize=7, color=_MUTED)
    ax.set_ylabel("share wrong", fontsize=7, color=_MUTED)


_DRAWINGS: Mapping[str, Draw] = {
    "roc": _roc,
    "reliability": _reliability,
    "confusion": _confusion,
    "risk_coverage": _risk_coverage,
}


def _missing(means: Mapping[str, float]) -> Figure:
    """Mean AUROC by the number of modalities given."""
    figure = Figure(figsize=(4, 3), layout="constrained")
    ax = figure.add_subplot()
    _style(ax, "Mean AUROC over labels and subsets")
    given = [int(size) for size in means]
    values = list(means.values())
    ax.plot(given, values, color=_ORANGE, marker="o", lw=1.4)
    for x, y in zip(given, values, strict=True):
        ax.annotate(f"{y:.3f}", (x, y), textcoords="offset points", xytext=(0, 6), ha="center", fontsize=8, color=_INK)
    ax.set_xticks(given)
    ax.set_xlim(min(given) - 0.3, max(given) + 0.3)
    ax.set_ylim(min(0.5, *values) - 0.02, 1.02)
    ax.set_xlabel("modalities given", fontsize=8, color=_MUTED)
    return figure


def _stress(found: Mapping[str, Any]) -> Figure:
    """One square a sort of wear or attack: mean AUROC by strength, from the items as they are, with its interval."""
    curves = found["curves"]
    lines = -(-len(curves) // _COLUMNS)
    figure = Figure(figsize=(_SIDE_IN * _COLUMNS, _SIDE_IN * lines), layout="constrained")
    for number, curve in enumerate(curves):
        ax = figure.add_subplot(lines, _COLUMNS, number + 1)
        _style(ax, curve["name"])
        entries = [found, *curve["points"]]
        low, high = zip(*(entry["auroc_ci"] or (np.nan, np.nan) for entry in entries), strict=True)
        at = range(len(entries))
        ax.fill_between(at, low, high, color=_BLUE, alpha=0.15, lw=0)
        ax.plot(at, [entry["auroc"] for entry in entries], color=_BLUE, marker="o", ms=3, lw=1.4)
        ax.axhline(0.5, color=_LINE, lw=1, zorder=0)
        ax.set_xticks(at, ["none", *(f"{point['strength']:g}" for point in curve["points"])])
        ax.set_ylim(0, 1.02)
        ax.set_xlabel(curve["what"].replace(", ", ",\n"), fontsize=6, color=_MUTED)
    return figure
