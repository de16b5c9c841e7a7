"""Items become tensors: pure functions whose every constant comes from the bundle's config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import pad

from multimodal.case import Audio, Image, Item, Text
from multimodal.errors import BundleInvalidError, UsageError
from multimodal.labels import Modality
from multimodal.prepare.audio import AudioPreparation, prepare_audio
from multimodal.prepare.image import ImagePreparation, prepare_image
from multimodal.prepare.text import TextPreparation, prepare_text

__all__ = [
    "AudioPreparation",
    "ImagePreparation",
    "Preparation",
    "TextPreparation",
    "prepare",
    "settings_from",
    "stack",
]

Preparation = ImagePreparation | AudioPreparation | TextPreparation

_SETTINGS: Mapping[Modality, type[Preparation]] = {
    Modality.IMAGE: ImagePreparation,
    Modality.AUDIO: AudioPreparation,
    Modality.TEXT: TextPreparation,
}


def prepare(item: Item, settings: Preparation, tokenizer: Tokenizer | None = None) -> Tensor:
    """An item as its branch wants it.

    Args:
        item: Film, sound or note.
        settings: The branch's own.
        tokenizer: The branch's own; needed for a note.

    Returns:
        (W, ...): one row a window, to be averaged after the branch.

    Raises:
        UsageError: If the settings are those of another modality, or a note comes without a tokenizer.
    """
    match item, settings:
        case Image(), ImagePreparation():
            return prepare_image(item, settings)
        case Audio(), AudioPreparation():
            return prepare_audio(item, settings)
        case Text(), TextPreparation() if tokenizer is not None:
            return prepare_text(item, settings, tokenizer)
    raise UsageError(
        f"Expected settings (and for a note a tokenizer) of {item.modality}, but got {type(settings).__name__}."
    )


def stack(windows: Sequence[Tensor], pad_id: int = 0) -> Tensor:
    """Windows of several items as one batch.

    Args:
        windows: One (W_i, ...) tensor an item, of one modality.
        pad_id: Fills up notes of differing length.

    Returns:
        (sum of W_i, ...)
    """
    longest = max(item.shape[-1] for item in windows)
    return torch.cat([pad(item, (0, longest - item.shape[-1]), value=pad_id) for item in windows])


def settings_from(kind: str, mapping: Mapping[str, Any]) -> Preparation:
    """Settings of a kind from a config's plain values; what is not given takes its default.

    >>> settings_from("image", {"size": 224}).size
    224

    Raises:
        BundleInvalidError: If a key is unknown, or a value is of the wrong type or out of range.
    """
    if kind not in _SETTINGS:
        raise BundleInvalidError(f"Expected a kind out of {', '.join(_SETTINGS)}, but got {kind!r}.")
    cls = _SETTINGS[Modality(kind)]
    known = {field.name: type(field.default) for field in fields(cls)}
    for key, value in mapping.items():
        if key not in known:
            raise BundleInvalidError(f"Expected {kind} preparation settings out of {', '.join(known)}, but got {key}.")
        whole_for_float = known[key] is float and type(value) is int
        if type(value) is not known[key] and not whole_for_float:
            raise BundleInvalidError(f"Expected `{key}` to be {known[key].__name__}, but got {value!r}.")
    return cls(**mapping)
