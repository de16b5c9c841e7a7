from __future__ import annotations

from pathlib import Path

import pytest

from multimodal.datasets import Dataset, read_folder
from multimodal.labels import Modality
from multimodal.train import Recipe, Start
from tests.datasets.folders import film_folder, note_folder, sound_folder

ARCHS = {Modality.IMAGE: "small_cnn", Modality.AUDIO: "lstm", Modality.TEXT: "small_transformer"}

TINY = {
    Modality.IMAGE: Start(preparation={"size": 32}, options={"width": 4}),
    Modality.AUDIO: Start(
        preparation={"window_s": 1.0, "hop_s": 0.5, "n_mels": 16, "n_fft": 256}, options={"hidden": 16}
    ),
    Modality.TEXT: Start(preparation={"max_tokens": 32, "overlap": 8}, options={"hidden": 16, "layers": 1, "heads": 2}),
}

QUICK = Recipe(epochs=2, batch_size=16, learning_rate=5e-3)


@pytest.fixture(scope="session")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[Modality, Dataset]:
    root = tmp_path_factory.mktemp("train")
    return {
        Modality.IMAGE: read_folder(film_folder(root / "films", n=280), "image"),
        Modality.AUDIO: read_folder(sound_folder(root / "sounds"), "audio"),
        Modality.TEXT: read_folder(note_folder(root / "notes", n=280), "text"),
    }


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")
