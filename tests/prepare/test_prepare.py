"""Settings come from a config, strictly; an item meets only its own."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch

from multimodal.case import Audio, Image, Text
from multimodal.errors import BundleInvalidError, UsageError
from multimodal.prepare import (
    AudioPreparation,
    ImagePreparation,
    Preparation,
    TextPreparation,
    prepare,
    settings_from,
    stack,
)
from multimodal.prepare.text import train_tokenizer

IMAGE = Image("film", "", np.zeros((20, 20), np.float32))
AUDIO = Audio("sound", "", np.ones(4000, np.float32), 4000)
TEXT = Text("note", "", "clear lungs")


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("image", ImagePreparation(size=32)), ("audio", AudioPreparation(n_mels=32)), ("text", TextPreparation())],
)
def test_settings_survive_a_config(kind: str, settings: Preparation) -> None:
    assert settings_from(kind, asdict(settings)) == settings


def test_a_whole_number_is_a_float_too() -> None:
    assert settings_from("audio", {"window_s": 4}) == AudioPreparation(window_s=4.0)


@pytest.mark.parametrize(
    ("kind", "mapping"),
    [
        ("image", {"colour": True}),
        ("image", {"size": "64"}),
        ("image", {"size": 64.0}),
        ("image", {"equalize": 1}),
        ("audio", {"rate": True}),
        ("text", {"max_tokens": None}),
        ("fusion", {}),
    ],
)
def test_what_a_config_may_not_say(kind: str, mapping: dict[str, Any]) -> None:
    with pytest.raises(BundleInvalidError, match="Expected"):
        settings_from(kind, mapping)


def test_each_item_meets_its_settings() -> None:
    tokenizer = train_tokenizer(["clear lungs"] * 2, 60)
    assert prepare(IMAGE, ImagePreparation(size=16)).shape == (1, 1, 16, 16)
    assert prepare(AUDIO, AudioPreparation()).shape[:2] == (1, 64)
    assert prepare(TEXT, TextPreparation(), tokenizer).shape[0] == 1


@pytest.mark.parametrize(
    ("item", "settings"), [(IMAGE, AudioPreparation()), (AUDIO, ImagePreparation()), (TEXT, TextPreparation())]
)
def test_other_settings_or_no_tokenizer_are_refused(item: Image | Audio | Text, settings: Preparation) -> None:
    with pytest.raises(UsageError, match=f"of {item.modality}"):
        prepare(item, settings)


def test_stack_fills_up_notes() -> None:
    batch = stack([torch.ones(2, 3, dtype=torch.long), torch.ones(1, 5, dtype=torch.long)], pad_id=7)
    assert batch.tolist() == [[1, 1, 1, 7, 7], [1, 1, 1, 7, 7], [1, 1, 1, 1, 1]]


def test_stack_leaves_films_as_they_are() -> None:
    films = [torch.randn(1, 1, 4, 4), torch.randn(1, 1, 4, 4)]
    assert torch.equal(stack(films), torch.cat(films))
