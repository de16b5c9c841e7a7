"""An empty zoo, and one with a small sound branch in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from multimodal import zoo
from multimodal.zoo import Bundle
from tests.zoo.builders import sound_branch


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An otherwise empty zoo."""
    monkeypatch.setattr("multimodal.zoo.catalogue._PACKAGE", tmp_path / "package")
    monkeypatch.setenv("MULTIMODAL_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def bundle(root: Path) -> Bundle:
    """A small sound branch in the zoo."""
    network = sound_branch()
    return zoo.save(root / "audio" / "tiny", network, network.describe("tiny", licence="Apache-2.0"))
