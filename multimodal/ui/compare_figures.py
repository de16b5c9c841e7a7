"""What a cohort's answers amount to: figures with intervals, tests and changed cases. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimodal.metrics import (
    Comparison,
    Interval,
    McNemar,
    auroc,
    bootstrap,
    delong,
    mcnemar,
    paired_bootstrap,
    reliability_curve,
    roc_curve,
)
from multimodal.metrics.checks import FloatArray
from multimodal.ui.compare_answers import FUSED, LabelAnswers

RESAMPLES = 1000
"""Of the bootstrap: enough for two decimals, which is all that is shown."""

_FEW = 100
"""Below so many cases the reliability diagram has five bins, else ten."""

Row = dict[str, float | str]


@dataclass(frozen=True)
class Test:
    """Fused against another answer to the same cases.

    Attributes:
        bootstrap: Difference of AUROC, drawing patients.
        delong: The same by DeLong; None where cases are not independent or too few.
        mcnemar: Of the calls at the threshold; None where cases are not independent.
    """

    __test__ = False

    bootstrap: Comparison
    delong: Comparison | None
    mcnemar: McNemar | None


@dataclass(frozen=True)
class Confusion:
    """Counts of calls at the threshold."""

    hits: int
    misses: int
    false_alarms: int
    rejections: int

    @property
    def sensitivity(self) -> float:
        """Share of those who have it that were called."""
        return self.hits / (self.hits + self.misses)

    @property
    def specificity(self) -> float:
        """Share of those who do not have it that were not called."""
        return self.rejections / (self.rejections + self.false_alarms)


@dataclass(frozen=True)
class Change:
    """A case in which fusion says something else than another answer.

    Attributes:
        case_id: Name of the case.
        truth: Whether the case has it.
        fused: Fused probability.
        other: The other answer's probability.
        called: Whether the fused answer reaches the threshold; the other's does not, or the other way round.
    """

    case_id: str
    truth: bool
    fused: float
    other: float
    called: bool

    @property
    def better(self) -> bool:
        """Whether fusion is the one that is right."""
        return self.called == self.truth


def roc(answers: LabelAnswers) -> list[Row]:
    """Points of every source's ROC curve: source, x (false alarms) and y (sensitivity)."""
    points: list[Row] = []
    for source in answers.sources():
        false_alarms, sensitivity, _ = roc_curve(answers.evidence(source), answers.truth)
        points += [
            {"source": source, "x": float(x), "y": float(y)} for x, y in zip(false_alarms, sensitivity, strict=True)
        ]
    return points


def areas(answers: LabelAnswers) -> dict[str, Interval]:
    """AUROC of every source."""
    return {source: _area(answers, answers.evidence(source)) for source in answers.sources()}


def subset_areas(answers: LabelAnswers) -> dict[str, Interval]:
    """AUROC of fusion given each subset of the modalities that speak of the label, on the same cases."""
    return {name: _area(answers, answers.subset(name)) for name in answers.subsets()}


def reliability(answers: LabelAnswers, source: str) -> list[Row]:
    """Points of a source's reliability diagram: x (said), y (so) and n (cases)."""
    bins = 5 if len(answers.rows) < _FEW else 10
    said, so, n = reliability_curve(answers.at_cohort(source), answers.truth, bins=bins)
    return [
        {"source": source, "x": float(x), "y": float(y), "n": float(k)} for x, y, k in zip(said, so, n, strict=True)
    ]


def confusion(answers: LabelAnswers, source: str) -> Confusion:
    """Calls of a source at the threshold of the fused answer."""
    called, truth = answers.called(source) == 1, answers.truth == 1
    hits, false_alarms = int((called & truth).sum()), int((called & ~truth).sum())
    return Confusion(hits, int(truth.sum()) - hits, false_alarms, int((~truth).sum()) - false_alarms)


def test(answers: LabelAnswers, other: str) -> Test:
    """Fused against another source."""
    fused, second, truth = answers.evidence(FUSED), answers.evidence(other), answers.truth
    alone = answers.independent()
    enough = alone and min(truth.sum(), (1 - truth).sum()) >= 2
    return Test(
        paired_bootstrap(auroc, fused, second, truth, answers.patients, resamples=RESAMPLES),
        delong(fused, second, truth) if enough else None,
        mcnemar(answers.called(FUSED), answers.called(other), truth) if alone else None,
    )


def changes(answers: LabelAnswers, other: str) -> list[Change]:
    """Cases in which the fused call differs from another source's, the furthest apart first."""
    fused, second = answers.probability(FUSED), answers.probability(other)
    called = answers.called(FUSED) == 1
    rows = np.flatnonzero(called != (answers.called(other) == 1))
    rows = rows[np.argsort(-_distance(answers, other)[rows], kind="stable")]
    return [
        Change(
            str(answers.rows["case_id"].iloc[row]),
            bool(answers.truth[row]),
            float(fused[row]),
            float(second[row]),
            bool(called[row]),
        )
        for row in rows
    ]


def _distance(answers: LabelAnswers, other: str) -> FloatArray:
    return np.abs(answers.evidence(FUSED) - answers.evidence(other))


def _area(answers: LabelAnswers, scores: FloatArray) -> Interval:
    truth = answers.truth
    return bootstrap(lambda weights: auroc(scores, truth, weights), answers.patients, resamples=RESAMPLES)
