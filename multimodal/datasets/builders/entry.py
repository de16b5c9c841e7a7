"""What a source says of one item, and the reading of its tables."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from multimodal.errors import ManifestError
from multimodal.formats import Kind

Label = int | None
"""1, 0 or None where the source does not say."""

MAX_AGE = 120


@dataclass(frozen=True)
class Entry:
    """One item of a source.

    Attributes:
        patient: Of the source; items of one patient stay together.
        labels: What the source says, by label.
        columns: Further columns of ``metadata.csv``.
        file: The film or sound; None where the item is a note in ``columns``.
        span: Start and end in seconds of the part of the sound, or None for all of it.
        split: The official part that the source puts it in, or None where it is free.
    """

    patient: str
    labels: Mapping[str, Label]
    columns: Mapping[str, object] = field(default_factory=dict)
    file: Path | None = None
    span: tuple[float, float] | None = None
    split: str | None = None


@dataclass(frozen=True)
class Builder:
    """How a source's download is read.

    Attributes:
        source: Its name in ``SOURCES``.
        kind: What its items are.
        labels: Columns of labels, in order.
        entries: Reads the folder of the download; raises ManifestError where it is not one.
    """

    source: str
    kind: Kind
    labels: tuple[str, ...]
    entries: Callable[[Path], Iterable[Entry]]


def first(folder: Path, *patterns: str) -> Path:
    """The first path below ``folder`` that one of the patterns finds.

    Raises:
        ManifestError: If none is there.
    """
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            return path
    raise ManifestError(f"Expected {patterns[0]} of the official download in {folder.name}.")


def table(path: Path, columns: Iterable[str]) -> pd.DataFrame:
    """Read a CSV file (also ``.gz``) with every cell as text.

    Raises:
        ManifestError: If it cannot be read or lacks one of the columns.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ManifestError("This table cannot be read.", file=path.name) from error
    missing = [name for name in columns if name not in frame]
    if missing:
        raise ManifestError(f"The table has no column {', '.join(missing)}.", file=path.name)
    return frame


def files(folder: Path, *endings: str) -> dict[str, Path]:
    """Every file below ``folder`` with one of the endings, by name; hidden ones left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in endings and not path.name.startswith("."))
    return {path.name: path for path in sorted(found)}


def age(cell: str) -> float | None:
    """Years, of "58", "058Y" or "58.0"; None where it is no age.

    >>> age("058Y"), age("411"), age("")
    (58.0, None, None)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)Y?", cell.strip())
    years = float(match[1]) if match else None
    return years if years is not None and years <= MAX_AGE else None


def report(indication: str = "", comparison: str = "", findings: str = "", impression: str = "") -> dict[str, object]:
    """The columns of a report: its sections, and ``text`` with those that are there, headed."""
    sections = {"indication": indication, "comparison": comparison, "findings": findings, "impression": impression}
    sections = {name: " ".join(part.split()) for name, part in sections.items()}
    text = "\n".join(f"{name.upper()}: {part}" for name, part in sections.items() if part)
    return {"text": text, **sections}


def people(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """One identifier for all numbers that are the same person by a chain of pairs: the largest of them.

    >>> sorted(people([("23625", "50379"), ("1", "1")]).items())
    [('1', '1'), ('23625', '50379'), ('50379', '50379')]
    """
    groups: dict[str, set[str]] = {}
    for one, other in pairs:
        joined = groups.get(one, {one}) | groups.get(other, {other})
        groups.update(dict.fromkeys(joined, joined))
    return {number: max(group, key=lambda n: (len(n), n)) for number, group in groups.items()}


def rows(frame: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Each row by column name."""
    columns = [str(name) for name in frame]
    for cells in frame.itertuples(index=False, name=None):
        yield dict(zip(columns, cells, strict=True))
