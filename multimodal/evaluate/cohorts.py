"""Cases with a known truth, on which fusion is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from multimodal.case import Audio, Case, Image, Text
from multimodal.datasets import LABEL_NAMES, Dataset, compose, load_item
from multimodal.errors import ManifestError
from multimodal.formats import read_manifest
from multimodal.labels import LABELS, Modality
from multimodal.phantom import best_answer, draw_patient, render, to_case

PHANTOM_SEED = 4_000_000


@dataclass(frozen=True)
class Member:
    """One case of a cohort.

    Attributes:
        case: To be diagnosed.
        truth: Label -> 1 or 0, the known ones.
        patients: Key of each patient that it is made of.
        best: The best answer that can be had, where it is known: label -> probability.
    """

    case: Case
    truth: Mapping[str, int]
    patients: tuple[str, ...]
    best: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Cohort:
    """Cases to measure fusion on.

    Attributes:
        name: "composed", "paired" or "phantoms".
        source: Where the cases come from.
        members: Makes them anew, one after the other, since a cohort of films is large.
        size: How many.
    """

    name: str
    source: str
    members: Callable[[], Iterator[Member]]
    size: int


def composed_cohort(datasets: Mapping[Modality, Dataset], *, split: str = "val", n: int = 600, seed: int = 0) -> Cohort:
    """Different patients who share a label, one item of each modality that covers it.

    Given the label the modalities are independent by construction, so fusion wins here almost by itself
    and ``late`` is the yardstick. Only the target label's truth counts, age and sex stay out, and intervals
    draw the source patients.

    Args:
        datasets: By modality.
        split: Whose patients are joined.
        n: Cases.
        seed: The same seed joins the same patients.

    Raises:
        UsageError: If no label is covered by two modalities in the split.
    """
    cohort = compose(datasets, tuple(LABELS), n, seed, split=split)

    def members() -> Iterator[Member]:
        for number, entry in enumerate(cohort.cases):
            covering = cohort.covering[entry.target]
            items = {m: load_item(datasets[m], entry.rows[m]) for m in covering}
            case = Case(
                case_id=f"composed-{number:05d}",
                images=tuple(item for item in items.values() if isinstance(item, Image)),
                audios=tuple(item for item in items.values() if isinstance(item, Audio)),
                texts=tuple(item for item in items.values() if isinstance(item, Text)),
            )
            truth = int(entry.labels[LABEL_NAMES.index(entry.target)])
            yield Member(case, {entry.target: truth}, tuple(entry.patients.get(m, "") for m in Modality))

    sources = sorted({source for data in datasets.values() for source in data.rows["source"].unique()})
    return Cohort("composed", "+".join(sources), members, len(cohort.cases))


def paired_cohort(manifest: Path) -> Cohort:
    """The cases of a manifest with label columns; each case is a patient.

    Raises:
        ManifestError: If the file is no manifest, or no case has a known label.
    """
    cases = [entry for entry in read_manifest(manifest) if entry.truth]
    if not cases:
        raise ManifestError("No case of the manifest has a known label; add label columns.", file=manifest.name)

    def members() -> Iterator[Member]:
        for entry in cases:
            yield Member(entry.read(), entry.truth, (entry.case_id,))

    return Cohort("paired", manifest.name, members, len(cases))


def phantom_cohort(n: int, *, seed: int = PHANTOM_SEED) -> Cohort:
    """Phantoms with the generator's own best answer: never a figure of real performance.

    Args:
        n: How many.
        seed: Of the first; by default phantoms that nothing was trained on.
    """

    def members() -> Iterator[Member]:
        for number in range(seed, seed + n):
            phantom = render(draw_patient(number))
            yield Member(to_case(phantom), phantom.patient.labels, (phantom.case_id,), best_answer(phantom))

    return Cohort("phantoms", f"seeds {seed} to {seed + n - 1}", members, n)
