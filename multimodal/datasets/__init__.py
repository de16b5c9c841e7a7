"""Folders of labelled items, phantoms as a source, and composed cohorts."""

from __future__ import annotations

from multimodal.datasets.composed import ComposedCase, ComposedCohort, compose, match
from multimodal.datasets.folder import INDICATION, LABEL_NAMES, Dataset, join, load_item, read_folder
from multimodal.datasets.phantoms import PHANTOM, phantom_dataset
from multimodal.datasets.sources import SOURCES, SourceCard, terms

__all__ = [
    "INDICATION",
    "LABEL_NAMES",
    "PHANTOM",
    "SOURCES",
    "ComposedCase",
    "ComposedCohort",
    "Dataset",
    "SourceCard",
    "compose",
    "join",
    "load_item",
    "match",
    "phantom_dataset",
    "read_folder",
    "terms",
]
