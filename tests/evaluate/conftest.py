"""A zoo of tiny random bundles."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from multimodal import zoo
from tests.engine.tiny import ARCH, save_branch, save_head


@pytest.fixture(scope="session")
def tiny_bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("zoo")
    branches = {kind: save_branch(root, kind, f"tiny_{kind}") for kind in ARCH}
    save_head(root, "tiny_gated", "gated", branches)
    (root / zoo.DEFAULTS).write_text(json.dumps({kind: f"tiny_{kind}" for kind in ARCH}))
    return root


@pytest.fixture
def zoo_root(tiny_bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that the test may change."""
    root = tmp_path / "zoo"
    shutil.copytree(tiny_bundles, root)
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (root,))
    return root
