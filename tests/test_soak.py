"""Records in a row, some of them hostile: the clean ones don't notice, and nothing piles up."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from multimodal.engine import Engine
from multimodal.zoo import DEFAULTS
from tests.engine.tiny import ARCH, save_branch
from tests.soak import soak

RECORDS = 60


@pytest.mark.skipif(sys.platform != "linux", reason="processes and files are counted in /proc")
@pytest.mark.timeout(600)
def test_hostile_records_change_no_clean_answer_and_leak_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo = tmp_path / "zoo"
    for kind in ARCH:
        save_branch(zoo, kind, f"tiny_{kind}")
    (zoo / DEFAULTS).write_text(json.dumps({kind: f"tiny_{kind}" for kind in ARCH}))
    monkeypatch.setenv("MULTIMODAL_MODELS", str(zoo))

    found = soak(Engine(device="cpu"), RECORDS, tmp_path)

    assert (found.hostile, found.refused, found.differing) == (RECORDS // 10, RECORDS // 10, 0)
    assert found.kept == RECORDS
    assert found.processes[1] <= found.processes[0]
    assert found.files[1] <= found.files[0] + 2
    assert found.temporary[1] == found.temporary[0] == 0
    assert found.memory_mb[1] < 1.25 * found.memory_mb[0]
