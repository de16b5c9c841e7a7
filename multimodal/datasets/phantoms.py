"""Phantoms as one more source: drawn when loaded, split by seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from multimodal.case import FloatArray, Item
from multimodal.datasets.folder import LABEL_NAMES, Dataset
from multimodal.labels import LABELS, NO_FINDING, Modality, Site, labels_of
from multimodal.phantom import Phantom, PhantomPatient, draw_patient, render

PHANTOM = "phantom"
_FOLDS = 5
_SPLIT_OF_TWENTY = ("train",) * 14 + ("val",) * 3 + ("test",) * 3


@lru_cache(maxsize=256)  # about 150 MB: three datasets of one paired cohort draw each phantom once
def _rendered(seed: int) -> Phantom:
    return render(draw_patient(seed))


@dataclass(frozen=True)
class PhantomOrigin:
    """One item of the phantom patient of that seed: "film", "heart", "lung" or "note"."""

    seed: int
    part: str

    @property
    def key(self) -> str:
        """Seed and part."""
        return f"{PHANTOM}|{self.seed}|{self.part}"

    def load(self) -> Item:
        """Draw it."""
        item: Item = getattr(_rendered(self.seed), self.part)
        return item


def phantom_dataset(n: int, seed: int, kind: Modality | str) -> Dataset:
    """``n`` phantom patients of consecutive seeds as a dataset of one modality.

    The same ``n`` and ``seed`` give the same patients in every modality, so that three
    calls are a paired cohort. Of each twenty seeds fourteen are train, three val and
    three test. A phantom without any abnormality is ``no_finding`` in every modality; where the abnormality is one
    that the modality cannot speak of, ``no_finding`` is unknown.

    Args:
        n: Patients; a sound dataset has two rows for each, heart and lung.
        seed: Seed of the first.
        kind: "image", "audio" or "text".
    """
    modality = Modality(kind)
    parts = {Modality.IMAGE: ("film",), Modality.AUDIO: ("heart", "lung"), Modality.TEXT: ("note",)}[modality]
    rows, labels, origins = [], [], []
    for number in range(n):
        patient = draw_patient(seed + number)
        for part in parts:
            site = Site(part) if modality is Modality.AUDIO else None
            rows.append(
                {
                    "source": PHANTOM,
                    "patient": f"{PHANTOM}/{patient.seed}",
                    "split": _SPLIT_OF_TWENTY[number % len(_SPLIT_OF_TWENTY)],
                    "fold": number % _FOLDS,
                    "age": patient.age,
                    "sex": patient.sex,
                    "site": None if site is None else site.value,
                }
            )
            labels.append(_truth(patient, modality, site))
            origins.append(PhantomOrigin(patient.seed, part))
    frame = pd.DataFrame(rows).reindex(
        columns=[*rows[0], "side_px", "view", "position", "device", "unit", "filter_mode", "population"]
    )
    return Dataset(modality, frame, np.stack(labels), tuple(origins))


def _truth(patient: PhantomPatient, modality: Modality, site: Site | None) -> FloatArray:
    """(L,) what this item of the patient shows; NaN where it cannot say."""
    spoken = labels_of(modality, site)
    truth = np.full(len(LABELS), np.nan, np.float32)
    for column, name in enumerate(LABEL_NAMES):
        if name in spoken and name in patient.labels:
            truth[column] = patient.labels[name]
    normal = LABEL_NAMES.index(NO_FINDING)
    others = np.delete(truth, normal)
    if not patient.labels[NO_FINDING]:
        truth[normal] = 0.0 if (others == 1).any() else np.nan
    return truth
