"""Diagnoses made by hand."""

from __future__ import annotations

from hashlib import sha256

from multimodal.case import Diagnosis, ItemResult, LabelResult, ModelRef, Notice
from multimodal.labels import LABELS


def result(label: str, probability: float, present: bool | None = None) -> LabelResult:
    present = probability >= 0.3 if present is None else present
    return LabelResult(label, LABELS[label].title, probability, present, 0.3, (int(present),))


def item(name: str, modality: str = "image", site: str | None = None, data: bytes | None = None) -> ItemResult:
    return ItemResult(name, sha256(name.encode() if data is None else data).hexdigest(), modality, site)


def diagnosis(
    *labels: LabelResult,
    items: tuple[ItemResult, ...] = (),
    quality: tuple[Notice, ...] = (),
    models: dict[str, str] | None = None,
    case_id: str = "made",
    **entries: object,
) -> Diagnosis:
    refs = {kind: ModelRef(name, sha256(name.encode()).hexdigest()) for kind, name in (models or {}).items()}
    given: dict[str, object] = {"by_modality": {}, "by_subset": {}, "shares": {}, "warnings": (), **entries}
    return Diagnosis(case_id, labels, quality=quality, items=items, models=refs, version="0", elapsed_ms=1.0, **given)  # type: ignore[arg-type]
