"""What is counted once: a patient, or a film, note or breath cycle; and what it may be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from multimodal.datasets import Dataset
from multimodal.labels import Modality
from multimodal.metrics.checks import FloatArray

STRATA = ("source", "side_px", "unit")
"""Columns that tell how a row was made. Rows that differ in one are never ranked against each other: an item's
source, film size and sort of recording each tell labels apart for reasons that are no sign of disease."""

GROUPS = ("source", "side_px", "unit", "sex", "age_group", "view", "device")
"""Columns by which figures are also given apart."""

BY_CYCLE = ("crackles", "wheezes")
"""Labels of a single recording or cycle in a source that has cycles; every other label of a sound is its patient's."""

_AGES = {18.0: "0-17", 40.0: "18-39", 65.0: "40-64", np.inf: "65+"}


@dataclass(frozen=True)
class Scored:
    """Rows of one modality with what a branch, or anything else, says of them.

    Attributes:
        data: The rows, with what is known of them.
        labels: The L labels.
        scores: (N, L), higher = more likely; NaN where nothing is said.
    """

    data: Dataset
    labels: tuple[str, ...]
    scores: FloatArray

    @property
    def rows(self) -> pd.DataFrame:
        """The rows' columns."""
        return self.data.rows


@dataclass(frozen=True)
class Units:
    """One label, one row a unit.

    Attributes:
        by_patient: Whether a unit is a patient (of one stratum), else one item.
        scores: (N,).
        targets: (N,), 0 or 1.
        patients: (N,) keys, or (N, K) where a unit is composed of several patients.
        strata: (N,) names of what a unit may be ranked within.
        groups: Column of :data:`GROUPS` -> (N,) values, "" where unknown.
    """

    by_patient: bool
    scores: FloatArray
    targets: FloatArray
    patients: npt.NDArray[np.str_]
    strata: npt.NDArray[np.str_]
    groups: Mapping[str, npt.NDArray[np.str_]]

    def where(self, keep: npt.NDArray[np.bool_]) -> Units:
        """The units for which ``keep`` (N,) is true."""
        return Units(
            self.by_patient,
            self.scores[keep],
            self.targets[keep],
            self.patients[keep],
            self.strata[keep],
            {name: values[keep] for name, values in self.groups.items()},
        )

    def comparable(self) -> Units:
        """The units of strata that hold both classes; all of them if no stratum does."""
        means = {stratum: self.targets[self.strata == stratum].mean() for stratum in np.unique(self.strata)}
        keep = np.array([0 < means[stratum] < 1 for stratum in self.strata], dtype=bool)
        return self.where(keep) if keep.any() else self


def units(scored: Scored, label: str) -> Units:
    """The units of one label.

    A sound's labels are its patient's: the scores of all the patient's recordings are averaged and the patient
    has the label if a recording has it. Crackles and wheezes of a source with breath cycles, and the labels
    of films and notes, are each item's own.
    """
    column = scored.labels.index(label)
    cells = scored.rows.reindex(columns=list(GROUPS)).map(_text)
    if "age_group" not in scored.rows:
        cells["age_group"] = [_age_group(age) for age in scored.rows["age"]]
    table = cells.assign(
        patient=scored.rows["patient"].astype(str),
        stratum=[" ".join(filter(None, values)) for values in cells[list(STRATA)].itertuples(index=False)],
        score=scored.scores[:, column],
        target=scored.data.label(label).astype(np.float64),
    )
    by_patient = scored.data.modality is Modality.AUDIO and not (label in BY_CYCLE and (table["unit"] != "").any())
    table = table[table["score"].notna()]
    if by_patient:
        first = dict.fromkeys(GROUPS, "first")
        grouped = table.groupby(["patient", "stratum"], sort=True)
        table = grouped.agg({**first, "score": "mean", "target": "max"}).reset_index()
    table = table[table["target"].notna()]
    return Units(
        by_patient=by_patient,
        scores=table["score"].to_numpy(np.float64),
        targets=table["target"].to_numpy(np.float64),
        patients=table["patient"].to_numpy(np.str_),
        strata=table["stratum"].to_numpy(np.str_),
        groups={name: table[name].to_numpy(np.str_) for name in GROUPS},
    )


def _text(value: object) -> str:
    """A cell as text: whole numbers without a point, nothing where it is missing."""
    if value is None or value is pd.NA or value != value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _age_group(age: float) -> str:
    return next((name for limit, name in _AGES.items() if age < limit), "")
