"""``python -m benchmarks``: every figure in one table."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.machine import log
from benchmarks.measure import Options, Row, Skipped

BENCHES = (
    *("films", "whole_case", "peers", "batcher", "rising", "servers", "replicas", "cold_start", "memory"),
    *("explanations", "backends", "accelerator"),
)

console = Console(width=120)
aside = Console(stderr=True)


def main(
    bench: Annotated[list[str] | None, typer.Argument(metavar="BENCH", help=f"Out of {', '.join(BENCHES)}.")] = None,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write the figures here.")] = None,
    pairs: Annotated[int, typer.Option(min=1, help="How often each pair is timed.")] = 15,
    cases: Annotated[int, typer.Option(min=10, help="Cases that pass while memory is watched.")] = 1000,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "cpu",
) -> None:
    """Measure, in ratios of this run: medians of interleaved pairs with quartiles."""
    unknown = sorted(set(bench or ()) - set(BENCHES))
    if unknown:
        raise typer.BadParameter(f"There is no {', '.join(unknown)}.")
    options = Options(pairs, device, cases)
    report: dict[str, Any] = {"machine": log(device), "pairs": pairs, "benches": {}}
    table = Table(title=f"{report['machine']['device']}, {report['machine']['cores']} cores", title_justify="left")
    for column in ("bench", "what", "median", "quartiles", "goal", ""):
        table.add_column(column, justify="right" if column in ("median", "quartiles") else "left")
    for name in bench or BENCHES:
        aside.print(f"{name} ...")
        try:
            rows = list(import_module(f"benchmarks.{name}").rows(options))
        except Skipped as reason:
            report["benches"][name] = {"skipped": str(reason)}
            table.add_row(name, f"skipped: {reason}")
            continue
        report["benches"][name] = [asdict(row) | {"met": row.met} for row in rows]
        for row in rows:
            table.add_row(name, *_cells(row))
        if out is not None:  # after each, so that a run that is stopped leaves what it found
            out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(table)


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {True: "met", False: "missed", None: ""}[row.met]
    return row.what, f"{row.median:.3g}", f"{row.low:.3g} to {row.high:.3g}", row.goal, verdict


if __name__ == "__main__":
    typer.run(main)
