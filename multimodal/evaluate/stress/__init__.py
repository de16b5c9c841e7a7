"""How a branch bears wear and attack: mean AUROC of the same test items at growing strengths."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from multimodal.evaluate.stress import film, note, sound
from multimodal.evaluate.stress.attack import ATTACKS, STRENGTHS, attack
from multimodal.evaluate.stress.wear import Wear, worn
from multimodal.evaluate.trial import Trial
from multimodal.labels import Modality

__all__ = ["ATTACKS", "WEAR", "Wear", "attack", "stress"]

WEAR: Mapping[Modality, tuple[Wear, ...]] = MappingProxyType(
    {Modality.IMAGE: film.WEAR, Modality.AUDIO: sound.WEAR, Modality.TEXT: note.WEAR}
)


def stress(trial: Trial) -> dict[str, Any]:
    """Wear the items of a trial out, attack them, and measure.

    Returns:
        What was tried (:meth:`~multimodal.evaluate.trial.Trial.about`) and ``curves``: ``name``, ``what`` the strength
        is, and ``points`` with ``strength``, ``auroc`` and ``difference``, each with its interval. Empty where
        no label has enough patients of both classes.

    Raises:
        MultimodalError: If an item cannot be read or prepared.
    """
    if not trial.labels:
        return {}
    kind = trial.branch.network.kind
    changes = {
        f"{wear.name} {strength:g}": partial(worn, wear, strength) for wear in WEAR[kind] for strength in wear.strengths
    }
    scores = trial.scores(changes, partial(attack, trial.branch, device=trial.device))
    about = {wear.name: (wear.what, wear.strengths) for wear in WEAR[kind]}
    about |= dict.fromkeys(ATTACKS, (STRENGTHS[kind].what, STRENGTHS[kind].values))
    curves = [
        {
            "name": name,
            "what": what,
            "points": [{"strength": s, **trial.figures(scores[f"{name} {s:g}"])} for s in strengths],
        }
        for name, (what, strengths) in about.items()
    ]
    return trial.about() | {"curves": curves}
