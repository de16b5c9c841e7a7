"""Kermany: paediatric chest films, Guangzhou Women and Children's Medical Center.

Kermany et al., "Identifying medical diagnoses and treatable diseases by image-based deep
learning", Cell 172 (2018), doi:10.1016/j.cell.2018.02.010; https://data.mendeley.com/datasets/rscbjbr9sj.

``chest_xray/train|test/NORMAL|PNEUMONIA/*.jpeg``. The folder is the label. Names hold the
patient's number: ``person75_bacteria_366``, ``IM-0115-0001`` and ``NORMAL2-IM-0383-0001``, or
``BACTERIA-1008087-0001`` in version 3. Each series counts by itself: train lacks the bacterial persons 78 to
252 but holds viral ones of these numbers. So the patient is the series with the number, hashed, since
the series tells the class. ``test`` stays the test split; a ``val`` folder, which some copies took out of
train, belongs to train.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from multimodal.datasets.builders.entry import Builder, Entry, files, first
from multimodal.errors import ManifestError
from multimodal.formats import Kind

_FOLDERS = {"NORMAL": 0, "PNEUMONIA": 1}
_PARTS = {"train": None, "val": None, "test": "test"}
_NAME = re.compile(
    r"person(?P<person>\d+)_(?P<cause>bacteria|virus)_"
    r"|(?P<series>(?:NORMAL2-)?IM)-(?P<normal>\d+)-"
    r"|(?P<kind>BACTERIA|VIRUS|NORMAL)-(?P<number>\d+)-"
)


def entries(folder: Path) -> Iterator[Entry]:
    """Every film of the parts that are there."""
    root = first(folder, "train", "*/train", "*/*/train").parent
    for part, split in _PARTS.items():
        for name, pneumonia in _FOLDERS.items():
            for path in files(root / part / name, ".jpeg", ".jpg").values():
                patient, cause = _patient(path.name)
                yield Entry(
                    patient=patient,
                    labels={"no_finding": 1 - pneumonia, "pneumonia": pneumonia},
                    columns={"view": "AP", "population": "paediatric", "subtype": cause},
                    file=path,
                    split=split,
                )


def _patient(name: str) -> tuple[str, str]:
    """A hashed patient, and the cause that the name states or ""."""
    match = _NAME.match(name)
    if match is None:
        raise ManifestError("The name holds no patient number.", file=name)
    series = (match["cause"] or match["series"] or match["kind"]).lower()
    number = match["person"] or match["normal"] or match["number"]
    hashed = hashlib.sha256(f"{series}-{number}".encode()).hexdigest()[:12]
    return hashed, series if series in ("bacteria", "virus") else ""


BUILDER = Builder("kermany", Kind.FILM, ("no_finding", "pneumonia"), entries)
