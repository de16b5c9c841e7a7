"""What can be told of the data for the wrong reason."""

from __future__ import annotations

from collections.abc import Mapping

from multimodal.bundle import BundleConfig
from multimodal.evaluate.card.markdown import bullets

SHORTCUTS: Mapping[str, str] = {
    "kermany": "The children's films of one hospital. The outer four pixels of a film tell pneumonia (AUROC 0.94), "
    "and which source a film is from can be told almost surely. The border is cut off before scoring. Films of every "
    "shape are squashed to a square, so that the proportions of a chest can tell who was filmed how: the wear named "
    "shape measures it, and training with stretch takes most of it away.",
    "nih": "Film size tells pneumonia (AUROC 0.85 by size alone), so films are ranked within one size; "
    "labels are text-mined and partly wrong; heart failure is oedema, a proxy.",
    "cohen": "Collected from publications: image quality and layout differ between diseases.",
    "circor": "Mostly children; a murmur is labelled at the position where it is heard.",
    "bmdhs": "Age alone tells valve disease (AUROC 0.91): compare with the metadata baseline.",
    "kauh": "One recording in three filter modes: figures are by patient, never by file.",
    "icbhi": "The device tells the disease, and breath cycles differ from recordings: figures are given apart.",
    "openi": "Findings and impression restate the label: on whole reports a bag of words does as well.",
    "phantom": "Drawn by this project: a figure on phantoms says nothing of patients.",
}
"""What can be told of each source for the wrong reason."""


def shortcuts(config: BundleConfig) -> str:
    """What can be told of each source for the wrong reason."""
    sources = config.training.get("sources", {})
    return bullets([f"{name}: {SHORTCUTS[name]}" for name in sources if name in SHORTCUTS] or ["None known."])
