"""Splits and folds by patient, each label spread evenly.

Iterative stratification of multi-label data (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011):
the rarest trait first, each of its patients to the part that still wants it most. A trait is a
label that a patient has, or is known not to have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from multimodal.case import FloatArray
from multimodal.errors import ManifestError

IntArray = npt.NDArray[np.int64]

SPLITS: Mapping[str, float] = MappingProxyType({"train": 0.70, "val": 0.15, "test": 0.15})
"""Share of the patients in each split."""

FOLDS = 5


def split_patients(
    patients: Sequence[str], labels: FloatArray, official: Sequence[str | None], *, seed: int = 0
) -> tuple[list[str], list[int]]:
    """Give every row a split and a fold.

    An official part is kept; the free patients share the splits that no official part
    takes, in their usual proportion. Neither depends on the order of the rows.

    Args:
        patients: Of each of the N rows.
        labels: (N, L) 1, 0 or NaN for unknown.
        official: The official split of each row, or None.
        seed: The same seed gives the same split.

    Returns:
        The split and the fold, 0 to 4, of each row.

    Raises:
        ManifestError: If the source puts a patient in two parts.
    """
    codes, names = pd.factorize(np.asarray(patients, dtype=object), sort=True)
    parts: list[str | None] = [None] * len(names)
    seen: set[int] = set()
    for code, part in zip(codes, official, strict=True):
        if code in seen and parts[code] != part:
            raise ManifestError(f"Patient {names[code]} stands in two official parts of the source.")
        parts[code] = part
        seen.add(int(code))
    traits = _traits(codes, len(names), labels)
    rng = np.random.default_rng(seed)
    free = np.array([part is None for part in parts], dtype=bool)
    open_splits = [split for split in SPLITS if split not in parts] or list(SPLITS)
    shares = np.array([SPLITS[split] for split in open_splits])
    chosen = iter(spread(traits[free], shares / shares.sum(), rng))
    splits = [open_splits[next(chosen)] if part is None else part for part in parts]
    folds = spread(traits, np.full(FOLDS, 1 / FOLDS), rng)
    return [splits[code] for code in codes], [int(folds[code]) for code in codes]


def _traits(codes: IntArray, n: int, labels: FloatArray) -> npt.NDArray[np.bool_]:
    """(P, 2L): has the label in some row; is known not to have it in any."""
    has = np.zeros((n, labels.shape[1]), bool)
    has_not = has.copy()
    np.logical_or.at(has, codes, labels == 1)
    np.logical_or.at(has_not, codes, labels == 0)
    return np.concatenate([has, has_not & ~has], axis=1)


def spread(traits: npt.NDArray[np.bool_], shares: FloatArray, rng: np.random.Generator) -> IntArray:
    """Spread patients over parts so that each part gets its share of every trait.

    Args:
        traits: (P, K) what each patient has.
        shares: (S,) share of each part, which add up to 1.
        rng: Draws the order in which patients of a trait are placed.

    Returns:
        (P,) number of the part.
    """
    order = rng.permutation(len(traits))
    place = np.full(len(traits), -1, np.int64)
    wanted = shares * len(traits)
    wanted_of = np.outer(shares, traits.sum(axis=0))
    while (waiting := order[place[order] < 0]).size:
        left = traits[waiting].sum(axis=0)
        rarest = int(np.argmin(np.where(left > 0, left, np.inf))) if left.any() else None
        for i in waiting if rarest is None else waiting[traits[waiting, rarest]]:
            need = wanted if rarest is None else wanted_of[:, rarest]
            part = np.lexsort((wanted, need))[-1]
            place[i] = part
            wanted[part] -= 1
            wanted_of[part, traits[i]] -= 1
    return place
