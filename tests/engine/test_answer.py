"""What a reader is told of an answer as a whole."""

from __future__ import annotations

from multimodal.engine.answer import NAMED, cautions
from multimodal.labels import LABELS


def test_labels_without_calibrated_sets_are_named_and_the_rest_counted() -> None:
    names = list(LABELS)[: NAMED + 2]
    (notice,) = (notice for notice in cautions({}, names) if notice.code == "sets_not_calibrated")
    assert LABELS[names[0]].title.lower() in notice.message
    assert "and 2 more" in notice.message
