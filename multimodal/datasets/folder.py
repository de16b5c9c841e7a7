"""``metadata.csv`` folders: rows, a label matrix with unknowns, and patients kept together.

The layout is Hugging Face's ImageFolder / AudioFolder: one ``metadata.csv`` beside the
files with ``file_name`` (a text folder has the note itself in ``text``), ``patient_id``,
``split``, ``fold`` and one column a label, 1, 0 or empty for unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from multimodal.case import FloatArray, Item
from multimodal.errors import ManifestError, UsageError
from multimodal.formats import Kind, read
from multimodal.labels import LABELS, Modality, Site

BoolArray = npt.NDArray[np.bool_]

LABEL_NAMES = tuple(LABELS)
INDICATION = " (indication)"
"""Ends the source of an indication that is answered beside its whole note."""
_TEXT_ATTRIBUTES = ("view", "site", "position", "device", "unit", "filter_mode", "population")
_NUMBER_ATTRIBUTES = ("age", "side_px")
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}


class Origin(Protocol):
    """Where one item comes from."""

    @property
    def key(self) -> str:
        """Names the content, for a cache."""
        ...

    def load(self) -> Item:
        """Read or draw the item."""
        ...


@dataclass(frozen=True)
class FileOrigin:
    """A film or sound on disk."""

    path: Path
    kind: Kind

    @property
    def key(self) -> str:
        """Path, size and time of change."""
        stat = self.path.stat()
        return f"{self.path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"

    def load(self) -> Item:
        """Read the file.

        Raises:
            InputError: If it is missing or cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ManifestError("The file named in metadata.csv cannot be opened.", file=self.path.name) from error
        return read(data, self.path.name, kind=self.kind)


@dataclass(frozen=True)
class NoteOrigin:
    """A note that stands in the table itself."""

    name: str
    text: str

    @property
    def key(self) -> str:
        """The note."""
        return self.text

    def load(self) -> Item:
        """The note with its sections found."""
        return read(self.text.encode(), self.name, kind=Kind.NOTE)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of one modality, from one source or several.

    Attributes:
        modality: Of every row.
        rows: One row an item: ``source``, ``patient`` ("source/patient_id"), ``split``,
            ``fold`` (-1 without one), ``age``, ``sex``, ``side_px``, ``view``, ``site``,
            ``position``, ``device``, ``unit``, ``filter_mode``, ``population`` (missing
            where unknown) and the source's further columns.
        labels: (N, L) float32 over the whole vocabulary; NaN is unknown.
        origins: Where each item comes from.
    """

    modality: Modality
    rows: pd.DataFrame
    labels: FloatArray
    origins: tuple[Origin, ...]

    def __post_init__(self) -> None:
        if not len(self.rows) == len(self.labels) == len(self.origins):
            raise ManifestError("Rows, labels and items of a dataset differ in number.")
        for column in ("split", "fold"):
            counts = self.rows.groupby("patient")[column].nunique()
            if (counts > 1).any():
                patient = counts.index[counts > 1][0]
                raise ManifestError(f"Patient {patient} stands in more than one {column}; keep a patient together.")

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, keep: npt.ArrayLike) -> Dataset:
        """The rows for which ``keep`` (N,) is true, or the rows of those numbers."""
        chosen = np.asarray(keep)
        index = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return replace(
            self,
            rows=self.rows.iloc[index].reset_index(drop=True),
            labels=self.labels[index],
            origins=tuple(self.origins[i] for i in index),
        )

    def in_split(self, *splits: str) -> Dataset:
        """The rows of these splits."""
        return self.where(self.rows["split"].isin(splits).to_numpy())

    @property
    def strata(self) -> npt.NDArray[np.str_]:
        """(N,) "source", "source side_px" or "source unit": rows of different making tell labels apart by it."""
        parts = (self.rows[column] for column in ("side_px", "unit"))
        made = [
            part.map(lambda value: "" if pd.isna(value) else f" {value:g}" if isinstance(value, float) else f" {value}")
            for part in parts
        ]
        return np.asarray(self.rows["source"].astype(str) + made[0] + made[1], dtype=np.str_)

    def label(self, name: str) -> FloatArray:
        """(N,) one label's column: 1, 0 or NaN."""
        return self.labels[:, LABEL_NAMES.index(name)]

    def positive_patients(self, name: str) -> int:
        """How many patients have the label in at least one row."""
        return int(self.rows.loc[self.label(name) == 1, "patient"].nunique())

    def sources(self) -> Iterator[tuple[str, Dataset]]:
        """Each source by itself."""
        for source in self.rows["source"].unique():
            yield str(source), self.where((self.rows["source"] == source).to_numpy())


def join(datasets: Sequence[Dataset]) -> Dataset:
    """Several datasets of one modality as one.

    Raises:
        UsageError: Without a dataset, or with two modalities.
    """
    if len({dataset.modality for dataset in datasets}) != 1:
        raise UsageError("Expected datasets of one modality to join.")
    return Dataset(
        modality=datasets[0].modality,
        rows=pd.concat([dataset.rows for dataset in datasets], ignore_index=True),
        labels=np.concatenate([dataset.labels for dataset in datasets]),
        origins=tuple(origin for dataset in datasets for origin in dataset.origins),
    )


def load_item(dataset: Dataset, i: int) -> Item:
    """Row ``i`` as an item.

    Raises:
        InputError: If its file is missing or cannot be read.
    """
    return dataset.origins[i].load()


def read_folder(folder: str | Path, kind: Modality | str, *, text_column: str = "text") -> Dataset:
    """Read a ``metadata.csv`` folder; items stay on disk until loaded.

    Rows without what the modality needs (a paired folder's films without a note, say) are
    left out. Class words in file names are never looked at.

    Args:
        folder: Holds ``metadata.csv``.
        kind: "image", "audio" or "text".
        text_column: Column that holds the note, such as "indication".

    Raises:
        ManifestError: If a column is missing, a cell is not what it should be, or a
            patient stands in two splits or folds.
    """
    folder, modality = Path(folder), Modality(kind)
    path = folder / "metadata.csv"
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ManifestError(f"No readable metadata.csv in {folder.name}.", file=path.name) from error
    content = text_column if modality is Modality.TEXT else "file_name"
    missing = [name for name in (content, "patient_id", "split") if name not in table]
    if modality is Modality.AUDIO and "site" not in table:
        missing.append("site")
    if missing:
        raise ManifestError(f"{folder.name}/metadata.csv has no column {', '.join(missing)}.", file=path.name)
    table = table[table[content].str.strip() != ""].reset_index(drop=True)
    for name in ("patient_id", "split"):
        if (table[name] == "").any():
            row = int(np.argmax(table[name] == ""))
            raise ManifestError(f"Row {row + 2} has no {name}.", file=path.name)
    return Dataset(
        modality=modality,
        rows=_rows(table, folder.resolve().name),
        labels=_labels(table, path.name),
        origins=tuple(_origins(table, folder, modality, content)),
    )


def _rows(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Normalised columns, with the source's own further ones kept."""
    rows = table.drop(columns=[name for name in LABEL_NAMES if name in table]).replace({"": None, "nan": None})
    rows["source"] = source
    rows["patient"] = source + "/" + rows.pop("patient_id")
    rows["fold"] = _folds(rows["fold"]) if "fold" in rows else -1
    for name in _NUMBER_ATTRIBUTES:
        rows[name] = pd.to_numeric(rows[name], errors="coerce") if name in rows else np.nan
    for name in _TEXT_ATTRIBUTES:
        if name not in rows:
            rows[name] = None
    rows["sex"] = rows["sex"].str.lower().map(_SEXES) if "sex" in rows else None
    return rows


def _folds(cells: pd.Series) -> pd.Series:
    """Whole numbers, -1 where there is none."""
    numbers = pd.to_numeric(cells, errors="coerce")
    if (cells.notna() & numbers.isna()).any():
        raise ManifestError("In every row fold must be a whole number or empty.", file="metadata.csv")
    return numbers.fillna(-1).astype(int)


def _labels(table: pd.DataFrame, file: str) -> FloatArray:
    """(N, L) matrix; a cell is 1, 0 or empty."""
    matrix = np.full((len(table), len(LABEL_NAMES)), np.nan, np.float32)
    for column, name in enumerate(LABEL_NAMES):
        if name not in table:
            continue
        cells = table[name].str.strip().replace({"nan": ""})
        values = pd.to_numeric(cells, errors="coerce")
        wrong = (cells != "") & ~values.isin((0, 1))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ManifestError(f"Row {row + 2}: {name} must be 1, 0 or empty, not {cells[row]!r}.", file=file)
        matrix[:, column] = values.to_numpy(np.float32, na_value=np.nan)
    return matrix


def _origins(table: pd.DataFrame, folder: Path, modality: Modality, content: str) -> Iterator[Origin]:
    """One a row; files stay inside the folder."""
    root = folder.resolve()
    for i, cell in enumerate(table[content]):
        if modality is Modality.TEXT:
            yield NoteOrigin(f"{root.name}-{i + 2}.txt", cell)
            continue
        path = (root / cell).resolve()
        if not path.is_relative_to(root):
            raise ManifestError(f"Row {i + 2}: file_name leads out of the folder.", file="metadata.csv")
        yield FileOrigin(path, _kind(modality, table["site"][i] if modality is Modality.AUDIO else "", i))


def _kind(modality: Modality, site: str, i: int) -> Kind:
    """The reader's word for a film, a heart or a lung sound."""
    if modality is Modality.IMAGE:
        return Kind.FILM
    if site not in set(Site):
        raise ManifestError(f"Row {i + 2}: site must be heart or lung, not {site!r}.", file="metadata.csv")
    return Kind.HEART if site == Site.HEART else Kind.LUNG
