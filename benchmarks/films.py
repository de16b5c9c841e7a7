"""The way in: full-size films at a fraction of their size, and every other short cut against the long way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import librosa
import numpy as np
import torch
from openjpeg.utils import decode
from PIL import Image as Pillow
from pydicom import dcmread, uid
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from scipy.special import expit

from benchmarks.measure import Options, Row, ratio, summary
from benchmarks.records import full_size, stored
from multimodal.engine import run
from multimodal.formats import read
from multimodal.formats.jpeg2000 import decode_reduced, spare_levels
from multimodal.prepare.audio import AudioPreparation, log_mel
from multimodal.zoo import defaults, find, load_branch

FILMS = 6


def rows(options: Options) -> Iterator[Row]:
    """Time of the short way over that of the long way, and what it changes."""
    coded = dcmread(BytesIO(full_size(0, uid.JPEG2000Lossless)))
    stream = next(generate_frames(coded.PixelData, number_of_frames=1))
    levels = spare_levels(stream)
    yield ratio(
        "JPEG 2000: at a quarter over whole",
        lambda: decode_reduced(stream, levels, 12),
        lambda: decode(stream),
        max(3, options.pairs // 5),
    )
    yield summary("JPEG 2000 at a quarter: change of a probability", list(_changes(FILMS)))
    coded = dcmread(BytesIO(full_size(0, uid.RLELossless)))
    yield ratio(
        "RLE: pylibjpeg-rle over pydicom",
        lambda: get_decoder(uid.RLELossless).as_array(coded, decoding_plugin="pylibjpeg"),
        lambda: get_decoder(uid.RLELossless).as_array(coded, decoding_plugin="pydicom"),
        max(3, options.pairs // 5),
    )
    buffer = BytesIO()
    Pillow.fromarray((stored(0) >> 4).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    yield ratio(
        "JPEG: Pillow's draft at a quarter over whole",
        lambda: _jpeg(buffer, 4),
        lambda: _jpeg(buffer, 1),
        options.pairs,
    )
    film = stored(0) / np.float32(4095)
    yield ratio(
        "percentiles: of a sample over of all pixels",
        lambda: np.percentile(film[::11, ::11], (0.5, 99.5)),
        lambda: np.percentile(film, (0.5, 99.5)),
        max(3, options.pairs // 3),
    )
    settings = AudioPreparation()
    windows = torch.randn(8, settings.window_samples)
    yield ratio(
        "log-mel: torch over librosa",
        lambda: log_mel(windows, settings),
        lambda: [_librosa(window, settings) for window in windows.numpy()],
        options.pairs,
    )


def _changes(films: int) -> Iterator[float]:
    """Greatest change of a probability of the default film branch, film by film."""
    branch = load_branch(find("image", defaults()["image"]))
    for seed in range(films):
        whole = read(full_size(seed), "whole.dcm")
        small = read(full_size(seed, uid.JPEG2000Lossless), "small.dcm")

        outputs = run(branch, [whole, replace(small, name="small")], "cpu")
        yield float(np.abs(expit(outputs[0].logits) - expit(outputs[1].logits)).max())


def _jpeg(buffer: BytesIO, fraction: int) -> None:
    picture = Pillow.open(BytesIO(buffer.getvalue()))
    if fraction > 1:
        picture.draft("L", (picture.width // fraction, picture.height // fraction))
    picture.load()


def _librosa(window: np.ndarray, settings: AudioPreparation) -> np.ndarray:
    power = librosa.feature.melspectrogram(
        y=window,
        sr=settings.rate,
        n_fft=settings.n_fft,
        win_length=settings.win_length,
        hop_length=settings.hop_length,
        fmin=settings.low_hz,
        fmax=settings.high_hz,
        n_mels=settings.n_mels,
    )
    decibels: np.ndarray = librosa.power_to_db(power, ref=np.max, top_db=settings.top_db)
    return decibels
