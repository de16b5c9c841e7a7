"""Datasets and scores made up for a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from multimodal.case import Audio, Image, Item, Text
from multimodal.datasets import LABEL_NAMES, Dataset
from multimodal.labels import Modality, Site


@dataclass(frozen=True)
class Drawn:
    """An item drawn from a number."""

    item: Item

    @property
    def key(self) -> str:
        return self.item.name

    def load(self) -> Item:
        return self.item


def dataset(modality: Modality, labels: Mapping[str, Sequence[float]], **columns: Any) -> Dataset:
    """Rows with these labels; every other column has a default."""
    n = len(next(iter(labels.values())))
    rows = pd.DataFrame(
        {
            "source": "made",
            "patient": [f"made/{i}" for i in range(n)],
            "split": "val",
            "fold": 0,
            "age": np.nan,
            "sex": None,
            "side_px": np.nan,
            "unit": None,
            **columns,
        },
        index=range(n),
    )
    matrix = np.full((n, len(LABEL_NAMES)), np.nan, np.float32)
    for name, values in labels.items():
        matrix[:, LABEL_NAMES.index(name)] = values
    items = [item(modality, i) for i in range(n)]
    return Dataset(modality, rows, matrix, tuple(Drawn(each) for each in items))


def item(modality: Modality, i: int) -> Item:
    rng = np.random.default_rng(i)
    match modality:
        case Modality.IMAGE:
            return Image(f"{i}.png", "", rng.uniform(size=(48, 48)).astype(np.float32))
        case Modality.AUDIO:
            return Audio(f"{i}.wav", "", (0.1 * rng.normal(size=9000)).astype(np.float32), 4000, Site.HEART)
        case Modality.TEXT:
            words = rng.choice(["cough", "fever", "murmur", "wheeze", "clear", "normal"], 8)
            return Text(f"{i}.txt", "", " ".join(words))
