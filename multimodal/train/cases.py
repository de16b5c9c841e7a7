"""What branches say of the cases that a fusion head is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from multimodal.case import subset_key
from multimodal.datasets import LABEL_NAMES, PHANTOM, Dataset, compose, match, phantom_dataset
from multimodal.errors import UsageError
from multimodal.fusion import subsets
from multimodal.labels import NO_FINDING, Modality
from multimodal.train.answers import (
    Answers,
    FusionCases,
    answer_rows,
    case_members,
    make_cases,
    paired_members,
)
from multimodal.zoo import Bundle

PHANTOM_SEED = 2_000_000
"""Seeds of the phantoms that train heads; branches are trained on others."""

Tell = Callable[[str, float], None]
"""Hears what is being done and the share of it that is done; what it raises stops the work."""

_FITTING, _CHOOSING, _CALIBRATING = "fitting", "choosing", "calibrating"

_DRAWN_AT_ONCE = 8
"""Phantoms that are scored in one go, so that each is drawn once for all its branches."""


def silent(words: str, done: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Cohorts:
    """What a head is trained on.

    Attributes:
        composed: Composed cases for fitting; a quarter as many choose the epoch.
        phantoms: Phantom patients, three quarters of them for fitting.
        dropout: Probability that a modality of a case is taken away in training.
        seed: Of the draws.
    """

    composed: int = 6000
    phantoms: int = 400
    dropout: float = 0.3
    seed: int = 0


@dataclass(frozen=True)
class HeadData:
    """What branches say of the cases that a head is trained on, computed once for any number of heads.

    Attributes:
        branches: The branches.
        cohorts: What the cases are.
        fitting: Cases that the weights are fitted on, a part for each origin.
        choosing: Cases that choose the epoch.
        calibrating: Per pattern of modalities, such as "image+text", cases of patients that do neither; each
            patient stands in one case of a label at most.
        sources: Counts by source, for the card.
    """

    branches: Mapping[Modality, Bundle]
    cohorts: Cohorts
    fitting: Sequence[FusionCases]
    choosing: Sequence[FusionCases]
    calibrating: Mapping[str, FusionCases]
    sources: Mapping[str, Any]


def head_data(
    branches: Mapping[Modality, Bundle],
    datasets: Mapping[Modality, Dataset],
    cohorts: Cohorts,
    *,
    cache: Path | None = None,
    tell: Tell = silent,
) -> HeadData:
    """Score the cases that a head is trained on; see :func:`train_fusion`.

    Args:
        branches: One bundle for each modality, two at least.
        datasets: Folders of the same modalities; none for phantoms alone.
        cohorts: What to train on; without folders nothing is composed.
        cache: Folder for decoded items.
        tell: Hears how far it is.

    Raises:
        UsageError: If no label is spoken of by two branches, none can be composed, or there are no cases.
    """
    labels = shared_labels(branches)
    if not datasets:
        cohorts = replace(cohorts, composed=0)
    held_out = {m: _in_parts(datasets[m].in_split("val")) for m in branches if datasets}
    answers: dict[Modality, Answers] = {}
    for number, (m, rows) in enumerate(held_out.items()):
        tell(f"Scoring {len(rows)} held-out items of {m}", number / len(held_out))
        answers[m] = answer_rows(branches[m], rows, cache)
    parts: dict[str, list[FusionCases]] = {_FITTING: [], _CHOOSING: []}
    for part, count in ((_FITTING, cohorts.composed), (_CHOOSING, cohorts.composed // 4)):
        if datasets:
            cohort = compose(held_out, labels, count, cohorts.seed, split=part, min_patients=2)
            parts[part].append(make_cases(answers, *case_members(cohort.cases)))
    calibrating = _calibrating_cases(answers, held_out, labels, cohorts.seed) if datasets else {}
    for part, cases in _phantom_cases(branches, cohorts, cache, tell):
        parts[part].append(cases)
    sizes = {part: sum(len(cases.truth) for cases in of) for part, of in parts.items()}
    if sizes[_FITTING] < 2 or sizes[_CHOOSING] < 1:
        raise UsageError("Expected cases to train a head on: folders of data, or four phantoms at least.")
    sources: dict[str, Any] = {
        name: {"val": {"items": len(rows), "patients": int(rows.rows["patient"].nunique())}}
        for data in held_out.values()
        for name, rows in data.sources()
    }
    if not datasets:
        sources[PHANTOM] = {"train": {"items": cohorts.phantoms, "patients": cohorts.phantoms}}
    return HeadData(branches, cohorts, parts[_FITTING], parts[_CHOOSING], calibrating, sources)


def shared_labels(branches: Mapping[Modality, Bundle]) -> tuple[str, ...]:
    """The labels that two branches or more speak of: the only ones for which there is anything to fuse.

    ``no_finding`` is a conjunction and is not pooled.

    Raises:
        UsageError: If there is none.
    """
    spoken = [set(bundle.config.calibration) for bundle in branches.values()]
    labels = tuple(n for n in LABEL_NAMES if n != NO_FINDING and sum(n in names for names in spoken) >= 2)
    if not labels:
        raise UsageError("Expected branches that share a label to fuse, but none is spoken of by two of them.")
    return labels


def _in_parts(dataset: Dataset) -> Dataset:
    """The rows with what their patient is for as their split: half fit, a quarter chooses, a quarter calibrates."""
    digests = [hashlib.sha256(str(patient).encode()).digest() for patient in dataset.rows["patient"]]
    names = [_FITTING if d[0] % 2 else _CHOOSING if d[1] % 2 else _CALIBRATING for d in digests]
    return Dataset(dataset.modality, dataset.rows.assign(split=names), dataset.labels, dataset.origins)


def _calibrating_cases(
    answers: Mapping[Modality, Answers], held_out: Mapping[Modality, Dataset], labels: Sequence[str], seed: int
) -> dict[str, FusionCases]:
    """Cases for each pattern of modalities, in which no patient comes twice for a label."""
    found = {}
    for pattern in subsets(held_out):
        cases = [
            case
            for label in labels
            if len(pattern) > 1
            for case in match({m: held_out[m] for m in pattern}, label, seed, split=_CALIBRATING)
        ]
        if cases:
            found[subset_key(pattern)] = make_cases(answers, *case_members(cases))
    return found


def _phantom_cases(
    branches: Mapping[Modality, Bundle], cohorts: Cohorts, cache: Path | None, tell: Tell
) -> Iterator[tuple[str, FusionCases]]:
    """Phantom patients: three quarters to fit, the others to choose."""
    if not cohorts.phantoms:
        return
    parts: dict[Modality, list[Answers]] = {m: [] for m in branches}
    for start in range(0, cohorts.phantoms, _DRAWN_AT_ONCE):
        tell(f"Drawing and scoring {cohorts.phantoms} phantoms", start / cohorts.phantoms)
        count = min(_DRAWN_AT_ONCE, cohorts.phantoms - start)
        for m, bundle in branches.items():
            parts[m].append(answer_rows(bundle, phantom_dataset(count, PHANTOM_SEED + start, m), cache))
    answers = {m: _joined(of) for m, of in parts.items()}
    members, truth = paired_members({m: phantom_dataset(cohorts.phantoms, PHANTOM_SEED, m) for m in branches})
    cut = 3 * len(members) // 4
    yield _FITTING, make_cases(answers, members[:cut], truth[:cut])
    yield _CHOOSING, make_cases(answers, members[cut:], truth[cut:])


def _joined(parts: Sequence[Answers]) -> Answers:
    return Answers(
        torch.cat([part.embeddings for part in parts]),
        torch.cat([part.evidence for part in parts]),
        torch.cat([part.speaks for part in parts]),
    )
