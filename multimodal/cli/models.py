"""``multimodal train`` and ``multimodal evaluate``."""

from __future__ import annotations

import json as json_format
import sys
from pathlib import Path
from typing import Annotated

import typer

from multimodal.cli.options import Json, Reference, aside, reference, screen


def train(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="image, audio, text or fusion.")],
    arch: Annotated[str, typer.Option(metavar="NAME", help="A registered architecture.")],
    data: Annotated[list[Path], typer.Option(metavar="DIR", help="A folder with metadata.csv; may be repeated.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the new bundle, which takes its name.")],
    folds: Annotated[int, typer.Option(min=0, help="Also cross-validate by patient, this many folds.")] = 0,
    phantoms: Annotated[int, typer.Option(min=0, help="Phantom patients as one more source.")] = 0,
) -> None:
    """Train a branch on labelled folders."""
    from multimodal.branches.base import default_options
    from multimodal.datasets import phantom_dataset, read_folder
    from multimodal.train.branch import train_branch

    default_options(kind, arch)
    datasets = [read_folder(folder, kind) for folder in data]
    if phantoms:
        datasets.append(phantom_dataset(phantoms, 0, kind))
    bundle = train_branch(kind, arch, datasets, out, folds=folds, command=" ".join(["multimodal", *sys.argv[1:]]))
    aside.print(f"{bundle.kind}/{bundle.name} in {out}", markup=False)


def evaluate(
    bundle: Reference,
    data: Annotated[list[str], typer.Option(metavar="DIR", help="A folder with metadata.csv; may be repeated.")],
    split: Annotated[str, typer.Option(help="Any value of the split column.")] = "val",
    text_column: Annotated[str, typer.Option(help="Column that holds the note.")] = "text",
    json: Json = False,
) -> None:
    """Measure a bundle on labelled folders, by label, with intervals over patients."""
    from multimodal.datasets import read_folder
    from multimodal.evaluate import evaluate_branch
    from multimodal.zoo import find

    kind, name = reference(bundle)
    found = find(kind, name)
    datasets = [read_folder(folder, kind, text_column=text_column) for folder in data]
    figures = evaluate_branch(found, datasets, split=split).figures
    if json:
        typer.echo(json_format.dumps(figures, indent=2, allow_nan=False))
        return
    from multimodal.cli.show import show_figures

    show_figures(figures["labels"], f"{bundle}, split {split}", screen)
