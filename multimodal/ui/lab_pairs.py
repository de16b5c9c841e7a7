"""What A and B say of the same cases, side by side. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from multimodal.case import Case, Diagnosis, LabelResult
from multimodal.labels import LABELS
from multimodal.ui.answer import percent

MENTIONED = 2
"""How many changed decisions the sentence names; the picture shows the rest."""

HARDLY = 0.01
"""A difference in probability that is not worth a word."""


@dataclass(frozen=True)
class Pair:
    """One label of one case.

    Attributes:
        label: Name.
        title: Plain words.
        a: What A says; None where A does not speak of it.
        b: What B says.
    """

    label: str
    title: str
    a: LabelResult | None
    b: LabelResult | None

    @property
    def difference(self) -> float:
        """B's probability less A's; 0 where one of them does not speak."""
        return 0.0 if self.a is None or self.b is None else self.b.probability - self.a.probability

    @property
    def flips(self) -> bool:
        """Whether A and B decide otherwise: found, not found, or open."""
        return self.a is not None and self.b is not None and self.a.present is not self.b.present


@dataclass(frozen=True)
class Compared:
    """One case with both answers.

    Attributes:
        name: Of the case.
        pairs: One a label.
        truth: Label to 1 or 0, where it is known.
    """

    name: str
    pairs: tuple[Pair, ...]
    truth: Mapping[str, int]


@dataclass(frozen=True)
class Agreement:
    """One label over a cohort.

    Attributes:
        label: Name.
        title: Plain words.
        cases: In which both speak of it.
        same: Of these, how often the decision is the same.
        mean: Mean distance of the probabilities.
        largest: Largest distance.
    """

    label: str
    title: str
    cases: int
    same: int
    mean: float
    largest: float


Answer = Callable[[Case], Diagnosis]
Tell = Callable[[str, float], None]


def pair(a: Diagnosis, b: Diagnosis) -> tuple[Pair, ...]:
    """Every label that either speaks of, the largest difference first, those that only one speaks of last."""
    left, right = ({result.label: result for result in diagnosis.labels} for diagnosis in (a, b))
    pairs = [Pair(n, LABELS[n].title, left.get(n), right.get(n)) for n in LABELS if n in left or n in right]
    return tuple(sorted(pairs, key=lambda p: (p.a is None or p.b is None, not p.flips, -abs(p.difference))))


def decision(result: LabelResult | None) -> str:
    """What was decided, in a word."""
    if result is None:
        return "not spoken of"
    return "open" if result.present is None else "found" if result.present else "not found"


def sentence(pairs: Sequence[Pair]) -> str:
    """Agreement on one case, in words."""
    both = [p for p in pairs if p.a is not None and p.b is not None]
    if not both:
        return "There is no label that both speak of."
    flips = [p for p in both if p.flips]
    largest = max(both, key=lambda p: abs(p.difference))
    if not flips and abs(largest.difference) < HARDLY:
        return f"A and B say the same of all {len(both)} labels."
    if not flips:
        return f"A and B decide alike on all {len(both)} labels. {_step(largest)} differs the most."
    named = "; ".join(f"{_step(p)}, {decision(p.a)} against {decision(p.b)}" for p in flips[:MENTIONED])
    return f"A and B decide alike on {len(both) - len(flips)} of {len(both)} labels. {named}."


def describe(pairs: Sequence[Pair]) -> str:
    """The picture in words, for a screen reader."""
    return "; ".join(f"{p.title}: A {shown(p.a)}, B {shown(p.b)}" for p in pairs) + "."


def shown(result: LabelResult | None) -> str:
    """A probability as whole per cent, or a dash."""
    return "–" if result is None else percent(result.probability)


def points(difference: float) -> str:
    r"""A difference in percentage points.

    >>> points(0.123), points(-0.5), points(0.001)
    ('+12', '\u221250', '0')
    """
    rounded = round(100 * difference)
    return f"{'+' if rounded > 0 else '−'}{abs(rounded)}" if rounded else "0"


def phantoms(n: int, seed: int, tell: Tell) -> Iterator[tuple[Case, Mapping[str, int]]]:
    """Cases of n phantoms of consecutive seeds, each with its truth."""
    from multimodal.phantom import draw_patient, render, to_case

    for number in range(n):
        tell(f"Diagnosing phantom {number + 1} of {n} with A and B", number / n)
        patient = draw_patient(seed + number)
        yield to_case(render(patient)), patient.labels


def compare(n: int, seed: int, a: Answer, b: Answer, tell: Tell) -> tuple[Compared, ...]:
    """What A and B say of n phantoms."""
    return tuple(
        Compared(f"Phantom {seed + number}", pair(a(case), b(case)), truth)
        for number, (case, truth) in enumerate(phantoms(n, seed, tell))
    )


def agreement(cohort: Sequence[Compared]) -> list[Agreement]:
    """One row a label that both speak of, the least agreement first."""
    rows = []
    for label in LABELS:
        both = [p for case in cohort for p in case.pairs if p.label == label and p.a is not None and p.b is not None]
        if both:
            distances = [abs(p.difference) for p in both]
            same = sum(not p.flips for p in both)
            mean = sum(distances) / len(both)
            rows.append(Agreement(label, LABELS[label].title, len(both), same, mean, max(distances)))
    return sorted(rows, key=lambda row: (row.same / row.cases, -row.mean))


def flipped(cohort: Sequence[Compared]) -> list[tuple[Compared, Pair]]:
    """Every changed decision, the largest difference first."""
    flips = [(case, p) for case in cohort for p in case.pairs if p.flips]
    return sorted(flips, key=lambda flip: -abs(flip[1].difference))


def right(case: Compared, p: Pair) -> str:
    """Which of the two decided as the truth is: "A", "B", "neither"; empty where it is not known."""
    if p.label not in case.truth:
        return ""
    truth = bool(case.truth[p.label])
    for name, result in (("A", p.a), ("B", p.b)):
        if result is not None and result.present is truth:
            return name
    return "neither"


def cohort_sentence(cohort: Sequence[Compared]) -> str:
    """Agreement over a cohort, in words."""
    decisions, flips = sum(row.cases for row in agreement(cohort)), flipped(cohort)
    if not decisions:
        return "There is no label that both speak of."
    words = f"A and B decide alike in {percent(1 - len(flips) / decisions)} of {decisions} decisions on phantoms."
    if not flips:
        return f"A and B decide alike in all {decisions} decisions on phantoms."
    votes = [right(*flip) for flip in flips]
    return f"{words} Of {len(flips)} that differ, A is right in {votes.count('A')} and B in {votes.count('B')}."


def _step(p: Pair) -> str:
    return f"{p.title} ({shown(p.a)} to {shown(p.b)})"
