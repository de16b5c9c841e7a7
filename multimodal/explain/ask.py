"""Explain an item, or every item of a case, for any label."""

from __future__ import annotations

import math

import torch

from multimodal.case import Audio, Case, Diagnosis, Image, Item, Text
from multimodal.engine import Engine
from multimodal.errors import UsageError
from multimodal.explain.coordinates import UNIT_SECONDS, band_edges, film_box
from multimodal.explain.explanation import (
    Explanation,
    FilmExplanation,
    NoteExplanation,
    SoundExplanation,
    Word,
    segments,
)
from multimodal.explain.methods import METHODS
from multimodal.explain.offered import chosen_method, offered, recorded
from multimodal.explain.probe import checked, probe, undisturbed
from multimodal.labels import Site, labels_of
from multimodal.prepare import AudioPreparation, ImagePreparation, TextPreparation
from multimodal.zoo import LoadedBranch


def explain(
    branch: LoadedBranch,
    item: Item,
    label: str,
    *,
    device: str | torch.device = "auto",
    method: str | None = None,
) -> Explanation:
    """Why a branch finds evidence for a label in an item.

    Safe on a branch that other threads are using; it is left as it was.

    Args:
        branch: From ``zoo.load``; moved to the device.
        item: Of its modality.
        label: Any that it speaks of.
        device: "auto", "cuda", "mps" or "cpu".
        method: Out of :func:`offered`; None for the first, which costs two forward passes and one backward.

    Raises:
        UsageError: If the branch does not speak of the label, or does not offer the method.
        ModelError: If the network cannot be run, or gives NaN or infinity.
        MultimodalError: If the item cannot be prepared.
    """
    name = chosen_method(branch.config, method)
    asked = probe(branch, item, label, device=device)
    with undisturbed(branch.network):
        values = checked(asked.by_unit(METHODS[branch.network.kind][name](asked)), item)
        evidence = checked(asked.evidence(asked.inputs).mean(), item)
    about = (item.name, item.sha256, item.modality, label, branch.config.name, name, float(evidence))
    measured = recorded(branch.config).get(name)
    grid = values.view(asked.grid).cpu().numpy()
    match item, branch.preparation:
        case Image(), ImagePreparation() as settings:
            height, width = item.pixels.shape
            return FilmExplanation(*about, grid, film_box(item, settings), (height, width), measured=measured)
        case Audio(), AudioPreparation() as settings:
            edges = band_edges(settings)
            rows = [math.ceil(row * settings.n_mels / len(grid)) for row in range(len(grid) + 1)]
            edges_hz = tuple(float(edges[row]) for row in rows)
            found = segments(grid, UNIT_SECONDS, edges_hz, item.seconds)
            return SoundExplanation(*about, grid, UNIT_SECONDS, edges_hz, found, measured=measured)
        case Text(), TextPreparation():
            marked = (Word(*span, float(weight)) for span, weight in zip(asked.spans, grid, strict=True))
            return NoteExplanation(*about, tuple(marked), measured=measured)
    raise UsageError(f"Expected an item of {branch.network.kind}, but got {item.modality}.")


def explain_case(engine: Engine, case: Case, diagnosis: Diagnosis, label: str) -> tuple[Explanation, ...]:
    """Explain every item that an answer rests on and that can speak of a label.

    Args:
        engine: Whose branches explain, those that offer an explanation; of an ensemble each one does, for itself.
        case: The record.
        diagnosis: The answer to it, which says what was left out and where a sound was taken to be from.
        label: That is explained.

    Raises:
        ModelError: If a network cannot be loaded or run.
    """
    became = {result.sha256: result for result in diagnosis.items if result.used}
    found: list[Explanation] = []
    for item in case.items:
        result = became.get(item.sha256)
        if result is None or label not in labels_of(item.modality, Site(result.site) if result.site else None):
            continue
        branches = engine.branches(item.modality)
        speakers = [b for b in branches if label in b.config.calibration and offered(b.config)]
        found += [explain(branch, item, label, device=engine.device) for branch in speakers]
    return tuple(found)
