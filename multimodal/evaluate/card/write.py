"""Put figures into a bundle's config and write its card from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from multimodal.bundle import CARD, write_config
from multimodal.errors import BundleInvalidError
from multimodal.evaluate.card.sections import render_card, written
from multimodal.zoo import Bundle


def write_card(bundle: Bundle, evaluations: Sequence[Mapping[str, Any]]) -> None:
    """Add evaluations to a bundle's config and write its card; the weights stay as they are.

    An evaluation of the same rows takes the place of an earlier one; what an earlier one of the same weights holds
    beside it, such as its stress curves, stays.

    Args:
        bundle: Any.
        evaluations: The ``figures`` of :func:`~multimodal.evaluate.evaluate_branch` or
            :func:`~multimodal.evaluate.evaluate_fusion`, one for each source and split.
    """
    config = bundle.config
    new = {}
    for figures in evaluations:
        title = evaluation_title(figures["data"])
        earlier = config.metrics.get(title, {})
        same = earlier.get("bundle") == figures["bundle"]
        new[title] = {**(earlier if same else {}), **figures}
    config = replace(config, metrics={**config.metrics, **new})
    write_config(bundle.folder, config)
    (bundle.folder / CARD).write_text(render_card(config), encoding="utf-8")


def check_card(bundle: Bundle) -> None:
    """Check that a bundle's card belongs to its weights and lacks no section.

    Raises:
        BundleInvalidError: If the card is missing, names other weights or lacks a section.
    """
    path = bundle.folder / CARD
    if not path.exists():
        raise BundleInvalidError(f"{bundle.kind}/{bundle.name} has no model card.", file=CARD)
    text, config = path.read_text(encoding="utf-8"), bundle.config
    missing = [section for section in written(config) if f"\n## {section}\n" not in text]
    if missing:
        raise BundleInvalidError(f"The card of {bundle.name} lacks {', '.join(missing)}.", file=CARD)
    if config.sha256 not in text:
        raise BundleInvalidError(f"The card of {bundle.name} was written for other weights.", file=CARD)


def evaluation_title(data: Mapping[str, Any]) -> str:
    """What the rows of an evaluation are called, by its ``data``."""
    return " ".join(str(data[key]) for key in ("cohort", "source", "split", "text_column") if data.get(key))
