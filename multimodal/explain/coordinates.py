"""Where a cell of a prepared item lies in the item itself: pixels, seconds and hertz, characters."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from multimodal.case import Audio, Image, Text
from multimodal.prepare import AudioPreparation, ImagePreparation, TextPreparation
from multimodal.prepare.text import clean_aligned, encode

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

UNIT_SECONDS = 0.25
"""Length of the blocks that are taken out of a sound."""
UNIT_BANDS = 8
"""How many bands they divide the spectrum into."""
_WORD = re.compile(r"\w+(?:[-'’/.]\w+)*|[^\w\s]")
_SLANEY_BREAK_HZ, _SLANEY_HZ, _SLANEY_LOG = 1000.0, 200 / 3, math.log(6.4) / 27


def film_box(image: Image, settings: ImagePreparation) -> tuple[int, int, int, int]:
    """The part of the film that its network sees: top, left, bottom, right, in pixels of the film."""
    height, width = image.pixels.shape
    top, left = int(height * settings.border), int(width * settings.border)
    return top, left, height - top, width - left


def frame_times(audio: Audio, settings: AudioPreparation, shape: Sequence[int]) -> FloatArray:
    """Middle of every frame of (W, n_mels, T) windows in seconds of the recording, (W, T).

    A recording shorter than a window is repeated to fill one; its frames lead back to the one recording.

    Args:
        audio: The recording.
        settings: How it was prepared.
        shape: (W, n_mels, T) of the prepared windows.
    """
    windows, _, frames = shape
    starts = np.linspace(0, max(0.0, audio.seconds - settings.window_s), windows)
    times = starts[:, None] + np.arange(frames) * settings.hop_length / settings.rate
    if audio.seconds < settings.window_s:
        return np.asarray(times % audio.seconds)
    return np.asarray(times.clip(max=audio.seconds))


def sound_bins(audio: Audio, settings: AudioPreparation, shape: Sequence[int], seconds: float) -> IntArray:
    """In which step of a recording, each so many seconds long, every frame lies: (W, T).

    Args:
        audio: The recording.
        settings: How it was prepared.
        shape: (W, n_mels, T) of the prepared windows.
        seconds: Length of a step.
    """
    steps = max(1, math.ceil(audio.seconds / seconds - 1e-9))
    return np.minimum((frame_times(audio, settings, shape) / seconds + 1e-6).astype(np.int64), steps - 1)


def band_edges(settings: AudioPreparation) -> FloatArray:
    """Edges of the mel bands in Hz, (n_mels + 1,): halfway, in mel, between the peaks of Slaney's filters."""
    low, high = _mel(settings.low_hz), _mel(settings.high_hz)
    peaks = np.linspace(low, high, settings.n_mels + 2)
    middle = (peaks[1:] + peaks[:-1]) / 2
    return np.array([_hertz(mel) for mel in middle])


def _mel(hertz: float) -> float:
    if hertz < _SLANEY_BREAK_HZ:
        return hertz / _SLANEY_HZ
    return _SLANEY_BREAK_HZ / _SLANEY_HZ + math.log(hertz / _SLANEY_BREAK_HZ) / _SLANEY_LOG


def _hertz(mel: float) -> float:
    over = mel - _SLANEY_BREAK_HZ / _SLANEY_HZ
    return mel * _SLANEY_HZ if over < 0 else _SLANEY_BREAK_HZ * math.exp(over * _SLANEY_LOG)


def words(
    text: Text, settings: TextPreparation, tokenizer: Tokenizer, shape: Sequence[int]
) -> tuple[list[tuple[int, int]], IntArray]:
    """Words of a note that its branch reads, and the word that every token belongs to.

    Args:
        text: The note.
        settings: The branch's own.
        tokenizer: The branch's own.
        shape: (W, T) of the prepared windows.

    Returns:
        (start, end) of each word in ``text.text``, and (W, T) indices into them, -1 at special tokens and padding.
    """
    cleaned, origin = clean_aligned(text.text)
    spans = [match.span() for match in _WORD.finditer(cleaned)]
    starts = [start for start, _ in spans]
    owner = np.full(tuple(shape), -1)
    for row, window in enumerate(encode(cleaned, settings, tokenizer)):
        for column, ((start, end), special) in enumerate(zip(window.offsets, window.special_tokens_mask, strict=True)):
            word = bisect_right(starts, end - 1) - 1
            if not special and end > start and word >= 0:
                owner[row, column] = word
    read, owner[owner >= 0] = np.unique(owner[owner >= 0], return_inverse=True)
    return [_original(spans[word], origin, len(text.text.rstrip())) for word in read], owner


def _original(span: tuple[int, int], origin: Sequence[int], length: int) -> tuple[int, int]:
    """A span of the cleaned note in the note itself; what follows it begins where it ends."""
    start, end = span
    after = origin[end] if end < len(origin) else length
    return origin[start], max(after, origin[end - 1] + 1)
