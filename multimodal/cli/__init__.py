"""The ``multimodal`` command.

Exit codes: 0 done; 2 what was given is at fault, told in one line on stderr; 1 the
program or a bundle is at fault; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from multimodal.cli.card import card
from multimodal.cli.cases import batch, diagnose
from multimodal.cli.data import data, phantom
from multimodal.cli.models import evaluate, guard, train
from multimodal.cli.options import plain
from multimodal.cli.probe import probe
from multimodal.cli.serve import serve
from multimodal.cli.site import site
from multimodal.cli.zoo import zoo
from multimodal.errors import ArchitectureError, BundleNotFoundError, InputError, MissingExtraError, MultimodalError

__all__ = ["app", "main", "run"]

_MENDABLE = (InputError, BundleNotFoundError, ArchitectureError, MissingExtraError)
"""What the user can put right: a file, a name, an installation."""

app = typer.Typer(
    name="multimodal",
    help="Chest films, heart and lung sounds and clinical notes, fused into one calibrated diagnosis.\n\n"
    "Research software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(diagnose)
app.command()(batch)
app.command()(evaluate)
app.command()(probe)
app.command()(card)
app.command()(train)
app.command()(guard)
app.add_typer(zoo)
app.command()(phantom)
app.add_typer(data)
app.command("app")(site)
app.command()(serve)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        return app(list(arguments), prog_name="multimodal", standalone_mode=False) or 0
    except TyperException as error:
        return _say(error.format_message(), error.exit_code)
    except MultimodalError as error:
        return _say(str(error), 2 if isinstance(error, _MENDABLE) else 1)


def _say(message: str, code: int) -> int:
    """One line on stderr."""
    line = " ".join(plain(message).split())
    if line:
        typer.echo(f"multimodal: {line}", err=True)
    return code


def main() -> None:
    """Entry point of the ``multimodal`` command."""
    sys.exit(run(sys.argv[1:]))
