"""What is measured on: phantoms, and phantom films as large as a detector makes them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from pydicom import dcmread
from pydicom.uid import UID

from multimodal.case import Case
from multimodal.formats import Kind
from multimodal.phantom import Phantom, draw_patient, render
from multimodal.phantom.record import FILES

LONG_SIDE = 3072
"""Pixels of a full-size film: 7.7 to 9.4 megapixels by its shape."""


@cache
def phantom(seed: int) -> Phantom:
    """A phantom patient."""
    return render(draw_patient(seed))


def sources(seed: int, *kinds: Kind) -> list[tuple[str, bytes]]:
    """Files of a phantom as ``read_case`` takes them; all four by default."""
    wanted = kinds or tuple(FILES)
    return [(f"{kind}:{FILES[kind]}", phantom(seed).files[FILES[kind]]) for kind in wanted]


def anew(case: Case) -> Case:
    """A case as if it had just been decoded: nothing that was made of its films is known any more."""
    return replace(case, images=tuple(replace(film) for film in case.images))


@cache
def stored(seed: int) -> npt.NDArray[np.uint16]:
    """(H, W) twelve-bit values of a full-size film, with a detector's noise in every pixel."""
    small = phantom(seed).drawing.pixels
    scale = LONG_SIDE / max(small.shape)
    size = (round(small.shape[1] * scale), round(small.shape[0] * scale))
    large = np.asarray(Pillow.fromarray(small, "F").resize(size, Pillow.Resampling.BICUBIC))
    noise = np.random.default_rng(seed).normal(0, 0.004, large.shape)
    return np.round(np.clip(large + noise * (0.5 + large), 0, 1) * 4095).astype(np.uint16)


@cache
def full_size(seed: int, syntax: UID | None = None) -> bytes:
    """A full-size film as DICOM, compressed in a transfer syntax or not at all."""
    dataset = dcmread(BytesIO(phantom(seed).files[FILES[Kind.FILM]]))
    pixels = stored(seed)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = pixels.tobytes()
    if syntax is not None:
        dataset.compress(syntax, generate_instance_uid=False)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
