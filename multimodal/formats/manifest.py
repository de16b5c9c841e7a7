"""manifest.csv: many cases, one row a file (``case_id, path, kind, site, age, sex`` and label columns)."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TextIO

from multimodal.case import Case, Notice, Patient
from multimodal.errors import EmptyCaseError, ManifestError
from multimodal.formats.limits import Limits
from multimodal.formats.reader import Kind
from multimodal.formats.record import read_case
from multimodal.labels import LABELS

_MODALITY_WORDS = {"image": Kind.FILM, "audio": Kind.SOUND, "text": Kind.NOTE}
_OLDEST = 120.0
_LONGEST_LINE = 1 << 16


@dataclass(frozen=True)
class ManifestCase:
    """One case of a manifest, not read yet.

    Attributes:
        case_id: Name of the record.
        sources: Paths of its files, prefixed with their kind where stated.
        patient: Age and sex where stated.
        truth: Known labels, 1 or 0; an unknown one is absent.
        problems: Rows of the case that cannot be used, one notice each.
    """

    case_id: str
    sources: tuple[str, ...] = ()
    patient: Patient = field(default_factory=Patient)
    truth: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Notice, ...] = ()

    def read(self, limits: Limits | None = None) -> Case:
        """Read its files.

        Raises:
            EmptyCaseError: If none can be read.
            MixedPatientsError: If two films name different patients.
        """
        if not self.sources:
            reasons = " ".join(problem.message for problem in self.problems[:3])
            raise EmptyCaseError(f"Case {self.case_id} has no usable row. {reasons}".strip())
        case = read_case(self.sources, case_id=self.case_id, patient=self.patient, limits=limits)
        return replace(case, problems=(*self.problems, *case.problems))


@dataclass
class _Draft:
    """A case while its rows are being read."""

    sources: dict[Path, str] = field(default_factory=dict)
    age: float | None = None
    sex: str | None = None
    truth: dict[str, int] = field(default_factory=dict)
    problems: list[Notice] = field(default_factory=list)


def read_manifest(path: str | Path, limits: Limits | None = None) -> list[ManifestCase]:
    """Read a manifest; a row that cannot be used becomes a problem of its case, the others carry on.

    Args:
        path: The manifest; the paths in it are relative to its folder and may not leave it.
        limits: How many rows it may have; by default those of the environment.

    Returns:
        Its cases, in the order of their first row. A row without a case id becomes a case
        of its own, named after the row, that has nothing but the problem.

    Raises:
        ManifestError: If the file is no such table.
    """
    path = Path(path)
    limits = limits or Limits.from_environment()
    root = path.parent.resolve()
    drafts: dict[str, _Draft] = {}
    for number, row in _rows(path, limits):
        case_id = row.get("case_id", "")
        draft = drafts.setdefault(case_id or f"row {number}", _Draft())
        try:
            _add(draft, row, root)
        except ManifestError as error:
            message = f"Row {number} of the manifest {error.message}."
            draft.problems.append(Notice(ManifestError.code, message, row.get("path") or None, refused=True))
    return [
        ManifestCase(name, tuple(d.sources.values()), Patient(d.age, d.sex), d.truth, tuple(d.problems))
        for name, d in drafts.items()
    ]


def _rows(path: Path, limits: Limits) -> Iterator[tuple[int, dict[str, str]]]:
    """Row numbers, counted from the heading as a spreadsheet does, and their cells."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(_lines(file))
            missing = {"case_id", "path"} - set(reader.fieldnames or ())
            if missing:
                raise ManifestError(f"The manifest has no column {' and '.join(sorted(missing))}.", file=path.name)
            for number, row in enumerate(reader, 2):
                if number > limits.manifest_rows + 1:
                    raise ManifestError(f"The manifest has more than {limits.manifest_rows:,} rows.", file=path.name)
                yield number, {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
    except OSError as error:
        raise ManifestError(f"The manifest can't be read ({error.strerror}).", file=path.name) from None
    except (UnicodeDecodeError, csv.Error):
        raise ManifestError("The manifest is no table in UTF-8.", file=path.name) from None


def _lines(file: TextIO) -> Iterator[str]:
    """Its lines, none of which is long enough to hurt."""
    while line := file.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise csv.Error
        yield line


def _add(draft: _Draft, row: Mapping[str, str], root: Path) -> None:
    """Add a row to its case, or raise and leave the case as it was."""
    if not row["case_id"]:
        raise ManifestError("has no case_id")
    file = _path(row["path"], root)
    if file in draft.sources:
        raise ManifestError("names a file that the case already has")
    kind = _kind(row.get("kind", ""), row.get("site", ""))
    age, sex = _age(row.get("age", "")), _sex(row.get("sex", ""))
    truth = {name: _truth(name, row[name]) for name in LABELS if row.get(name)}
    for what, known, new in (
        ("age", draft.age, age),
        ("sex", draft.sex, sex),
        *((name, draft.truth.get(name), value) for name, value in truth.items()),
    ):
        if known is not None and new is not None and known != new:
            raise ManifestError(f"contradicts an earlier row of its case on {what}")
    draft.sources[file] = f"{kind}:{file}" if kind else str(file)
    draft.age = draft.age if age is None else age
    draft.sex = draft.sex if sex is None else sex
    draft.truth.update(truth)


def _path(cell: str, root: Path) -> Path:
    if not cell:
        raise ManifestError("has no path")
    if PurePosixPath(cell).is_absolute() or PureWindowsPath(cell).anchor or PureWindowsPath(cell).drive:
        raise ManifestError("has an absolute path; paths are relative to the manifest")
    try:
        file = (root / cell).resolve()
        if not file.is_relative_to(root):
            raise ManifestError("has a path that leaves the manifest's folder")
        if not file.is_file():
            raise ManifestError("names a file that doesn't exist")
    except (OSError, ValueError):
        raise ManifestError("has a path that can't be used") from None
    return file


def _kind(kind: str, site: str) -> Kind | None:
    kind, site = kind.lower(), site.lower()
    if site not in ("", Kind.HEART, Kind.LUNG):
        raise ManifestError("has a site other than heart and lung")
    if kind not in ("", *Kind, *_MODALITY_WORDS):
        raise ManifestError(f"has a kind other than {', '.join(Kind)}")
    named = _MODALITY_WORDS.get(kind) or (Kind(kind) if kind else None)
    if not site:
        return named
    if named not in (None, Kind.SOUND, Kind(site)):
        raise ManifestError(f"gives the site {site} to a {named}")
    return Kind(site)


def _age(cell: str) -> float | None:
    if not cell:
        return None
    try:
        age = float(cell)
    except ValueError:
        age = math.nan
    if not 0 <= age <= _OLDEST:
        raise ManifestError(f"has an age that isn't between 0 and {_OLDEST:.0f}")
    return age


def _sex(cell: str) -> str | None:
    if cell.upper() not in ("", "F", "M"):
        raise ManifestError("has a sex other than F and M")
    return cell.upper() or None


def _truth(name: str, cell: str) -> int:
    if cell not in ("0", "1", "0.0", "1.0"):
        raise ManifestError(f"has neither 1, 0 nor nothing in column {name}")
    return int(float(cell))
