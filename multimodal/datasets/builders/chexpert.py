"""CheXpert: chest films of Stanford Hospital, with reports where CheXpert Plus is there.

Irvin et al., "CheXpert: a large chest radiograph dataset with uncertainty labels and expert
comparison", AAAI 2019, arXiv:1901.07031; https://stanfordmlgroup.github.io/competitions/chexpert/.
Reports: Chambon et al., "CheXpert Plus", 2024, arXiv:2405.19538.

``train.csv`` and ``valid.csv`` with ``Path`` (``CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg``),
``Sex``, ``Age``, ``Frontal/Lateral``, ``AP/PA`` and fourteen observations: 1, 0, -1 uncertain, empty not
mentioned. Uncertain and not mentioned are unknown. "No Finding" is 1 only where nothing was found, so that
the other labels are then 0; it is 0 where something was. ``valid.csv``, labelled by radiologists, stays the
val split. ``df_chexpert_plus_*.csv`` links reports by the film's path. Frontal films are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from multimodal.datasets.builders.entry import Builder, Entry, Label, age, first, report, rows, table
from multimodal.errors import ManifestError
from multimodal.formats import Kind

LABELS = {
    "pneumonia": "Pneumonia",
    "heart_failure": "Edema",
    "pleural_effusion": "Pleural Effusion",
    "cardiomegaly": "Cardiomegaly",
    "atelectasis": "Atelectasis",
}
"""Label by observation; oedema stands for heart failure."""

NO_FINDING = "No Finding"
OTHERS = (
    *("Enlarged Cardiomediastinum", "Lung Opacity", "Lung Lesion", "Consolidation"),
    *("Pneumothorax", "Pleural Other", "Fracture"),
)
"""Observations that are abnormal too; support devices are none."""

OBSERVATIONS = (NO_FINDING, *LABELS.values(), *OTHERS)
_PARTS = {"train.csv": None, "valid.csv": "val"}
_DEPTH = 4  # part, patient, study, film
_COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS)
_REPORTS = ("path_to_image", "section_clinical_history", "section_history", "section_comparison")
_READINGS = ("section_findings", "section_impression")


def entries(folder: Path) -> Iterator[Entry]:
    """Every frontal film of both tables."""
    root = first(folder, "train.csv", "CheXpert-v1.0*/train.csv").parent
    reports = _reports(root)
    for name, split in _PARTS.items():
        for row in rows(table(first(root, name), _COLUMNS)):
            if row["Frontal/Lateral"] != "Frontal":
                continue
            place = PurePosixPath(*PurePosixPath(row["Path"]).parts[-_DEPTH:])
            if len(place.parts) < _DEPTH:
                raise ManifestError(f"{row['Path']} is no path of this source.", file=name)
            yield Entry(
                patient=place.parts[1],
                labels=labels_of(row),
                columns={
                    "view": row["AP/PA"],
                    "age": age(row["Age"]),
                    "sex": row["Sex"].replace("Unknown", ""),
                    **reports.get(place.with_suffix("").as_posix(), report()),
                },
                file=root / place,
                split=split,
            )


def labels_of(row: Mapping[str, str]) -> dict[str, Label]:
    """Labels of one row of the CheXpert labeller, which MIMIC-CXR uses too."""
    cells = {name: _cell(row[name]) for name in OBSERVATIONS}
    if cells[NO_FINDING] == 1:
        return {"no_finding": 1, **{label: cells[name] if row[name].strip() else 0 for label, name in LABELS.items()}}
    abnormal = 1 in (cells[name] for name in (*LABELS.values(), *OTHERS))
    return {"no_finding": 0 if abnormal else None, **{label: cells[name] for label, name in LABELS.items()}}


def _cell(text: str) -> Label:
    return {"1.0": 1, "1": 1, "0.0": 0, "0": 0}.get(text.strip())


def _reports(root: Path) -> dict[str, dict[str, object]]:
    """Columns of each film's report, by the film's path without its ending."""
    found = sorted(root.glob("df_chexpert_plus_*.csv"))
    return {
        PurePosixPath(row["path_to_image"]).with_suffix("").as_posix(): report(
            row["section_clinical_history"] or row["section_history"],
            row["section_comparison"],
            row["section_findings"],
            row["section_impression"],
        )
        for path in found[:1]
        for row in rows(table(path, (*_REPORTS, *_READINGS)))
    }


BUILDER = Builder("chexpert", Kind.FILM, ("no_finding", *LABELS), entries)
