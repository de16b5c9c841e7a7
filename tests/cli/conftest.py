"""A zoo of tiny untrained branches, and two phantom patients on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multimodal.cli import run
from multimodal.labels import Modality
from tests.engine.tiny import save_branch


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo of one small untrained branch of each kind."""
    root = tmp_path_factory.mktemp("models")
    for modality in Modality:
        save_branch(root, modality, "tiny")
    (root / "defaults.json").write_text(json.dumps({**dict.fromkeys(Modality, "tiny"), "fusion": "late"}))
    return root


@pytest.fixture
def zoo(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MULTIMODAL_MODELS", str(models))
    return models


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two phantom patients and their manifest."""
    folder = tmp_path_factory.mktemp("phantoms")
    assert run(["phantom", "--n", "2", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def patient(phantoms: Path) -> Path:
    return sorted(path for path in phantoms.iterdir() if path.is_dir())[0]
