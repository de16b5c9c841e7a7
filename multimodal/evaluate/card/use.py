"""What a bundle is for and what binds its user: intended use, limits, licence, identity."""

from __future__ import annotations

from multimodal.bundle import BundleConfig
from multimodal.evaluate.card.markdown import bullets
from multimodal.labels import LABELS

_WHAT = {
    "image": "Reads a chest film (posteroanterior, anteroposterior or paediatric)",
    "audio": "Listens to a heart or lung sound",
    "text": "Reads a clinical note or radiology report",
    "fusion": "Joins what the film, the sound and the note say",
}


def summary(config: BundleConfig) -> str:
    """What it reads and speaks of, in two sentences."""
    names = ", ".join(LABELS[label].title.lower() for label in config.labels)
    return (
        f"{_WHAT[config.kind]} and speaks of: {names}. Architecture `{config.arch}`, {config.parameters:,} parameters."
    )


def intended_use(config: BundleConfig) -> str:
    """What it may be used for."""
    branch = "" if config.kind != "fusion" else " Only with the branches named under Identity."
    return (
        "Research on multimodal diagnosis and teaching, with a clinician reading the items themselves. It is not a "
        f"medical device and must not decide about a patient.{branch}"
    )


def limits(config: BundleConfig) -> str:
    """What it cannot do."""
    lines = [
        "A label is claimed only where ten or more real patients taught it; a label that is not claimed is not scored.",
        "Other hospitals, devices and ages than those under Training data can make it worse than the figures here.",
        "A probability holds at the reference prevalence shown in the app, which the user can set.",
    ]
    if config.kind == "fusion":
        lines.append(
            "No public source holds a film, a sound and a note of one patient: the head learned from composed cases "
            "(different patients who share a label) and phantoms, and its gain on real patients is not known."
        )
    return bullets(lines)


def licence(config: BundleConfig) -> str:
    """Terms of its weights."""
    return f"The weights can be used under the terms of what they learned from: {config.licence or 'not stated'}."


def identity(config: BundleConfig) -> str:
    """Which weights the card belongs to."""
    lines = [f"sha256 of model.safetensors: `{config.sha256}`"]
    lines.append(f"trained: {config.training.get('date', 'date not recorded')}")
    lines += [f"{kind} branch: {entry['name']} `{entry['sha256']}`" for kind, entry in config.branches.items()]
    return bullets(lines)
