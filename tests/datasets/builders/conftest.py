"""A source's official layout in miniature, made into a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from multimodal.datasets.builders import BUILDERS, write_folder
from tests.datasets.builders import downloads


@pytest.fixture
def prepare(tmp_path: Path) -> Callable[[str], pd.DataFrame]:
    """Make a source's miniature, prepare it, and give its table."""

    def run(source: str) -> pd.DataFrame:
        download = getattr(downloads, source)(tmp_path / "download")
        write_folder(BUILDERS[source], download, tmp_path / source)
        return pd.read_csv(tmp_path / source / "metadata.csv", dtype={"patient_id": str})

    return run
