"""Options that several commands share, and ``NAME=VALUE`` pairs."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from rich.console import Console

from multimodal.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

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

Backend = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What runs the networks: torch, or on a CPU onnx, or onnx-int8 with eight-bit weights for notes.",
    ),
]

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting of the recipe (epochs=20), of the preparation (preparation.size=192) or of the architecture"
        " (option.dropout=0.3); may be repeated.",
    ),
]

Reference = Annotated[str, typer.Argument(metavar="KIND/NAME", help="A bundle, such as image/NAME.")]

screen = Console()
"""Tables for people, on stdout."""

aside = Console(stderr=True)
"""Progress and remarks, on stderr."""


def plain(text: str) -> str:
    r"""Text without what could rewrite the reader's terminal: the name of a file may hold control characters.

    >>> plain("a\x1b[2Jb\u202e.txt")
    'a [2Jb .txt'
    """
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)


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


_Settings = TypeVar("_Settings", bound="DataclassInstance")


def settings_of(values: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """``--set`` arguments by group: "recipe", "preparation" and "option"; values are JSON where they can be.

    Raises:
        UsageError: If one is no pair or of no such group.
    """
    groups: dict[str, dict[str, Any]] = {"recipe": {}, "preparation": {}, "option": {}}
    for name, text in pairs("--set", values).items():
        group, _, setting = name.rpartition(".")
        if (group or "recipe") not in groups:
            raise UsageError(f"Expected --set NAME, preparation.NAME or option.NAME, but got {name}.")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        groups[group or "recipe"][setting] = value
    return groups


def changed(settings: _Settings, changes: dict[str, Any]) -> _Settings:
    """The settings with some replaced by values of their own type.

    Raises:
        UsageError: If there is no such setting, or a value is of another type.
    """
    known = {field.name: type(getattr(settings, field.name)) for field in fields(settings)}
    for name, value in changes.items():
        if name not in known:
            raise UsageError(f"Expected --set with one of {', '.join(known)}, but got {name}.")
        if not isinstance(value, (int, float) if known[name] is float else known[name]):
            raise UsageError(f"Expected --set {name} to be a {known[name].__name__}, but got {value}.")
    return replace(settings, **changes)
