from __future__ import annotations

import numpy as np

from multimodal.case import Audio, Image, Text
from multimodal.datasets import LABEL_NAMES, PHANTOM, load_item, phantom_dataset
from multimodal.labels import Modality, Site, labels_of
from multimodal.phantom import draw_patient


def test_one_call_a_modality_is_a_paired_cohort() -> None:
    film, sound, note = (phantom_dataset(20, 40, kind) for kind in Modality)
    assert film.rows["patient"].tolist() == note.rows["patient"].tolist()
    assert sound.rows["patient"].unique().tolist() == film.rows["patient"].tolist()
    assert sound.rows["site"].tolist() == ["heart", "lung"] * 20
    assert film.rows["split"].tolist() == note.rows["split"].tolist()
    assert film.rows["split"].value_counts().to_dict() == {"train": 14, "val": 3, "test": 3}


def test_truth_is_the_generators_and_nothing_beyond_the_modality() -> None:
    for kind in Modality:
        data = phantom_dataset(30, 7, kind)
        for row in range(len(data)):
            seed = int(data.rows["patient"][row].removeprefix(f"{PHANTOM}/"))
            site = Site(data.rows["site"][row]) if kind is Modality.AUDIO else None
            truth = draw_patient(seed).labels
            for name in LABEL_NAMES:
                value = data.label(name)[row]
                if name == "no_finding" and np.isnan(value):
                    assert truth[name] == 0
                elif name in labels_of(kind, site):
                    assert value == truth[name]
                else:
                    assert np.isnan(value)


def test_items_are_drawn_alike_every_time() -> None:
    kinds = {Modality.IMAGE: Image, Modality.AUDIO: Audio, Modality.TEXT: Text}
    for kind, expected in kinds.items():
        item = load_item(phantom_dataset(1, 3, kind), 0)
        assert isinstance(item, expected)
        assert item.sha256 == load_item(phantom_dataset(2, 3, kind), 0).sha256
