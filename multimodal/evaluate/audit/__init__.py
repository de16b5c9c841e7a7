"""What a branch can tell when it should not: the questions of a reader who suspects a shortcut.

Something is taken out of the same test items: what the disease is seen in, to find out what is left, or what tells
sources apart, to find out what is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from multimodal.datasets import Dataset
from multimodal.evaluate.audit import film, note, sound
from multimodal.evaluate.audit.question import Question
from multimodal.evaluate.audit.sources import tell_source
from multimodal.evaluate.trial import Trial
from multimodal.labels import Modality

__all__ = ["QUESTIONS", "Question", "audit"]

QUESTIONS: Mapping[Modality, tuple[Question, ...]] = MappingProxyType(
    {Modality.IMAGE: film.QUESTIONS, Modality.AUDIO: sound.QUESTIONS, Modality.TEXT: note.QUESTIONS}
)


def audit(trial: Trial, others: Dataset | None = None) -> dict[str, Any]:
    """Audit a branch on the items of a trial.

    Args:
        trial: Items of one source.
        others: Rows of other sources, to see whether the branch's embeddings tell where an item is from.

    Returns:
        What was tried (:meth:`~multimodal.evaluate.trial.Trial.about`); ``questions``: ``name``, ``what`` was done,
        ``auroc`` and ``difference`` to the items as they are, each with its interval; and ``source``, the answer of
        :func:`~multimodal.evaluate.audit.sources.tell_source`, where there are others. ``questions`` is empty where
        no label has enough patients of both classes.

    Raises:
        MultimodalError: If an item cannot be read or prepared.
    """
    asked = QUESTIONS[trial.branch.network.kind] if trial.labels else ()
    scores = trial.scores({question.name: question.change for question in asked}) if asked else {}
    answers = [
        {"name": question.name, "what": question.what, **trial.figures(scores[question.name])} for question in asked
    ]
    source = {} if others is None else {"source": tell_source(trial, others)}
    return trial.about() | {"questions": answers} | source
