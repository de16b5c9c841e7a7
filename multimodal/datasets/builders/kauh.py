"""KAUH: lung sounds of adults, each in three filter modes of the stethoscope.

Fraiwan et al., "A dataset of lung sounds recorded from the chest wall using an electronic
stethoscope", Data in Brief 35 (2021) 106913; https://data.mendeley.com/datasets/jwyy9np4gv.

``Audio Files/BP60_heart failure,Crep,P L L,83,F.wav``: filter mode (B bell, D diaphragm, E extended),
patient, diagnosis, sound type, position, age, sex. The names hold all that the spreadsheet
``Data annotation.xlsx`` holds, which is not read. The three recordings of a patient must agree, or the
number is no patient. A sound type is a list of letters: Crep or C crackles, W wheezes, I and E the phase,
B and Bronchial bronchial breathing, of which alone crackles and wheezes are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from multimodal.datasets.builders.entry import Builder, Entry, Label, age, files
from multimodal.errors import ManifestError
from multimodal.formats import Kind

_NAME = re.compile(
    r"(?P<mode>[BDE])P(?P<number>\d+)_(?P<diagnosis>[^,]+),(?P<sound>[^,]+),(?P<position>[^,]+),(?P<age>[^,]+),(?P<sex>[^,.]+)"
)
_DISEASES: dict[str, str | None] = {
    "asthma": "obstructive_airway_disease",
    "copd": "obstructive_airway_disease",
    "heart failure": "heart_failure",
    "pneumonia": "pneumonia",
    "plueral effusion": "pleural_effusion",  # as the source spells it
    "pleural effusion": "pleural_effusion",
    "lung fibrosis": None,
    "bron": None,
}
_CONDITIONS = ("obstructive_airway_disease", "heart_failure", "pneumonia", "pleural_effusion")
_SOUNDS = {"N", "I", "E", "W", "C", "Crep", "B", "Bronchial"}


def entries(folder: Path) -> Iterator[Entry]:
    """Every recording."""
    persons: dict[str, tuple[str, ...]] = {}
    for path in files(folder, ".wav").values():
        match = _NAME.fullmatch(path.stem)
        if match is None:
            raise ManifestError("The name is not of the form that the source describes.", file=path.name)
        cells = {name: " ".join(cell.split()) for name, cell in match.groupdict().items()}
        patient = f"P{cells['number']}"
        person = (cells["diagnosis"].lower(), cells["age"], cells["sex"].upper())
        if persons.setdefault(patient, person) != person:
            raise ManifestError(f"The recordings of {patient} are of two people.", file=path.name)
        yield Entry(
            patient=patient,
            labels={**_conditions(cells["diagnosis"], path.name), **_heard(cells["sound"], path.name)},
            columns={
                "site": "lung",
                "position": cells["position"],
                "filter_mode": cells["mode"],
                "age": age(cells["age"]),
                "sex": cells["sex"],
                "population": "adult",
                "diagnosis": cells["diagnosis"],
                "sound_type": cells["sound"],
            },
            file=path,
        )


def _conditions(diagnosis: str, file: str) -> dict[str, Label]:
    if diagnosis == "N":
        return {"no_finding": 1, **dict.fromkeys(_CONDITIONS, 0)}
    named = [part.strip() for part in re.split(r"\+|\band\b", diagnosis.lower())]
    if not set(named) <= set(_DISEASES):
        raise ManifestError(f"{diagnosis} is no diagnosis of this source.", file=file)
    found = {_DISEASES[name] for name in named}
    return {"no_finding": 0, **{label: int(label in found) for label in _CONDITIONS}}


def _heard(sound: str, file: str) -> dict[str, Label]:
    parts = set(sound.split())
    if not parts <= _SOUNDS:
        raise ManifestError(f"{sound} is no sound type of this source.", file=file)
    crackles, wheezes = bool(parts & {"C", "Crep"}), "W" in parts
    if not (crackles or wheezes or "N" in parts):
        return {"crackles": None, "wheezes": None}
    return {"crackles": int(crackles), "wheezes": int(wheezes)}


BUILDER = Builder("kauh", Kind.LUNG, ("no_finding", *_CONDITIONS, "crackles", "wheezes"), entries)
