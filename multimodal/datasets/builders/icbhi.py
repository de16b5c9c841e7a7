"""ICBHI 2017 respiratory sound database.

Rocha et al., "An open access database for the evaluation of respiratory sound classification
algorithms", Physiol. Meas. 40 (2019) 035001, doi:10.1088/1361-6579/ab03ea; https://bhichallenge.med.auth.gr.

``101_1b1_Al_sc_Meditron.wav`` (patient, recording, position, channels, device) with a ``.txt`` beside or
near it, one breath cycle a line: start, end in seconds, crackles, wheezes. ``patient_diagnosis.csv`` or
``ICBHI_Challenge_diagnosis.txt`` gives one diagnosis a patient, the demographic file age and sex. Every
recording is one row (``unit`` recording: crackles if in any cycle) and so is every cycle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from multimodal.datasets.builders.entry import Builder, Entry, Label, age, files, first
from multimodal.errors import ManifestError
from multimodal.formats import Kind

_NAME = re.compile(r"(?P<patient>\d{3})_(?P<index>\w+?)_(?P<position>[A-Z][a-z])_(?:sc|mc)_(?P<device>\w+)")
_DIAGNOSES = ("**/patient_diagnosis.csv", "**/ICBHI_Challenge_diagnosis.txt")
_DEMOGRAPHICS = ("demographic_info.txt", "ICBHI_Challenge_demographic_information.txt")
# Diagnosis -> (obstructive airway disease, pneumonia); None where the words leave it open.
_CONDITIONS: dict[str, tuple[Label, Label]] = {
    "Healthy": (0, 0),
    "COPD": (1, 0),
    "Asthma": (1, 0),
    "Pneumonia": (0, 1),
    "URTI": (0, 0),
    "LRTI": (0, None),
    "Bronchiectasis": (None, 0),
    "Bronchiolitis": (None, 0),
}

Cycle = tuple[float, float, int, int]


def entries(folder: Path) -> Iterator[Entry]:
    """Every recording, each followed by its cycles."""
    diagnosis = {cells[0]: cells[1] for cells in _lines(first(folder, *_DIAGNOSES), at_least=2)}
    notes = files(folder, ".txt")
    persons = {cells[0]: cells for name in _DEMOGRAPHICS if name in notes for cells in _lines(notes[name], at_least=3)}
    for path in files(folder, ".wav").values():
        match = _NAME.fullmatch(path.stem)
        if match is None:
            raise ManifestError("The name is not of the form that the source describes.", file=path.name)
        patient = match["patient"]
        named = diagnosis.get(patient, "")
        if named not in _CONDITIONS or f"{path.stem}.txt" not in notes:
            raise ManifestError("The recording has no known diagnosis or no annotation.", file=path.name)
        _, years, sex, *_ = persons.get(patient, (patient, "", ""))
        columns = {
            "site": "lung",
            "position": match["position"],
            "device": match["device"],
            "age": age(years),
            "sex": sex.replace("NA", ""),
            "diagnosis": named,
        }
        cycles = _cycles(notes[f"{path.stem}.txt"])
        heard = tuple(int(any(cycle[i] for cycle in cycles)) for i in (2, 3))
        yield Entry(patient, _labels(named, *heard), {**columns, "unit": "recording"}, path)
        for start, end, *marks in cycles:
            yield Entry(patient, _labels(named, *marks), {**columns, "unit": "cycle"}, path, span=(start, end))


def _lines(path: Path, at_least: int) -> list[list[str]]:
    """Cells of each line, separated by commas, tabs or spaces."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError("This table cannot be read.", file=path.name) from error
    cells = [re.split(r"[,\s]+", line.strip()) for line in text.splitlines()]
    return [line for line in cells if len(line) >= at_least]


def _cycles(path: Path) -> list[Cycle]:
    try:
        return [(float(c[0]), float(c[1]), int(c[2]), int(c[3])) for c in _lines(path, at_least=4)]
    except ValueError as error:
        raise ManifestError("The annotation is not start, end, crackles, wheezes.", file=path.name) from error


def _labels(diagnosis: str, crackles: int, wheezes: int) -> dict[str, Label]:
    obstructive, pneumonia = _CONDITIONS[diagnosis]
    return {
        "no_finding": int(diagnosis == "Healthy"),
        "obstructive_airway_disease": obstructive,
        "pneumonia": pneumonia,
        "crackles": crackles,
        "wheezes": wheezes,
    }


BUILDER = Builder(
    "icbhi", Kind.LUNG, ("no_finding", "obstructive_airway_disease", "pneumonia", "crackles", "wheezes"), entries
)
