"""ChestX-ray14 of the NIH Clinical Center.

Wang et al., "ChestX-ray8: hospital-scale chest X-ray database and benchmarks", CVPR 2017,
arXiv:1705.02315; https://nihcc.app.box.com/v/ChestXray-NIHCC.

``Data_Entry_2017*.csv`` (``Finding Labels`` joined by "|") and the films in ``images`` or
``images_001`` to ``images_012``. The labels are text-mined from the reports: a finding that is not
listed was not found in the report and counts as 0. Pneumonia is unknown where only infiltration or
consolidation is listed, which may be pneumonia under another name. Oedema stands for heart failure and
emphysema for obstructive airway disease.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from multimodal.datasets.builders.entry import Builder, Entry, Label, age, files, first, rows, table
from multimodal.formats import Kind

_FINDINGS = {
    "no_finding": "No Finding",
    "pneumonia": "Pneumonia",
    "obstructive_airway_disease": "Emphysema",
    "heart_failure": "Edema",
    "pleural_effusion": "Effusion",
    "cardiomegaly": "Cardiomegaly",
    "atelectasis": "Atelectasis",
}
_MAY_BE_PNEUMONIA = {"Infiltration", "Consolidation"}
_ADULT = 18


def entries(folder: Path) -> Iterator[Entry]:
    """Every film of the table that lies in the folder; any of the twelve archives may be missing."""
    frame = table(
        first(folder, "Data_Entry_2017*.csv"),
        ("Image Index", "Finding Labels", "Patient ID", "Patient Age", "View Position"),
    )
    films = files(folder, ".png")
    for row in rows(frame):
        path = films.get(row["Image Index"])
        if path is None:
            continue
        years = age(row["Patient Age"])
        yield Entry(
            patient=row["Patient ID"],
            labels=_labels(row["Finding Labels"]),
            columns={
                "view": row["View Position"],
                "age": years,
                "sex": row.get("Patient Gender") or row.get("Patient Sex"),
                "population": None if years is None else "adult" if years >= _ADULT else "paediatric",
                "nih_labels": row["Finding Labels"],
            },
            file=path,
        )


def _labels(cell: str) -> dict[str, Label]:
    found = set(cell.split("|"))
    labels: dict[str, Label] = {label: int(finding in found) for label, finding in _FINDINGS.items()}
    if not labels["pneumonia"] and found & _MAY_BE_PNEUMONIA:
        labels["pneumonia"] = None
    return labels


BUILDER = Builder("nih", Kind.FILM, tuple(_FINDINGS), entries)
