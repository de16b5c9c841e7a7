"""The answer in words: fixed bands, one sentence, plain language. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from multimodal.case import Diagnosis, LabelResult, Notice
from multimodal.labels import LABELS, NO_FINDING, Group

MENTIONED = 3
"""How many possible conditions the sentence names; the picture shows the rest."""

REACH_MEANING = (
    "Where the answer would lie, 95 times in 100, had the networks learned from other samples of the same patients."
)
"""What the range around a fused probability is, for a reader who asks."""

_NORMAL_95 = 1.959964
_TINY = 1e-9
_PLURAL = frozenset({"crackles", "wheezes"})


class Band(StrEnum):
    """How likely, in words that are fixed to bands."""

    VERY_LIKELY = "very likely"
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"
    UNKNOWN = "not enough to say"

    @property
    def meaning(self) -> str:
        """What the word stands for, for a reader who hovers over it."""
        return _MEANINGS[self]

    @property
    def found(self) -> bool:
        """Whether the answer states it as found."""
        return self in (Band.VERY_LIKELY, Band.LIKELY)


_MEANINGS: Mapping[Band, str] = MappingProxyType(
    {
        Band.VERY_LIKELY: "90 % or more.",
        Band.LIKELY: "At or above the label's threshold, and more likely than not.",
        Band.POSSIBLE: "Can't be ruled out: within the label's uncertain range, or above its threshold but below 50 %.",
        Band.UNLIKELY: "Below the threshold and outside the uncertain range.",
        Band.UNKNOWN: "What was given is too little or too poor for an answer.",
    }
)


@dataclass(frozen=True)
class Answer:
    """The answer in words.

    Attributes:
        headline: One or two sentences a clinician reads first.
        detail: What goes with it, a sentence each.
    """

    headline: str
    detail: tuple[str, ...] = ()


def percent(probability: float) -> str:
    r"""Whole per cent; never a flat 0 or 100, which no model can promise.

    >>> percent(0.864), percent(0.001), percent(0.999)
    ('86\xa0%', '<\xa01\xa0%', '>\xa099\xa0%')
    """
    rounded = round(100 * probability)
    if rounded < 1:
        return "<\N{NO-BREAK SPACE}1\N{NO-BREAK SPACE}%"
    if rounded > 99:
        return ">\N{NO-BREAK SPACE}99\N{NO-BREAK SPACE}%"
    return f"{rounded}\N{NO-BREAK SPACE}%"


def reach(result: LabelResult) -> tuple[float, float] | None:
    """Where the probability would lie in 95 of 100 cases had the networks learned from other samples of the patients.

    From ``result.spread``, taken as normal in log-odds; None where the networks have none to tell.

    >>> result = LabelResult("pneumonia", "Pneumonia", 0.86, True, 0.15, (0, 1), spread=1.0)
    >>> reach(result) and [round(end, 2) for end in reach(result)]
    [0.46, 0.98]
    """
    if not result.spread:
        return None
    inside = min(max(result.probability, _TINY), 1 - _TINY)
    centre, half = math.log(inside / (1 - inside)), _NORMAL_95 * result.spread
    return _sigmoid(centre - half), _sigmoid(centre + half)


def reach_words(result: LabelResult) -> str:
    r"""The reach in words; empty where there is none.

    >>> reach_words(LabelResult("pneumonia", "Pneumonia", 0.86, True, 0.15, (0, 1), spread=1.0))
    '46\xa0% to 98\xa0%'
    """
    ends = reach(result)
    return "" if ends is None else f"{percent(ends[0])} to {percent(ends[1])}"


def together(notices: Iterable[Notice]) -> list[tuple[str, tuple[str, ...], bool]]:
    """Message, items and whether they are refused, each message once for all items it holds of, refusals first.

    >>> together([Notice("short", "Too short.", "a.wav"), Notice("blank", "It is blank.", "b.png", refused=True),
    ...           Notice("short", "Too short.", "c.wav")])
    [('It is blank.', ('b.png',), True), ('Too short.', ('a.wav', 'c.wav'), False)]
    """
    items: dict[tuple[str, bool], dict[str, None]] = {}
    for notice in notices:
        items.setdefault((notice.message, notice.refused), {}).update({notice.item: None} if notice.item else {})
    told = [(message, tuple(names), refused) for (message, refused), names in items.items()]
    return sorted(told, key=lambda entry: not entry[2])


def _sigmoid(log_odds: float) -> float:
    return 0.5 * (1 + math.tanh(log_odds / 2))


def band(result: LabelResult) -> Band:
    """The word for one label.

    A label that abstains, because its conformal set holds both answers, is possible. A label above its
    threshold is called likely only from one half on: a threshold may lie far below that, and
    "likely (7 %)" would be a wrong sentence.
    """
    if result.present and result.probability >= 0.9:
        return Band.VERY_LIKELY
    if result.present and result.probability >= 0.5:
        return Band.LIKELY
    if result.present is False and result.probability < 0.5:
        return Band.UNLIKELY
    return Band.POSSIBLE


def answer(diagnosis: Diagnosis) -> Answer:
    """The diagnosis as a clinician would say it."""
    if not diagnosis.labels:
        return Answer(headline="Not enough to say.", detail=_reasons(diagnosis))
    healthy = next((result for result in diagnosis.labels if result.label == NO_FINDING), None)
    conditions = [r for r in diagnosis.labels if LABELS[r.label].group is Group.CONDITION and r is not healthy]
    found = [r for r in conditions if band(r).found]
    signs = [r for r in diagnosis.labels if LABELS[r.label].group is Group.FINDING and band(r).found]
    sentences = list(_statements(found or signs))
    if not sentences:
        sentences = [_nothing_found(healthy, diagnosis)]
    possible = [r for r in conditions if band(r) is Band.POSSIBLE][:MENTIONED]
    sentences += _possibilities(possible)
    detail = [f"With it: {_listed(signs)}."] if found and signs else []
    if not found and not signs:
        detail += _possible_signs(diagnosis)
    return Answer(headline=" ".join(sentences), detail=(*detail, *_doubts([*(found or signs), *possible])))


def _possible_signs(diagnosis: Diagnosis) -> list[str]:
    """Findings that reach their threshold where nothing is likely: the picture begins with them."""
    signs = [r for r in diagnosis.labels if LABELS[r.label].group is Group.FINDING and r.probability >= r.threshold]
    verb = "are" if len(signs) > 1 or (signs and signs[0].label in _PLURAL) else "is"
    return [f"{_listed(signs[:MENTIONED])} {verb} possible."] if signs else []


def _doubts(results: list[LabelResult]) -> Iterable[str]:
    """Why there is no verdict."""
    abstained = [r.name[0].lower() + r.name[1:] for r in results if r.present is None]
    if abstained:
        yield f"No verdict on {_joined(abstained)}: what was given speaks neither clearly for nor clearly against."


def _nothing_found(healthy: LabelResult | None, diagnosis: Diagnosis) -> str:
    if healthy is not None and band(healthy).found:
        return f"{band(healthy).capitalize()} nothing abnormal ({percent(healthy.probability)})."
    return "Not enough to say." if all(r.present is None for r in diagnosis.labels) else "No condition is likely."


def _possibilities(results: list[LabelResult]) -> list[str]:
    """Called at its threshold or more likely than not is possible; any other that stays open can't be ruled out."""
    upper = [r for r in results if r.present or r.probability >= 0.5]
    lower = [r for r in results if r not in upper]
    sentences = [f"{_listed(upper)} {'are' if len(upper) > 1 else 'is'} possible."] if upper else []
    return [*sentences, f"{_listed(lower)} can't be ruled out."] if lower else sentences


def _statements(results: Iterable[LabelResult]) -> Iterable[str]:
    rows = list(results)
    for word in (Band.VERY_LIKELY, Band.LIKELY):
        of_band = [r for r in rows if band(r) is word]
        if of_band:
            plural = len(of_band) > 1 or of_band[0].label in _PLURAL
            yield f"{_listed(of_band)} {'are' if plural else 'is'} {word}."


def _listed(results: list[LabelResult]) -> str:
    """``Pneumonia (86 %), heart failure (70 %) and crackles (66 %)``."""
    parts = [f"{r.name} ({percent(r.probability)})" for r in results]
    return _joined([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])])


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _reasons(diagnosis: Diagnosis) -> tuple[str, ...]:
    notices = [notice for notice in (*diagnosis.quality, *diagnosis.warnings) if notice.refused] or diagnosis.warnings
    return tuple(f"{notice.item}: {notice.message}" if notice.item else notice.message for notice in notices)
