"""One small branch of every architecture."""

from __future__ import annotations

from pathlib import Path

import pytest

from multimodal.branches import Branch
from tests.branches.builders import EVERY, build


@pytest.fixture(scope="module", params=EVERY, ids=["-".join(pair) for pair in EVERY])
def branch(request: pytest.FixtureRequest) -> Branch:
    """A branch in evaluation mode; tests leave it as it was."""
    return build(*request.param).eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bundle"
