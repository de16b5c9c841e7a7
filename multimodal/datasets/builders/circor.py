"""CirCor DigiScope: heart sounds of children by position.

Oliveira et al., "The CirCor DigiScope dataset: from murmur detection to murmur classification",
IEEE J. Biomed. Health Inform. 26 (2022), doi:10.1109/JBHI.2021.3137048;
https://physionet.org/content/circor-heart-sound/1.0.3/.

``training_data.csv``, one row a patient, and ``training_data/13918_AV.wav`` (a second recording at a
position is ``13918_AV_1.wav``). The annotation gives the positions at which a murmur was heard; at the
others of that patient it is unknown. ``Additional ID`` names the same person in the other screening
campaign. ``Outcome`` is the cardiologist's verdict on the whole patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from multimodal.datasets.builders.entry import Builder, Entry, Label, files, first, people, rows, table
from multimodal.formats import Kind

_NAME = re.compile(r"(?P<record>\d+)_(?P<position>AV|PV|TV|MV|Phc)(?:_\d+)?\.wav")
_COLUMNS = ("Patient ID", "Age", "Sex", "Murmur", "Murmur locations", "Outcome")


def entries(folder: Path) -> Iterator[Entry]:
    """Every recording of the patients in the table."""
    frame = table(first(folder, "training_data.csv"), _COLUMNS).replace("nan", "")
    records = {row["Patient ID"]: row for row in rows(frame)}
    person = people(
        (record, re.sub(r"\.0$", "", row.get("Additional ID", "")) or record) for record, row in records.items()
    )
    for path in files(folder, ".wav").values():
        match = _NAME.fullmatch(path.name)
        row = records.get(match["record"]) if match else None
        if match is None or row is None:
            continue
        yield Entry(
            patient=person[match["record"]],
            labels=_labels(row, match["position"]),
            columns={
                "record_id": match["record"],
                "site": "heart",
                "position": match["position"],
                "age_group": row["Age"],
                "sex": row["Sex"],
                "population": "mostly paediatric",
                "murmur_patient": row["Murmur"],
                "outcome_patient": row["Outcome"],
                "grading": row.get("Systolic murmur grading"),
            },
            file=path,
        )


def _labels(row: dict[str, str], position: str) -> dict[str, Label]:
    murmur: Label = None
    if row["Murmur"] == "Absent":
        murmur = 0
    elif row["Murmur"] == "Present" and position in row["Murmur locations"].split("+"):
        murmur = 1
    normal: Label = None
    if row["Murmur"] == "Present" or row["Outcome"] == "Abnormal":
        normal = 0
    elif row["Murmur"] == "Absent" and row["Outcome"] == "Normal":
        normal = 1
    return {"murmur": murmur, "no_finding": normal}


BUILDER = Builder("circor", Kind.HEART, ("murmur", "no_finding"), entries)
