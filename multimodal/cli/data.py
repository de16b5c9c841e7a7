"""``multimodal phantom`` and ``multimodal data``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from multimodal.cli.options import aside, screen

data = typer.Typer(name="data", help="Public sources of training data.", no_args_is_help=True)


def phantom(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Gets one folder a patient, and manifest.csv.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Patients.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first; the same seed draws the same patient.")] = 0,
) -> None:
    """Draw phantom patients: film.dcm, heart.wav, lung.wav, note.txt, and the truth in manifest.csv."""
    from multimodal.phantom import write_cohort

    write_cohort(n, out, seed)
    aside.print(f"{n} phantoms in {out}", markup=False)


@data.command("list")
def list_sources() -> None:
    """List the public sources: what each holds, on what terms, where it comes from."""
    from multimodal.datasets import PHANTOM, SOURCES

    for card in SOURCES.values():
        if card.name != PHANTOM:
            screen.print(f"[bold]{card.name}[/bold]  {card.modality}: {escape(card.title)}", soft_wrap=True)
            screen.print(f"    {card.licence}: {card.terms}", soft_wrap=True, markup=False)
            screen.print(f"    {card.url}", soft_wrap=True, markup=False)
