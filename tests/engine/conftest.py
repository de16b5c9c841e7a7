"""A zoo of tiny random bundles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multimodal import zoo
from tests.engine.tiny import ARCH, save_branch, save_head


@pytest.fixture(scope="session")
def zoo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("zoo")
    branches = {kind: save_branch(root, kind, f"tiny_{kind}") for kind in ARCH}
    for kind in ARCH:
        save_branch(root, kind, f"other_{kind}", seed=1)
    for arch in ("concat", "gated", "attention"):
        save_head(root, f"tiny_{arch}", arch, branches)
    defaults = {**{kind: f"tiny_{kind}" for kind in ARCH}, "fusion": "tiny_gated"}
    (root / zoo.DEFAULTS).write_text(json.dumps(defaults))
    return root


@pytest.fixture(autouse=True)
def _tiny_zoo(zoo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (zoo_root,))
