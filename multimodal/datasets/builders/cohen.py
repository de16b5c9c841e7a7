"""COVID-19 image data collection: films of publications with the case's clinical note.

Cohen, Morrison and Dao, "COVID-19 image data collection", 2020, arXiv:2003.11597;
https://github.com/ieee8023/covid-chestxray-dataset (columns: its SCHEMA.md).

``metadata.csv`` and ``images/``. Frontal films (PA, AP, AP Supine) are taken; CT slices and lateral
films are not. ``finding`` is a path such as ``Pneumonia/Viral/COVID-19``, in older versions its last
part alone. Acute respiratory distress and lipoid pneumonia say nothing of an infection: unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from multimodal.datasets.builders.entry import Builder, Entry, Label, age, first, rows, table
from multimodal.formats import Kind

_VIEWS = {"PA", "AP", "AP Supine"}
_UNSTATED = {"", "todo", "Unknown"}
_NOT_INFECTIOUS = {"Lipoid", "Aspiration", "ARDS"}
_INFECTIOUS = {
    *(
        "Bacterial",
        "Viral",
        "Fungal",
        "COVID-19",
        "SARS",
        "MERS",
        "MERS-CoV",
        "Influenza",
        "H1N1",
        "Varicella",
        "Herpes",
    ),
    *("Streptococcus", "Klebsiella", "Legionella", "E.Coli", "Mycoplasma", "Chlamydophila", "Nocardia"),
    *("Staphylococcus", "MRSA", "Pneumocystis", "Aspergillosis"),
}


def entries(folder: Path) -> Iterator[Entry]:
    """Every frontal film."""
    path = first(folder, "metadata.csv")
    frame = table(path, ("patientid", "finding", "view", "filename", "clinical_notes"))
    for row in rows(frame):
        if row["view"] not in _VIEWS or row.get("modality", "X-ray") != "X-ray":
            continue
        yield Entry(
            patient=row["patientid"],
            labels=_labels(row["finding"]),
            columns={
                "view": row["view"],
                "age": age(row.get("age", "")),
                "sex": row.get("sex"),
                "offset_days": row.get("offset"),
                "finding": row["finding"],
                "licence": row.get("license", "").strip() or "not stated",
                "text": " ".join(row["clinical_notes"].split()),
            },
            file=path.parent / "images" / row["filename"],
        )


def _labels(finding: str) -> dict[str, Label]:
    parts = {part.strip() for part in re.split(r"[/,]", finding)} - _UNSTATED
    if not parts:
        return dict.fromkeys(BUILDER.labels)
    if parts == {"No Finding"}:
        return {"no_finding": 1, "pneumonia": 0, "covid19": 0}
    infected = bool(parts & _INFECTIOUS) or ("Pneumonia" in parts and not parts & _NOT_INFECTIOUS)
    return {"no_finding": 0, "pneumonia": 1 if infected else None, "covid19": int("COVID-19" in parts)}


BUILDER = Builder("cohen", Kind.FILM, ("no_finding", "pneumonia", "covid19"), entries)
