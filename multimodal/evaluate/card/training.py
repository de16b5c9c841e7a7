"""What a bundle learned from, and how."""

from __future__ import annotations

from collections.abc import Mapping

from multimodal.bundle import BundleConfig
from multimodal.datasets import SOURCES
from multimodal.evaluate.card.markdown import table


def training_data(config: BundleConfig) -> str:
    """Sources, split by patient, and how many patients taught each label."""
    rows = []
    for name, parts in config.training.get("sources", {}).items():
        card = SOURCES.get(name)
        counts = [
            f"{split}: {part['items']:,} items of {part['patients']:,} patients"
            for split, part in parts.items()
            if isinstance(part, Mapping) and "patients" in part
        ]
        rows.append([card.title if card else name, "; ".join(counts), card.licence if card else "not stated"])
    sources = table(["source", "split by patient", "licence"], rows)
    positives = {
        name: parts["positive_patients"]
        for name, parts in config.training.get("sources", {}).items()
        if "positive_patients" in parts
    }
    if not positives:
        return sources
    heading = ["patients with it in train", *positives]
    body = [[label, *(str(counts.get(label, 0)) for counts in positives.values())] for label in config.labels]
    return f"{sources}\n\n{table(heading, body)}"


def training(config: BundleConfig) -> str:
    """The command and recipe."""
    command = config.training.get("command") or "not recorded"
    recipe = ", ".join(f"{key} {value}" for key, value in config.training.get("recipe", {}).items())
    return f"```\n{command}\n```\n\nRecipe: {recipe or 'not recorded'}. Test patients were never touched."
