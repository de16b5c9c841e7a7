"""A short run of each fuzz target; ``python -m tests.fuzz --seconds 3600`` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.__main__ import GUIDES, campaign
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_the_files_it_starts_from_are_read(name: str) -> None:
    for content in TARGETS[name].seeds().values():
        TARGETS[name].run(content)


def test_every_target_can_be_asked_for() -> None:
    assert set(GUIDES) == set(TARGETS)


@pytest.mark.parametrize("name", GUIDES)
def test_it_survives_two_seconds(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("atheris", reason='fuzzing needs the extra: pip install -e ".[fuzz]"')
    assert campaign([name], 2, tmp_path), capsys.readouterr().out
