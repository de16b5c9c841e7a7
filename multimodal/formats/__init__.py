"""Files to dataclasses: films, sounds, notes, whole records and manifests. No torch."""

from multimodal.formats.limits import LIMITS, Limits
from multimodal.formats.manifest import ManifestCase, read_manifest
from multimodal.formats.reader import Kind, read
from multimodal.formats.record import open_archive, read_case, split_kind
from multimodal.formats.screening import Mark, screen, screened
from multimodal.formats.writer import write

__all__ = [
    "LIMITS",
    "Kind",
    "Limits",
    "ManifestCase",
    "Mark",
    "open_archive",
    "read",
    "read_case",
    "read_manifest",
    "screen",
    "screened",
    "split_kind",
    "write",
]
