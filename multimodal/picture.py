"""Items as small pictures: downsized films, spectrograms, waveforms. Pure functions, no Streamlit."""

from __future__ import annotations

import io
import math
import wave
from base64 import b64encode

import numpy as np
import numpy.typing as npt
import scipy  # not from scipy.signal: that takes seconds, and no page waits for it before it is painted
from PIL import Image as Pillow

from multimodal.case import Audio, FloatArray, Image
from multimodal.labels import Site

FILM_SIDE = 896
"""Longest side of a film sent to the browser, in pixels."""

THUMBNAIL = (220, 96)
"""Width and height of a tile's picture, in pixels."""

PLAY_RATE = 16_000
"""Highest rate sent to the player, Hz: nothing that is scored lies above half of it."""

TOP_HZ = {Site.HEART: 800.0, Site.LUNG: 2000.0, None: 2000.0}
"""Upper edge of the spectrogram shown, by site, Hz."""

_RANGE_DB = 65.0
# Anchors of cividis (Nunez, Anderton and Renslow, PLoS ONE 2018), readable with every colour vision.
_CIVIDIS = np.array(
    [(0, 34, 78), (53, 69, 108), (102, 105, 112), (148, 142, 119), (200, 184, 102), (254, 232, 56)], dtype=np.float32
)


def data_uri(data: bytes, mime: str) -> str:
    """Bytes as a data: address."""
    return f"data:{mime};base64,{b64encode(data).decode('ascii')}"


def display_window(image: Image) -> tuple[float, float]:
    """The film's own window, else its 1st to 99.5th percentile; never empty."""
    low, high = image.window or (float(v) for v in np.percentile(image.pixels, (1.0, 99.5)))
    return (low, high) if high - low > 1e-3 else (0.0, 1.0)


def film_thumbnail(image: Image, longest: int = 2 * THUMBNAIL[1]) -> bytes:
    """A JPEG of the windowed film, at most so many pixels long."""
    low, high = display_window(image)
    small = _shrink(image.pixels, longest)
    grey = np.clip((small - low) / (high - low), 0, 1) * 255
    return _encoded(Pillow.fromarray(grey.astype(np.uint8), "L"), "JPEG", quality=82)


def film_png(image: Image) -> bytes:
    """A PNG that carries 16 bits a pixel, so that the browser can narrow the window without banding.

    Red holds the high byte, green the low byte of ``pixels`` scaled to 0..65535.
    """
    small = np.clip(_shrink(image.pixels, FILM_SIDE), 0, 1)
    value = np.round(small * 65535).astype(np.uint16)
    rgb = np.stack([value >> 8, value & 255, np.zeros_like(value)], axis=-1).astype(np.uint8)
    return _encoded(Pillow.fromarray(rgb, "RGB"), "PNG", compress_level=1)


def overlay_png(overlay: FloatArray) -> bytes:
    """A heat map, (H, W) in 0..1 in the film's own frame, as a greyscale PNG."""
    level = (np.clip(_shrink(overlay, FILM_SIDE // 2), 0, 1) * 255).astype(np.uint8)
    return _encoded(Pillow.fromarray(level, "L"), "PNG")


def waveform_svg(audio: Audio, colour: str) -> str:
    """The envelope of a recording as an SVG of ``THUMBNAIL`` size."""
    width, height = THUMBNAIL
    bars = width // 3
    peak = float(np.max(np.abs(audio.samples), initial=1e-9))
    parts = np.array_split(np.abs(audio.samples), bars)
    tops = [float(part.max(initial=0.0)) / peak for part in parts]
    lines = "".join(
        f"M{3 * i + 1.5:.1f} {height / 2 - (reach := max(1.0, 0.45 * height * top)):.1f}v{2 * reach:.1f}"
        for i, top in enumerate(tops)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" preserveAspectRatio="none">'
        f'<path d="{lines}" stroke="{colour}" stroke-width="1.6" stroke-linecap="round" fill="none"/></svg>'
    )


def spectrogram_png(audio: Audio) -> tuple[bytes, float]:
    """The spectrogram in dB below its loudest point, low frequencies at the bottom.

    Returns:
        The PNG, and the frequency of its upper edge in Hz.
    """
    top = min(TOP_HZ[audio.site], audio.rate / 2)
    samples = np.nan_to_num(audio.samples.astype(np.float32))
    length = min(len(samples), max(32, round(0.05 * audio.rate)))
    hop = max(1, length // 4, math.ceil(len(samples) / 1200))
    overlap = max(0, length - hop)
    frequency, _, spectrum = scipy.signal.stft(samples, audio.rate, nperseg=length, noverlap=overlap, nfft=2 * length)
    power = np.abs(spectrum[frequency <= top]) ** 2
    decibel = 10 * np.log10(power / max(float(power.max(initial=0.0)), 1e-20) + 1e-12)
    level = (np.clip(1 + decibel / _RANGE_DB, 0, 1)[::-1] * 255).astype(np.uint8)
    picture = Pillow.fromarray(level, "L").resize((960, 240), Pillow.Resampling.BILINEAR)
    picture.putpalette(_palette())
    return _encoded(picture, "PNG", compress_level=1), top


def wav(audio: Audio) -> bytes:
    """The recording as 16-bit PCM WAV at most ``PLAY_RATE``, brought to the same loudness peak."""
    samples, rate = np.nan_to_num(audio.samples.astype(np.float32)), audio.rate
    if rate > PLAY_RATE:
        divisor = math.gcd(rate, PLAY_RATE)
        samples = scipy.signal.resample_poly(samples, PLAY_RATE // divisor, rate // divisor).astype(np.float32)
        rate = PLAY_RATE
    peak = float(np.max(np.abs(samples), initial=0.0))
    pcm = np.round(samples * (0.9 * 32767 / peak if peak > 0 else 0.0)).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())
    return buffer.getvalue()


def _palette() -> bytes:
    """256 colours between the anchors, as RGB bytes."""
    anchors = np.linspace(0, 255, len(_CIVIDIS))
    channels = [np.interp(np.arange(256), anchors, _CIVIDIS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8).tobytes()


def _shrink(pixels: FloatArray, longest: int) -> npt.NDArray[np.float32]:
    height, width = pixels.shape
    scale = min(1.0, longest / max(height, width))
    if scale == 1.0:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Pillow.fromarray(pixels.astype(np.float32), "F").resize(size, Pillow.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)


def _encoded(picture: Pillow.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
