"""``multimodal zoo``: the trained bundles."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from typing import Annotated

import typer

from multimodal.cli.options import Json, Reference, aside, reference, screen

zoo = typer.Typer(name="zoo", help="List, show and check trained bundles.", no_args_is_help=True)


@zoo.command("list")
def list_bundles(json: Json = False) -> None:
    """List every bundle; a default is marked."""
    from multimodal.listing import listing

    listed = listing()
    for name, why in listed.broken.items():
        aside.print(f"{name}: {why}", markup=False)
    if json:
        typer.echo(json_format.dumps([asdict(entry) for entry in listed.entries], indent=2))
        return
    from multimodal.cli.show import table

    rows = table("bundle", "", "architecture", "labels>", "parameters>", "sha256")
    for entry in listed.entries:
        rows.add_row(
            f"{entry.kind}/{entry.name}",
            "default" if entry.default else "",
            entry.arch,
            str(len(entry.labels)),
            f"{entry.parameters:,}",
            entry.sha256[:12],
        )
    screen.print(rows)


@zoo.command()
def show(bundle: Reference) -> None:
    """Show a bundle's model card."""
    from multimodal.zoo import find

    found = find(*reference(bundle))
    if found.card:
        from rich.markdown import Markdown

        screen.print(Markdown(found.card))
    else:
        screen.print_json(found.config.to_json())


@zoo.command()
def verify(
    bundle: Annotated[str | None, typer.Argument(metavar="[KIND/NAME]", help="One bundle; all without it.")] = None,
) -> None:
    """Check every bundle, or one, by loading it: files, schema, hash, shapes."""
    from multimodal.errors import BundleInvalidError, MultimodalError
    from multimodal.zoo import bundles, find
    from multimodal.zoo import verify as check

    broken = []
    for found in [find(*reference(bundle))] if bundle else bundles():
        name = f"{found.kind}/{found.name}"
        try:
            check(found)
        except MultimodalError as error:
            broken.append(name)
            screen.print(f"{name}: {error}", markup=False)
        else:
            screen.print(f"{name}: ok", markup=False)
    if broken:
        raise BundleInvalidError(f"Bundles that cannot be used: {', '.join(broken)}.")
