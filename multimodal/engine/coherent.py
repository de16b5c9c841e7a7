"""Answers that agree with one another: nothing is less likely than a kind of it.

Each label has its own output in a network, and nothing there ties a disease to its kinds. Where a kind comes out above
the whole, an answer would break a law of probability, so the whole is raised to its likeliest kind. That is for
telling, not for measuring: the largest of several noisy numbers ranks patients less well than the whole's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scipy.special import expit

from multimodal.case import LabelResult, Notice
from multimodal.labels import KINDS, LABELS, NO_FINDING
from multimodal.verdict import percent


def agreed(log_odds: Mapping[str, float]) -> dict[str, float]:
    """Log-odds by label with every whole at least as likely as its kinds, and ``no_finding`` as that allows.

    >>> agreed({"valvular_heart_disease": -1.0, "mitral_regurgitation": 0.0})
    {'valvular_heart_disease': 0.0, 'mitral_regurgitation': 0.0}
    """
    raised = dict(log_odds)
    for whole, kinds in KINDS.items():
        most = max((log_odds[kind] for kind in kinds if kind in log_odds), default=None)
        if whole in log_odds and most is not None and most > log_odds[whole]:
            raised[whole] = most
            if NO_FINDING in raised:
                raised[NO_FINDING] = min(raised[NO_FINDING], -most)
    return raised


def with_kinds(
    results: Sequence[LabelResult], before: Mapping[str, float]
) -> tuple[tuple[LabelResult, ...], list[Notice]]:
    """Verdicts that agree as the probabilities do, what has a kind that is there being there, and why any changed.

    Args:
        results: Of coherent log-odds.
        before: Log-odds by label as the models give them.
    """
    by_label = {result.label: result for result in results}
    notices = []
    for whole, kinds in KINDS.items():
        given = [by_label[kind] for kind in kinds if kind in by_label]
        if whole not in by_label or not given:
            continue
        own = by_label[whole]
        likeliest, surest = max(given, key=lambda kind: kind.probability), max(given, key=_verdict)
        alone, now = percent(float(expit(before[whole]))), percent(own.probability)
        if likeliest.probability >= own.probability:
            by_label[whole] = replace(own, spread=likeliest.spread)
        if _verdict(surest) > _verdict(own):
            by_label[whole] = replace(by_label[whole], present=surest.present, set=surest.set)
        if alone != now:
            why = f"is told as {now} and not as {alone}: it can't be less likely than {_lower(likeliest)}"
        elif _verdict(surest) > _verdict(own):
            why = f"is {'taken to be there' if surest.present else 'left open'}, as {_lower(surest)} is"
        else:
            continue
        notices.append(Notice("raised_to_kind", f"{own.name} {why}, which is a kind of it."))
    order = list(LABELS)
    told = sorted(by_label.values(), key=lambda result: (-result.probability, order.index(result.label)))
    return tuple(told), notices


def _verdict(result: LabelResult) -> int:
    """Not there, open, there."""
    return {False: 0, None: 1, True: 2}[result.present]


def _lower(result: LabelResult) -> str:
    return result.name[0].lower() + result.name[1:]
