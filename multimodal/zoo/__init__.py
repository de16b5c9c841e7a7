"""The zoo: every bundle that can be found, loaded, checked and written. Finding them needs no torch."""

from multimodal.bundle import BundleConfig
from multimodal.zoo.catalogue import (
    DEFAULTS,
    ENVIRONMENT,
    Bundle,
    at,
    bundles,
    defaults,
    find,
    roots,
    writable_root,
)
from multimodal.zoo.loading import LoadedBranch, LoadedFusion, load, load_branch, save, verify

__all__ = [
    "DEFAULTS",
    "ENVIRONMENT",
    "Bundle",
    "BundleConfig",
    "LoadedBranch",
    "LoadedFusion",
    "at",
    "bundles",
    "defaults",
    "find",
    "load",
    "load_branch",
    "roots",
    "save",
    "verify",
    "writable_root",
]
