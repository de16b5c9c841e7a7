"""Sample pictures that installed packages carry: photographs, and slices of CT and MR."""

from __future__ import annotations

import gzip
from functools import lru_cache
from importlib.resources import files
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image as Raster
from pydicom.data import get_testdata_file

Picture = npt.NDArray[np.float32]

_PHOTOGRAPHS = (
    ("sklearn.datasets.images", "china.jpg"),
    ("sklearn.datasets.images", "flower.jpg"),
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("matplotlib", "mpl-data/sample_data/Minduka_Present_Blue_Pack.png"),
)
_SLICES = ("CT_small.dcm", "MR_small.dcm")


@lru_cache(maxsize=1)
def photographs() -> tuple[Picture, ...]:
    """(H, W) float32 in 0..1: those of scikit-learn and matplotlib."""
    return tuple(_grey(files(package).joinpath(name).read_bytes()) for package, name in _PHOTOGRAPHS)


@lru_cache(maxsize=1)
def slices() -> tuple[Picture, ...]:
    """(H, W) float32 in 0..1: CT and MR of pydicom, and the MR of a head of matplotlib."""
    found = [pydicom.dcmread(str(get_testdata_file(name, download=False))).pixel_array for name in _SLICES]
    packed = files("matplotlib").joinpath("mpl-data/sample_data/s1045.ima.gz").read_bytes()
    found.append(np.frombuffer(gzip.decompress(packed), ">u2").reshape(256, 256))
    return tuple(_unit(pixels.astype(np.float32)) for pixels in found)


def _grey(data: bytes) -> Picture:
    with Raster.open(BytesIO(data)) as picture:
        grey: Picture = (np.asarray(picture.convert("L")) / 255).astype(np.float32)
    return grey


def _unit(pixels: Picture) -> Picture:
    low, high = np.percentile(pixels, [0.5, 99.5])
    unit: Picture = ((pixels - low) / (high - low)).clip(0, 1).astype(np.float32)
    return unit
