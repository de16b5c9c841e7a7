"""Fit a bundle's detector of foreign inputs, and measure it on kinds that it was not tuned on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from multimodal.bundle import BundleConfig
from multimodal.case import Image, Item, Text
from multimodal.datasets import PHANTOM, Dataset, join, load_item, phantom_dataset
from multimodal.datasets.foreign import draw_foreign, foreign_kinds
from multimodal.errors import MultimodalError, UsageError
from multimodal.labels import Modality
from multimodal.ood import Detector, FeatureDetector, WordDetector, limited, statistics, write_detector
from multimodal.quality.layout import cells
from multimodal.zoo import Bundle, LoadedBranch, load_branch

TRAIN_ITEMS, GOOD_ITEMS = 200, 80
"""Items of a source that the detector learns from, and of a source and split on which it is tuned or measured."""
TRAIN_NOTES = 2500
"""Notes of a source from which words are learned."""
DRAWS = 24
"""Foreign inputs of a kind."""
PHANTOMS, MORE_PHANTOMS = 20, 80
"""Patients that are in domain, and more of them that are only measured."""
PHANTOM_SEED = 3_000_000
"""Seeds of the phantoms here, apart from those that train branches and heads."""
GOOD_PASS, GOOD_REACH, FOREIGN_REFUSED = 0.95, 0.99, 0.97
"""Shares that set the limit: of validation items that pass, that lie well inside, of foreign ones beyond."""
INDICATION = "indication"

FloatArray = npt.NDArray[np.floating[Any]]


def fit_detector(bundle: Bundle, datasets: Sequence[Dataset], others: Sequence[Dataset] = ()) -> BundleConfig:
    """Fit, measure and write the detector of a branch bundle; its weights stay as they are.

    Its statistics see training patients and phantoms, the limit real validation patients and foreign inputs. What is
    told of a kind of foreign input was measured with a limit that was set without this kind; test patients and
    other sources are only measured.

    Args:
        bundle: A branch.
        datasets: Folders that it was trained on, with all their splits.
        others: Sources that it was not trained on, whose items should pass all the same.

    Returns:
        The config as written.

    Raises:
        UsageError: If the bundle is no branch, or the data is of another modality or lacks train or validation rows.
    """
    loaded = load_branch(bundle)
    modality = Modality(bundle.kind)
    data = join([*datasets, phantom_dataset(PHANTOMS, PHANTOM_SEED, modality)])
    real = data.where((data.rows["source"] != PHANTOM).to_numpy())
    if any(not len(real.in_split(split)) for split in ("train", "val")):
        raise UsageError("Expected rows of the splits train and val to fit a detector.")
    detector = _balanced(_learned(loaded, data.in_split("train")), loaded, real.in_split("val"))
    good = {
        (source, split): _distances(detector, loaded, _items(part.in_split(split), GOOD_ITEMS))
        for source, part in data.sources()
        for split in ("val", "test")
    }
    good |= {
        (source, "not fitted on"): _distances(detector, loaded, _items(part, GOOD_ITEMS))
        for other in (*others, phantom_dataset(MORE_PHANTOMS, PHANTOM_SEED + PHANTOMS, modality))
        for source, part in other.sources()
    }
    foreign = {
        kind: np.array([detector.distance(loaded.network, item) for item in items])
        for kind, items in _foreign(modality).items()
    }
    tuning = [values for (source, split), found in good.items() if split == "val" and source != PHANTOM
              for _, values in found.values()]  # fmt: skip
    limit = choose_limit(np.concatenate(tuning), list(foreign.values()))
    figures = {
        "foreign": _by_kind(np.concatenate(tuning), foreign),
        "good": [
            {
                "source": source + aspect,
                "split": split,
                "patients": len(set(patients)),
                **_share(values > limit, patients),
            }
            for (source, split), found in good.items()
            for aspect, (patients, values) in found.items()
        ],
    }
    return write_detector(bundle.folder, bundle.config, limited(detector, limit), figures)


def choose_limit(good: npt.ArrayLike, foreign: Sequence[npt.ArrayLike]) -> float:
    """How far an item may be.

    Halfway between where the good end and the foreign begin, for there is no telling how near a foreign input of
    another kind would be. Where they overlap, where enough of the foreign are refused; but never so near that
    more good items are refused than may be.

    Args:
        good: (N,) distances of validation items.
        foreign: Distances of foreign inputs, kind by kind.

    >>> choose_limit([1.0, 1.0, 1.0], [[3.0, 3.0], [5.0]])
    2.0
    """
    passing, reach = np.quantile(np.asarray(good, float), [GOOD_PASS, GOOD_REACH])
    weights = np.concatenate([np.full(len(values), 1 / len(values)) for values in map(np.asarray, foreign)])
    begin = _quantile(np.concatenate([np.asarray(values, float) for values in foreign]), weights, 1 - FOREIGN_REFUSED)
    return float(max(passing, begin if begin <= reach else (begin + reach) / 2))


def _quantile(values: FloatArray, weights: FloatArray, share: float) -> float:
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(below, share)])


def _learned(branch: LoadedBranch, train: Dataset) -> Detector:
    if train.modality is Modality.TEXT:
        notes = (item for _, _, item in _items(train, TRAIN_NOTES))
        return WordDetector.fit(note.text for note in notes if isinstance(note, Text))
    items, found = _seen(branch, train, TRAIN_ITEMS)
    films = [item.pixels for item in items if isinstance(item, Image)]
    return FeatureDetector.fit(np.stack(found), np.stack([cells(film).ravel() for film in films]) if films else None)


def _balanced(detector: Detector, branch: LoadedBranch, validation: Dataset) -> Detector:
    """With limits of statistics and of layout beyond which equal shares of validation films lie."""
    if not isinstance(detector, FeatureDetector) or detector.layout is None:
        return detector
    both = [detector.apart(*each) for each in zip(*_seen(branch, validation, GOOD_ITEMS), strict=True)]
    statistics_limit, layout_limit = np.quantile(both, GOOD_PASS, axis=0)
    return detector.within(float(statistics_limit), float(layout_limit))


def _seen(branch: LoadedBranch, data: Dataset, most: int) -> tuple[list[Item], list[FloatArray]]:
    """Items that can be prepared, and their statistics."""
    items, found = [], []
    for _, _, item in _items(data, most):
        try:
            found.append(statistics(branch.network, item))
        except MultimodalError:
            continue
        items.append(item)
    return items, found


def _items(data: Dataset, most: int) -> Iterator[tuple[str, str, Item]]:
    """What it is, whose it is, and the item: at most so many of each source, drawn at random but always alike."""
    for _, part in data.sources():
        rows = np.random.default_rng(len(part)).permutation(len(part))[:most]
        for i in np.sort(rows):
            item = load_item(part, int(i))
            yield "", str(part.rows["patient"][i]), item
            if isinstance(item, Text):
                for section in item.sections:
                    if section.title == INDICATION and item.text[section.start : section.end].strip():
                        alone = Text(item.name, "", item.text[section.start : section.end])
                        yield f" ({INDICATION})", str(part.rows["patient"][i]), alone


def _distances(
    detector: Detector, branch: LoadedBranch, items: Iterator[tuple[str, str, Item]]
) -> dict[str, tuple[list[str], FloatArray]]:
    """Patients and distances, by what the items are; one that cannot be prepared is left out."""
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for aspect, patient, item in items:
        try:
            found[aspect].append((patient, detector.distance(branch.network, item)))
        except MultimodalError:
            continue
    return {aspect: ([p for p, _ in rows], np.array([d for _, d in rows])) for aspect, rows in found.items()}


@lru_cache(maxsize=len(Modality))
def _foreign(modality: Modality) -> Mapping[str, tuple[Item, ...]]:
    return {
        kind: tuple(draw_foreign(modality, kind, seed) for seed in range(DRAWS)) for kind in foreign_kinds(modality)
    }


def _by_kind(good: FloatArray, foreign: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Share refused of each kind, by a limit that was set without it."""
    return {
        kind: _share(values > choose_limit(good, [v for other, v in foreign.items() if other != kind]))
        for kind, values in foreign.items()
    }


def _share(refused: npt.NDArray[np.bool_], patients: Sequence[str] | None = None) -> dict[str, Any]:
    """Share refused with Wilson's 95 % interval; items of one patient count as one for it."""
    share = float(refused.mean())
    independent = len(refused) if patients is None else len(set(patients))
    interval = binomtest(round(share * independent), independent).proportion_ci(method="wilson")
    return {"n": len(refused), "refused": share, "ci": [min(share, interval.low), max(share, interval.high)]}
