"""``multimodal probe``."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from multimodal.cli.options import Json, Models, pairs, screen


def probe(
    data: Annotated[Path, typer.Option(metavar="DIR", help="A folder with metadata.csv, all modalities in one row.")],
    column: Annotated[str, typer.Option(metavar="NAME", help="The 0/1 column to tell, such as covid19.")],
    kinds: Annotated[str, typer.Option(metavar="KINDS", help="Modalities of a row, joined by +.")] = "image+text",
    text_column: Annotated[str, typer.Option(help="Column that holds the note.")] = "text",
    hide: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help="Take words that begin so out of notes; may be repeated.")
    ] = None,
    model: Models = None,
    json: Json = False,
) -> None:
    """Measure what embeddings tell of a task that nothing was trained for, alone and together, beside baselines."""
    from multimodal.evaluate.probe import probe as measure
    from multimodal.labels import Modality
    from multimodal.zoo import defaults, find

    chosen = {**defaults(), **pairs("--model", model)}
    bundles = {Modality(kind): find(kind, chosen.get(kind, "")) for kind in kinds.split("+")}
    found = measure(bundles, data, column, text_column=text_column, hide=hide or ())
    if json:
        typer.echo(json_format.dumps(found, indent=2, allow_nan=False))
        return

    from multimodal.cli.show import figure, table

    about = f"{found['data']['rows']} rows of {found['data']['patients']} patients of {found['data']['source']}"
    rows = table(column, "AUROC (95 % interval)>", "fused less it>", title=f"{about}, cross-fitted by patient")
    for name, entry in found["auroc"].items():
        test = found.get("fused_minus", {}).get(name)
        rows.add_row(
            name, figure(entry["auroc"], entry["auroc_ci"]), figure(test["difference"], test["ci"]) if test else ""
        )
    screen.print(rows)
