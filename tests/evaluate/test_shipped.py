"""Every bundle that ships has a card of its own weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from multimodal import zoo
from multimodal.evaluate import check_card

MODELS = Path(__file__).parents[2] / "models"


@pytest.mark.parametrize("folder", sorted(path.parent for path in MODELS.glob("*/*/config.json")), ids=lambda p: p.name)
def test_card(folder: Path) -> None:
    bundle = zoo.at(folder)
    check_card(bundle)
    assert bundle.config.metrics
