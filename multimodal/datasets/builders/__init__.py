"""From a source's official download to a folder that can be trained on.

One module a source says what the download holds (:class:`~multimodal.datasets.builders.entry.Entry`
rows); :mod:`~multimodal.datasets.builders.write` re-encodes, splits by patient and writes. The
rows of a folder are sorted by the hash of their file, and files are named by it, so that neither
names nor order tell the class.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from multimodal.datasets.builders import (
    bmdhs,
    chexpert,
    circor,
    cohen,
    icbhi,
    kauh,
    kermany,
    mimic_cxr,
    nih,
    openi,
)
from multimodal.datasets.builders.entry import Builder, Entry
from multimodal.datasets.builders.split import FOLDS, SPLITS, split_patients
from multimodal.datasets.builders.write import Prepared, write_folder

__all__ = ["BUILDERS", "FOLDS", "SPLITS", "Builder", "Entry", "Prepared", "split_patients", "write_folder"]

BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        module.BUILDER.source: module.BUILDER
        for module in (kermany, nih, cohen, circor, bmdhs, kauh, icbhi, openi, chexpert, mimic_cxr)
    }
)
"""By the name that ``SOURCES`` gives the source."""
