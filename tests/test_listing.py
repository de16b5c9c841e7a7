"""What the zoo holds, in plain values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from multimodal.bundle import CONFIG
from multimodal.listing import listing
from multimodal.zoo import DEFAULTS
from tests.engine.tiny import save_branch


@pytest.fixture(autouse=True)
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MULTIMODAL_MODELS", str(tmp_path))
    save_branch(tmp_path, "image", "mine")
    (tmp_path / DEFAULTS).write_text(json.dumps({"image": "mine"}))
    return tmp_path


def test_an_entry_says_what_the_config_says(zoo: Path) -> None:
    (entry,) = (entry for entry in listing().entries if entry.name == "mine")
    config = json.loads((zoo / "image" / "mine" / CONFIG).read_text())
    assert (entry.kind, entry.default, entry.branches) == ("image", True, {})
    assert (entry.arch, entry.sha256, entry.parameters) == (config["arch"], config["sha256"], config["parameters"])
    assert list(entry.labels) == config["labels"]


def test_one_default_of_a_kind(zoo: Path) -> None:
    names = [entry.name for entry in listing().entries if entry.kind == "image" and entry.default]
    assert names == ["mine"]


def test_a_trained_head_names_its_branches() -> None:
    heads = [entry for entry in listing().entries if entry.kind == "fusion" and entry.arch != "late"]
    assert heads
    assert all(len(sha256) == 64 for entry in heads for sha256 in entry.branches.values())


def test_what_cannot_be_read_is_told_and_the_rest_listed(zoo: Path) -> None:
    broken = zoo / "audio" / "torn"
    broken.mkdir(parents=True)
    (broken / CONFIG).write_text("{")
    found = listing()
    assert list(found.broken) == ["audio/torn"]
    assert found.broken["audio/torn"]
    assert "mine" in {entry.name for entry in found.entries}


def test_listing_takes_no_torch() -> None:
    code = "import sys; from multimodal.listing import listing; listing(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
