"""BMD-HS: heart sounds of adults with valve disease confirmed by echocardiography.

Ali et al., "BUET Multi-disease Heart Sound Dataset: a comprehensive auscultation dataset for
developing computer-aided diagnostic systems", 2024, arXiv:2409.00724;
https://github.com/mHealthBuet/BMD-HS-Dataset.

``train.csv`` (``patient_id, AS, AR, MR, MS, N, recording_1`` to ``recording_8``; "N/A" is unknown),
``additional_metadata.csv`` (age, in newer versions a band such as "30-39", and sex) and ``train/*.wav``.
A recording's name starts with its class and ends with posture and position: ``MD_001_sup_Mit``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from multimodal.datasets.builders.entry import Builder, Entry, Label, age, files, first, rows, table
from multimodal.errors import ManifestError
from multimodal.formats import Kind

_VALVES = {
    "aortic_stenosis": "AS",
    "aortic_regurgitation": "AR",
    "mitral_stenosis": "MS",
    "mitral_regurgitation": "MR",
}
_NAME = re.compile(r"[A-Z]+_\d+_(?P<posture>sup|sit)_(?P<position>Mit|Tri|Pul|Aor)")
_RECORDINGS = tuple(f"recording_{number}" for number in range(1, 9))


def entries(folder: Path) -> Iterator[Entry]:
    """Every recording of the table."""
    path = first(folder, "train.csv")
    frame = table(path, ("patient_id", *_VALVES.values(), "N", *_RECORDINGS))
    about = table(first(folder, "additional_metadata.csv"), ("patient_id", "Age", "Gender"))
    people = {row["patient_id"]: row for row in rows(about)}
    sounds = files(folder, ".wav")
    for row in rows(frame):
        person = people.get(row["patient_id"], {"Age": "", "Gender": ""})
        for name in filter(None, (row[column].strip() for column in _RECORDINGS)):
            match = _NAME.fullmatch(name)
            if match is None:
                raise ManifestError(f"{name} is no recording of this source.", file=path.name)
            yield Entry(
                patient=row["patient_id"],
                labels=_labels(row),
                columns={
                    "site": "heart",
                    "position": match["position"],
                    "posture": match["posture"],
                    "age": age(person["Age"]),
                    "age_group": person["Age"],
                    "sex": person["Gender"],
                    "population": "adult",
                },
                file=sounds.get(f"{name}.wav", path.parent / "train" / f"{name}.wav"),
            )


def _labels(row: dict[str, str]) -> dict[str, Label]:
    valves: dict[str, Label] = {label: _cell(row[column]) for label, column in _VALVES.items()}
    normal = _cell(row["N"])
    diseased: Label = 1 if 1 in valves.values() else 0 if normal == 1 else None
    return {"no_finding": normal, "valvular_heart_disease": diseased, **valves}


def _cell(text: str) -> Label:
    return {"1": 1, "0": 0}.get(text.strip())


BUILDER = Builder("bmdhs", Kind.HEART, ("no_finding", "valvular_heart_disease", *_VALVES), entries)
