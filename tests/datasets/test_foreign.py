from __future__ import annotations

import numpy as np
import pytest

from multimodal.case import Audio, Image, Text
from multimodal.datasets.foreign import draw_foreign, foreign_kinds
from multimodal.errors import UsageError
from multimodal.labels import Modality

KINDS = [(modality, kind) for modality in Modality for kind in foreign_kinds(modality)]


def content(item: Image | Audio | Text) -> np.ndarray:
    match item:
        case Image():
            return item.pixels
        case Audio():
            return item.samples
        case Text():
            return np.frombuffer(item.text.encode(), np.uint8)


@pytest.mark.parametrize(("modality", "kind"), KINDS)
def test_a_seed_draws_one_input(modality: Modality, kind: str) -> None:
    first, again, other = (draw_foreign(modality, kind, seed) for seed in (1, 1, 2))
    assert first.modality is modality
    assert np.array_equal(content(first), content(again))
    assert not np.array_equal(content(first), content(other))


@pytest.mark.parametrize(("modality", "kind"), [(m, k) for m, k in KINDS if m is not Modality.TEXT])
def test_signals_are_in_range_and_not_blank(modality: Modality, kind: str) -> None:
    signal = content(draw_foreign(modality, kind, 3))
    assert signal.dtype == np.float32
    assert np.isfinite(signal).all()
    assert np.abs(signal).max() <= 1
    assert signal.std() > 1e-3
    assert modality is Modality.AUDIO or (signal.ndim == 2 and signal.min() >= 0)


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"out of photograph, .*but got 'selfie'"):
        draw_foreign(Modality.IMAGE, "selfie", 0)
