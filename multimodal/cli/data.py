"""``multimodal phantom`` and ``multimodal data``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from multimodal.cli.options import aside, screen
from multimodal.errors import UsageError

SHOWN = 10
"""Reasons for leaving items out that are shown."""

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
    from multimodal.datasets.builders import BUILDERS

    for card in SOURCES.values():
        if card.name != PHANTOM:
            labels = ", ".join(BUILDERS[card.name].labels) if card.name in BUILDERS else "none"
            screen.print(f"[bold]{card.name}[/bold]  {card.modality}: {escape(card.title)}", soft_wrap=True)
            screen.print(f"    {card.licence}: {card.terms}", soft_wrap=True, markup=False)
            screen.print(f"    labels: {labels}", soft_wrap=True, markup=False)
            screen.print(f"    {card.url}", soft_wrap=True, markup=False)


@data.command()
def prepare(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A name of data list.")],
    download: Annotated[Path, typer.Option("--from", metavar="DIR", help="The official download, unpacked.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder; end it in SOURCE, training names it so.")],
) -> None:
    """Turn a source's official download into a folder to train on, split by patient."""
    from multimodal.datasets.builders import BUILDERS, write_folder

    if source not in BUILDERS:
        raise UsageError(f"Expected a source out of {', '.join(BUILDERS)}, but got {source}.")

    from rich.progress import track

    prepared = write_folder(
        BUILDERS[source],
        download,
        out,
        track=lambda files: track(files, "Preparing", console=aside),
    )
    for reason in prepared.left_out[:SHOWN]:
        aside.print(reason, markup=False)
    aside.print(
        f"{prepared.rows} items of {prepared.patients} patients in {out}, {len(prepared.left_out)} left out.",
        markup=False,
    )
