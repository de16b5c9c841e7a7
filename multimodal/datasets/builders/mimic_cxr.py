"""MIMIC-CXR: chest films of the Beth Israel Deaconess Medical Center with their reports.

Johnson et al., "MIMIC-CXR-JPG, a large publicly available database of labeled chest radiographs",
2019, arXiv:1901.07042; https://physionet.org/content/mimic-cxr-jpg/. Reports: ``mimic-cxr-reports.zip`` of
https://physionet.org/content/mimic-cxr/.

``mimic-cxr-2.0.0-chexpert.csv.gz`` (a study's observations), ``-metadata.csv.gz`` (a film's view),
``-split.csv.gz`` (the official split, kept), films ``files/p10/p10000032/s50414267/<dicom_id>.jpg`` and reports
``files/p10/p10000032/s50414267.txt``, in the same tree or in ``mimic-cxr-reports``. Labels as in
:mod:`~multimodal.datasets.builders.chexpert`. Frontal films (PA, AP) are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from multimodal.case import Text
from multimodal.datasets.builders.chexpert import LABELS, OBSERVATIONS, labels_of
from multimodal.datasets.builders.entry import Builder, Entry, first, report, rows, table
from multimodal.errors import InputError, ManifestError
from multimodal.formats import Kind, read

_VIEWS = {"PA", "AP"}
_SPLITS = {"train": "train", "validate": "val", "test": "test"}
_KEY = ("subject_id", "study_id")
_HEADER = "FINAL REPORT"


def entries(folder: Path) -> Iterator[Entry]:
    """Every frontal film whose study was labelled."""
    labels = {row["study_id"]: labels_of(row) for row in _table(folder, "chexpert", (*_KEY, *OBSERVATIONS))}
    splits = {row["dicom_id"]: row["split"] for row in _table(folder, "split", ("dicom_id", "split"))}
    for row in _table(folder, "metadata", ("dicom_id", *_KEY, "ViewPosition")):
        subject, study, film = row["subject_id"], row["study_id"], row["dicom_id"]
        if row["ViewPosition"] not in _VIEWS or study not in labels:
            continue
        if splits.get(film) not in _SPLITS:
            raise ManifestError(f"Film {film} stands in no official split.")
        place = Path("files") / f"p{subject[:2]}" / f"p{subject}"
        yield Entry(
            patient=subject,
            labels=labels[study],
            columns={"study_id": study, "view": row["ViewPosition"], **_report(folder, place / f"s{study}.txt")},
            file=folder / place / f"s{study}" / f"{film}.jpg",
            split=_SPLITS[splits[film]],
        )


def _table(folder: Path, name: str, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    return rows(table(first(folder, f"mimic-cxr-2.*-{name}.csv.gz", f"mimic-cxr-2.*-{name}.csv"), columns))


def _report(folder: Path, place: Path) -> dict[str, object]:
    """The whole report as ``text``, and its sections; empty where there is none that can be read."""
    found = [path for root in (folder, folder / "mimic-cxr-reports") if (path := root / place).is_file()]
    if not found:
        return report()
    try:
        note = read(found[0].read_bytes(), place.name, kind=Kind.NOTE)
    except (OSError, InputError):
        return report()
    assert isinstance(note, Text)  # noqa: S101  the kind was given to the reader
    sections = {section.title: note.text[section.start : section.end] for section in note.sections}
    columns = report(
        sections.get("indication") or sections.get("history", ""),
        *(sections.get(name, "") for name in ("comparison", "findings", "impression")),
    )
    return {**columns, "text": note.text.replace(_HEADER, "").strip()}


BUILDER = Builder("mimic_cxr", Kind.FILM, ("no_finding", *LABELS), entries)
