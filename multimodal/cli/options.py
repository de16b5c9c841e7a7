"""Options that several commands share, and ``NAME=VALUE`` pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import typer
from rich.console import Console

from multimodal.errors import UsageError

Sex = Literal["F", "M"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="KIND=NAME", help="Use this bundle, such as image=NAME; may be repeated."),
]
Prevalences = Annotated[
    list[str] | None,
    typer.Option(
        "--prevalence", metavar="LABEL=P", help="How common a label is among your patients, 0 to 1; may be repeated."
    ),
]

Reference = Annotated[str, typer.Argument(metavar="KIND/NAME", help="A bundle, such as image/NAME.")]

screen = Console()
"""Tables for people, on stdout."""

aside = Console(stderr=True)
"""Progress and remarks, on stderr."""


def pairs(option: str, values: Sequence[str] | None) -> dict[str, str]:
    """Split ``NAME=VALUE`` arguments.

    Raises:
        UsageError: If one is no pair, or a name is given twice.
    """
    found: dict[str, str] = {}
    for value in values or ():
        name, _, rest = value.partition("=")
        if not (name and rest):
            raise UsageError(f"Expected {option} NAME=VALUE, but got {value}.")
        if name in found:
            raise UsageError(f"Expected {option} {name}=... once, but got it twice.")
        found[name] = rest
    return found


def reference(bundle: str) -> tuple[str, str]:
    """Kind and name of ``KIND/NAME``; the name may be one of the Hub, ``hf:organisation/name@revision``.

    Raises:
        UsageError: If it is not of that form.
    """
    kind, _, name = bundle.partition("/")
    if not (kind and name):
        raise UsageError(f"Expected a bundle as KIND/NAME, such as image/NAME, but got {bundle}.")
    return kind, name


def prevalences_of(values: Sequence[str] | None) -> dict[str, float]:
    """The prevalence given for each label.

    Raises:
        UsageError: If one is not a number.
    """
    given = pairs("--prevalence", values)
    try:
        return {label: float(number) for label, number in given.items()}
    except ValueError as error:
        raise UsageError(f"Expected --prevalence LABEL=P with a number ({error}).") from error
