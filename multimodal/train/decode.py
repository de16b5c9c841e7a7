"""Decode every item once and keep it: films as bytes, sounds as band-limited samples, notes as text."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from multimodal.case import Audio, Image, Item, Text
from multimodal.datasets import Dataset, load_item
from multimodal.prepare import AudioPreparation, ImagePreparation, Preparation
from multimodal.prepare.audio import waveform
from multimodal.prepare.image import prepare_image

Decoded = npt.NDArray[Any]

_FORMAT = "1"


def cache_folder() -> Path:
    """Where decoded items are kept: ``~/.cache/multimodal``, or under ``XDG_CACHE_HOME``."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "multimodal"


def decode(dataset: Dataset, preparation: Preparation, *, margin: bool, cache: Path | None = None) -> list[Decoded]:
    """The items of a dataset in the form that training starts from.

    Args:
        dataset: Folders and phantoms.
        preparation: The branch's own.
        margin: Whether films keep half of the border that preparation cuts off, at the same
            scale, so that augmentation can move the crop.
        cache: Folder for the result; None to keep nothing.

    Returns:
        One array a row: films uint8 (S, S) after resizing and equalisation, before
        ``mean`` and ``std``; sounds float16 (N,) from :func:`waveform`; notes UTF-8 bytes.
    """
    if isinstance(preparation, ImagePreparation):
        preparation = with_margin(preparation) if margin else preparation
    file = None if cache is None else cache / f"{_fingerprint(dataset, preparation)}.npz"
    if file is not None and file.exists():
        with np.load(file, allow_pickle=False) as stored:
            return [stored[str(i)] for i in range(len(dataset))]
    arrays = [_decode(load_item(dataset, i), preparation) for i in range(len(dataset))]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{file.stem}.{os.getpid()}.npz")
        np.savez(partial, allow_pickle=False, **{str(i): array for i, array in enumerate(arrays)})
        partial.replace(file)
    return arrays


def with_margin(preparation: ImagePreparation) -> ImagePreparation:
    """The same scale with half the border kept; a centre crop of ``size`` gives the film as prepared."""
    border = preparation.border / 2
    size = round(preparation.size * (1 - 2 * border) / (1 - 2 * preparation.border))
    return replace(preparation, size=size, border=border)


def _decode(item: Item, preparation: Preparation) -> Decoded:
    match item, preparation:
        case Image(), ImagePreparation():
            film = prepare_image(item, replace(preparation, mean=0.0, std=1.0))[0, 0]
            decoded: Decoded = (film * 255).round().byte().numpy()
            return decoded
        case Audio(), AudioPreparation():
            return waveform(item, preparation).half().numpy()
        case Text(), _:
            return np.frombuffer(item.text.encode(), np.uint8)
    raise TypeError(f"{type(item).__name__} does not go with {type(preparation).__name__}")


def _fingerprint(dataset: Dataset, preparation: Preparation) -> str:
    """Names the content: what is decoded and how."""
    digest = hashlib.sha256(f"{_FORMAT}|{preparation}".encode())
    for origin in dataset.origins:
        digest.update(f"\n{origin.key}".encode())
    return digest.hexdigest()
