"""Was a label learned from patients of this patient's age."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from multimodal.bundle import BundleConfig
from multimodal.case import Notice, Patient
from multimodal.labels import LABELS, Modality

ADULT_YEARS = 18.0
LEAST_PATIENTS = 10
"""Positive training patients below which a source does not teach a label."""
NAMED = 3
"""Labels that a notice names before it counts the rest."""

CHILDREN, ADULTS = frozenset({"children"}), frozenset({"adults"})
LEARNED_FROM: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "kermany": CHILDREN,
        "nih": ADULTS,
        "cohen": ADULTS,
        "circor": CHILDREN,
        "bmdhs": ADULTS,
        "kauh": ADULTS,
        "chexpert": ADULTS,
        "mimic_cxr": ADULTS,
    }
)
"""Whom a source holds, but for a few: 95 % of the ChestX-ray14 films are of patients of 18 and more, CirCor is a
screening of children. A source that is not named here holds both, or does not say, and is taken to cover both."""

_SPEAKERS = {Modality.IMAGE: "film", Modality.AUDIO: "sound", Modality.TEXT: "note"}


def uncovered_ages(
    patient: Patient,
    members: Mapping[Modality, Sequence[BundleConfig]],
    spoken: Mapping[Modality, Collection[str]],
) -> list[Notice]:
    """A notice for each modality whose answer on some labels was learned from another age group alone.

    Args:
        patient: Of the case; without an age nothing can be said.
        members: The configs of the bundles that spoke, by modality.
        spoken: The labels that each modality spoke of.
    """
    if patient.age is None:
        return []
    group = "children" if patient.age < ADULT_YEARS else "adults"
    notices = []
    for modality, configs in members.items():
        said = [label for label in LABELS if label in spoken[modality]]
        strange = [label for label in said if any(_strange(config, label, group) for config in configs)]
        if strange:
            titles = [LABELS[label].title.lower() for label in strange[:NAMED]]
            rest = len(strange) - len(titles)
            named = ", ".join(titles) + (f" and {rest} more" if rest else "")
            other = "adults" if group == "children" else "children"
            age = f"{patient.age:.0f}" if patient.age >= 2 else f"{12 * patient.age:.0f} months"
            message = (
                f"The {_SPEAKERS[modality]}'s answer on {named} was learned from {other} only; "
                f"at the age of {age} it may be wrong."
            )
            notices.append(Notice("age_not_covered", message))
    return notices


def _strange(config: BundleConfig, label: str, group: str) -> bool:
    """Whether real patients taught a bundle this label, and none of them of this age group."""
    sources = config.training.get("sources", {})
    teachers = [
        LEARNED_FROM.get(name, CHILDREN | ADULTS)
        for name, source in sources.items()
        if name != "phantom" and source.get("positive_patients", {}).get(label, 0) >= LEAST_PATIENTS
    ]
    return label in config.calibration and bool(teachers) and not any(group in teacher for teacher in teachers)
