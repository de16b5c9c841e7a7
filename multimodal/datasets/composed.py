"""Composed cohorts: cases made of different patients who share a label.

No public source holds a film, a sound and a note of one patient. A composed case draws
one item per modality, from patients of one split who agree on a target label. For each
modality the stratum (source, film size, sort of recording) is drawn before the label is
looked at, so that none can be told from the other. Given the
label the modalities are independent by construction, so ``late`` pooling is optimal here
and n looks larger than it is: compare with ``late`` and bootstrap over ``patients``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multimodal.case import FloatArray
from multimodal.datasets.folder import LABEL_NAMES, Dataset
from multimodal.datasets.phantoms import PHANTOM
from multimodal.errors import UsageError
from multimodal.labels import Modality, check_labels

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class ComposedCase:
    """One case.

    Attributes:
        target: The label on which its members agree.
        rows: Row number of each modality's item in its dataset.
        patients: Patient key of each modality's member.
        labels: (L,) over the vocabulary: 1 or 0 where every member of a modality that covers
            the label says so, else NaN; known for the target.
        covering: The modalities whose members agree on the target; the others are drawn at random.
    """

    target: str
    rows: Mapping[Modality, int]
    patients: Mapping[Modality, str]
    labels: FloatArray
    covering: tuple[Modality, ...]


@dataclass(frozen=True)
class ComposedCohort:
    """Cases of one split.

    Attributes:
        split: Where every member comes from.
        labels: The target labels that could be composed, in vocabulary order.
        covering: The modalities that cover each of them.
        cases: The cases.
    """

    split: str
    labels: tuple[str, ...]
    covering: Mapping[str, tuple[Modality, ...]]
    cases: tuple[ComposedCase, ...]


@dataclass(frozen=True)
class _Pool:
    """Rows of one modality by label value and patient."""

    dataset: Dataset
    index: npt.NDArray[np.intp]

    def covers(self, label: str, min_patients: int) -> bool:
        """Whether enough patients have it, and enough are known not to."""
        sides = self.strata(label).values()
        return all(sum(len(patients[value]) for patients in sides) >= min_patients for value in (0, 1))

    def strata(self, label: str) -> dict[str, tuple[list[Rows], list[Rows]]]:
        """Of each stratum that has patients with the label and without: the rows of each patient, without and with."""
        rows = self.dataset.rows.iloc[self.index].assign(
            stratum=self.dataset.strata[self.index], value=self.dataset.label(label)[self.index]
        )
        found = {}
        for stratum, part in rows.groupby("stratum", sort=True):
            sides = [[g.index.to_numpy() for _, g in part[part["value"] == v].groupby("patient")] for v in (0, 1)]
            if all(sides):
                found[str(stratum)] = (sides[0], sides[1])
        return found


@dataclass(frozen=True)
class _Draw:
    """Draws a patient's row of one modality for one label, its stratum first."""

    strata: tuple[tuple[list[Rows], list[Rows]], ...]

    def row(self, value: int, rng: np.random.Generator) -> int:
        """A row number; a stratum is drawn by how many patients its rarer side has."""
        sizes = np.array([min(map(len, sides)) for sides in self.strata], dtype=float)
        patients = self.strata[rng.choice(len(sizes), p=sizes / sizes.sum())][value]
        return int(rng.choice(patients[rng.integers(len(patients))]))


def compose(
    datasets: Mapping[Modality, Dataset],
    labels: Sequence[str],
    n: int,
    seed: int,
    *,
    split: str = "train",
    min_patients: int = 5,
) -> ComposedCohort:
    """Draw ``n`` cases, half of them positive for their target label.

    A modality takes part in a label if at least ``min_patients`` patients of the split
    have it and as many are known not to, counting strata that have both; a label needs two
    such modalities. A modality that does not cover the target contributes a patient drawn at
    random. Patients of a stratum are drawn evenly, whatever their number of items. Phantoms,
    which are paired already, are
    left out. Age and sex are not matched and must stay out of a model's input.

    Args:
        datasets: One dataset for each modality, with the split inside.
        labels: Candidate target labels.
        n: Cases.
        seed: Of the draw.
        split: The only split that is drawn from.
        min_patients: See above.

    Raises:
        UsageError: If no label is covered by two modalities.
    """
    if len(datasets) < 2:
        raise UsageError("Expected datasets of two modalities or three to compose a cohort.")
    pools = {modality: _pool(data, split) for modality, data in datasets.items()}
    covered = {
        name: tuple(m for m in Modality if m in pools and pools[m].covers(name, min_patients)) for name in LABEL_NAMES
    }
    covering = {name: covered[name] for name in check_labels(labels) if len(covered[name]) >= 2}
    if not covering:
        raise UsageError(
            f"No label is covered by two modalities with {min_patients} positive and negative patients in {split}."
        )
    draws = {
        (m, name): _Draw(tuple(pools[m].strata(name).values())) for name, members in covering.items() for m in members
    }
    everyone = {
        m: [g.index.to_numpy() for _, g in p.dataset.rows.iloc[p.index].groupby("patient", sort=True)]
        for m, p in pools.items()
    }
    rng = np.random.default_rng(seed)
    cases = []
    for number in range(n):
        target = tuple(covering)[(number // 2) % len(covering)]
        value = number % 2
        rows = {}
        for m in pools:
            if m in covering[target]:
                rows[m] = draws[m, target].row(value, rng)
            else:
                rows[m] = int(rng.choice(everyone[m][rng.integers(len(everyone[m]))]))
        cases.append(
            ComposedCase(
                target=target,
                rows=rows,
                patients={m: str(datasets[m].rows["patient"].iloc[row]) for m, row in rows.items()},
                labels=_agreed(datasets, rows, covered),
                covering=covering[target],
            )
        )
    return ComposedCohort(split, tuple(covering), covering, tuple(cases))


def match(datasets: Mapping[Modality, Dataset], label: str, seed: int, *, split: str) -> list[ComposedCase]:
    """Compose cases of one label in which each patient stands once: as many as the rarest modality allows.

    Cases are independent of each other, as prediction sets need; :func:`compose` draws patients again and again.
    Of each stratum as many patients with the label are taken as without.

    Args:
        datasets: One for each modality, all of which take part.
        label: The target.
        seed: Of the draw.
        split: The only split that is drawn from.

    Returns:
        As many cases with the label as without; none where a modality does not cover it.
    """
    rng = np.random.default_rng(seed)
    sides: dict[int, dict[Modality, list[int]]] = {0: {}, 1: {}}
    for m, data in datasets.items():
        for patients in _pool(data, split).strata(label).values():
            count = min(map(len, patients))
            for value in (0, 1):
                chosen = rng.permutation(len(patients[value]))[:count]
                sides[value].setdefault(m, []).extend(int(rng.choice(patients[value][i])) for i in chosen)
    if any(m not in sides[1] for m in datasets):
        return []
    count = min(len(sides[1][m]) for m in datasets)
    cases = []
    for value in (0, 1):
        orders = {m: rng.permutation(sides[value][m])[:count] for m in datasets}
        for number in range(count):
            rows = {m: int(order[number]) for m, order in orders.items()}
            truth = np.full(len(LABEL_NAMES), np.nan, np.float32)
            truth[LABEL_NAMES.index(label)] = value
            patients_of = {m: str(datasets[m].rows["patient"].iloc[row]) for m, row in rows.items()}
            cases.append(ComposedCase(label, rows, patients_of, truth, tuple(datasets)))
    return cases


def _pool(dataset: Dataset, split: str) -> _Pool:
    """The real rows of a split."""
    return _Pool(
        dataset, np.flatnonzero(((dataset.rows["split"] == split) & (dataset.rows["source"] != PHANTOM)).to_numpy())
    )


def _agreed(
    datasets: Mapping[Modality, Dataset], rows: Mapping[Modality, int], covered: Mapping[str, tuple[Modality, ...]]
) -> FloatArray:
    """(L,) 1 or 0 where all members that cover a label say the same, else NaN."""
    truth = np.full(len(LABEL_NAMES), np.nan, np.float32)
    for column, name in enumerate(LABEL_NAMES):
        said = {float(datasets[m].labels[rows[m], column]) for m in covered[name]}
        if len(said) == 1:
            truth[column] = said.pop()
    return truth
