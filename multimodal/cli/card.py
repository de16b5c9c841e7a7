"""``multimodal card``."""

from __future__ import annotations

from typing import Annotated

import typer

from multimodal.bundle import FUSION
from multimodal.cli.options import Reference, aside, reference
from multimodal.errors import UsageError

ROWS = 48
"""As ``multimodal.evaluate.trial.ROWS``, which takes torch to read."""


def card(
    bundle: Reference,
    data: Annotated[
        list[str], typer.Option("--data", metavar="DIR", help="A folder with metadata.csv, measured by itself; repeat.")
    ],
    split: Annotated[str, typer.Option(metavar="NAME", help="Any value of the split column.")] = "test",
    text_column: Annotated[str, typer.Option(help="Column that holds the note, such as indication.")] = "text",
    rows: Annotated[
        int, typer.Option(min=1, help="Items of a folder that are worn, attacked and audited, drawn by seed.")
    ] = ROWS,
) -> None:
    """Measure all that a branch's model card tells, and write the card; a run that was stopped goes on.

    For each folder: the figures on all its rows; then, on some, explanations against random, wear and attack, and
    the shortcut audit.
    """
    kind, name = reference(bundle)
    if kind == FUSION:
        raise UsageError("Expected a branch: a fusion head's card is written by evaluate --card.")

    from multimodal.datasets import read_folder
    from multimodal.evaluate import complete_card
    from multimodal.zoo import find

    folders = [read_folder(folder, kind, text_column=text_column) for folder in data]
    note = text_column if kind == "text" else ""
    for step in complete_card(find(kind, name), folders, split=split, text_column=note, rows=rows):
        aside.print(f"Measuring {step}", markup=False)
    aside.print(f"The card of {bundle} is complete.", markup=False)
