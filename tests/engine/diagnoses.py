"""What the tests read off a diagnosis."""

from __future__ import annotations

from multimodal.case import Diagnosis, Notice

SUBSETS = ["image", "audio", "text", "image+audio", "image+text", "audio+text", "image+audio+text"]


def codes(notices: tuple[Notice, ...]) -> set[str]:
    return {notice.code for notice in notices}


def refusals(diagnosis: Diagnosis) -> tuple[Notice, ...]:
    return tuple(notice for notice in diagnosis.quality if notice.refused)


def numbers(diagnosis: Diagnosis) -> dict[str, float]:
    found = {f"fused:{result.label}": result.probability for result in diagnosis.labels}
    for part_of in (diagnosis.by_modality, diagnosis.by_subset, diagnosis.shares):
        found |= {f"{key}:{label}": value for key, each in part_of.items() for label, value in each.items()}
    return found
