"""What a branch can tell when it should not: the questions of a reader who suspects a shortcut.

Something is taken out of the same test items: what the disease is seen in, to find out what is left, or what tells
sources apart, to find out what is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from multimodal.case import Item, Text
from multimodal.datasets import Dataset
from multimodal.engine.inference import evidence, run
from multimodal.evaluate.audit import film, note, sound
from multimodal.evaluate.audit.question import Question
from multimodal.evaluate.audit.sources import tell_source
from multimodal.evaluate.trial import Rescore, Trial
from multimodal.labels import Modality
from multimodal.metrics.checks import FloatArray

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
    told = {question.name: question.what for question in asked}
    rescore = None
    if asked and trial.branch.network.kind is Modality.TEXT:
        rescore = _denying(trial)
        told |= dict([note.DENIED])
    scores = trial.scores({question.name: question.change for question in asked}, rescore) if asked else {}
    answers = [{"name": name, "what": what, **trial.figures(scores[name])} for name, what in told.items()]
    source = {} if others is None else {"source": tell_source(trial, others)}
    return trial.about() | {"questions": answers} | source


def _denying(trial: Trial) -> Rescore:
    """What a text branch says of a note that denies what its patient is known not to have."""
    config = trial.branch.config

    def rescore(item: Item, truth: npt.NDArray[np.floating[Any]]) -> Mapping[str, FloatArray]:
        absent = [label for label, value in zip(config.labels, truth, strict=True) if value == 0]
        (output,) = run(trial.branch, [note.denied(cast("Text", item), absent)], trial.device)
        return {note.DENIED[0]: evidence(config, output.logits)}

    return rescore
