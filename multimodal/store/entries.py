"""What a worklist holds and how it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from multimodal.case import Diagnosis, LabelResult
from multimodal.errors import UsageError
from multimodal.labels import LABELS, NO_FINDING, Group, Modality, check_labels


class Verdict(StrEnum):
    """What the reviewer says of the answer as a whole."""

    AGREE = "agree"
    DISAGREE = "disagree"


class ReviewState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    AGREE = "agree"
    DISAGREE = "disagree"


class Sort(StrEnum):
    """What a list is ordered by."""

    CREATED = "created"
    TITLE = "title"
    FINDING = "finding"
    PROBABILITY = "probability"
    REVIEW = "review"


@dataclass(frozen=True)
class Review:
    """A clinician's word on an answer.

    Attributes:
        verdict: Agrees or disagrees.
        labels: What is true of the patient, as far as the reviewer says: 1 or 0 by label.
        comment: Free text.
    """

    verdict: Verdict
    labels: Mapping[str, int] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True)
class Query:
    """Which cases, in which order, which page of them.

    Attributes:
        search: Part of a title, of a comment or of the name of a found label.
        label: Found by the answer or stated in the review.
        review: Where they stand.
        model: Name of a bundle that answered.
        since: First day of their making, in UTC.
        until: Last day of their making, in UTC.
        sort: What orders them; equal ones follow by date, the newest first.
        descending: The largest first.
        offset: How many are skipped.
        limit: How many are given at most, or all.
    """

    search: str = ""
    label: str | None = None
    review: ReviewState | None = None
    model: str | None = None
    since: date | None = None
    until: date | None = None
    sort: Sort = Sort.CREATED
    descending: bool = True
    offset: int = 0
    limit: int | None = 25


@dataclass(frozen=True)
class Summary:
    """What a list shows of a case.

    Attributes:
        id: Random UUID.
        title: As the user gave it.
        created: When it was saved.
        updated: When it was last changed.
        finding: Label that the answer leads with, or None where nothing is likely.
        probability: Of that label.
        modalities: What the record held.
        models: Names of the bundles that answered, by kind.
        review: The review, or None.
        has_inputs: Whether its files are kept.
    """

    id: str
    title: str
    created: datetime
    updated: datetime
    finding: str | None
    probability: float | None
    modalities: tuple[Modality, ...]
    models: Mapping[str, str]
    review: Review | None
    has_inputs: bool

    @property
    def state(self) -> ReviewState:
        """Where it stands."""
        return ReviewState.OPEN if self.review is None else ReviewState(self.review.verdict)


@dataclass(frozen=True)
class StoredCase(Summary):
    """A case in full, its kept files excepted.

    Attributes:
        diagnosis: The engine's answer, its files renamed by :func:`~multimodal.store.names.neutral`.
    """

    diagnosis: Diagnosis


@dataclass(frozen=True)
class Page:
    """Some of the cases that a query finds.

    Attributes:
        cases: On this page.
        total: On all pages.
    """

    cases: tuple[Summary, ...]
    total: int


def main_finding(diagnosis: Diagnosis) -> LabelResult | None:
    """The label that an answer leads with: a condition, else a finding, else that nothing is abnormal.

    None where no label is found.
    """
    found = [result for result in diagnosis.labels if is_found(result)]
    return min(found, key=lambda result: (_rank(result.label), -result.probability), default=None)


def _rank(label: str) -> int:
    if label == NO_FINDING:
        return 2
    return 0 if LABELS[label].group is Group.CONDITION else 1


def is_found(result: LabelResult) -> bool:
    """Whether a label is present by its threshold and more likely than not."""
    return bool(result.present) and result.probability >= 0.5


def stated_labels(review: Review) -> dict[str, int]:
    """The labels of a review, checked.

    Raises:
        UsageError: If a label or value is unknown, or the review contradicts itself.
    """
    stated = dict(review.labels)
    check_labels(stated)
    wrong = [name for name, value in stated.items() if value not in (0, 1)]
    if wrong:
        raise UsageError(f"Expected 1 or 0 for {', '.join(wrong)}.")
    others = [LABELS[name].title for name, value in stated.items() if value and name != NO_FINDING]
    if stated.get(NO_FINDING) and others:
        raise UsageError(f"{LABELS[NO_FINDING].title} and {others[0].lower()} can't both be present.")
    return stated
