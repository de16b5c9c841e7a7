"""Heart and lung sounds: WAV, FLAC, MP3 and Ogg through libsndfile, in blocks."""

from __future__ import annotations

import hashlib
from io import BytesIO

import numpy as np
import soundfile

from multimodal.case import Audio, FloatArray, Notice
from multimodal.errors import CorruptFileError, LimitError, UnsupportedError
from multimodal.formats.guard import guarded
from multimodal.formats.limits import Limits
from multimodal.formats.sniff import Format
from multimodal.labels import Site

_BLOCK = 1 << 16
_UNKNOWN_LENGTH = 1 << 62
_INTEGER_LEVELS = float(1 << 31)  # float files that hold the integers of another file stay below
_WAV_CODECS = {1: "PCM", 3: "float", 6: "A-law", 7: "mu-law", 0xFFFE: "extensible"}


def read_audio(data: bytes, name: str, kind: Format, limits: Limits, site: Site | None = None) -> Audio:
    """Read a recording as mono float32 at its own rate.

    Channels are averaged. Levels beyond 1 are scaled so that the peak is 1.

    Args:
        data: The file.
        name: Its name as the user gave it.
        kind: Its format.
        limits: What it may claim and hold.
        site: Where it was recorded, by the user's word.

    Raises:
        CorruptFileError: If it is damaged, cut short, empty, or holds NaN or infinity.
        UnsupportedError: If it is a codec that is not read here, or a stream of unknown length.
        LimitError: If it is longer than the limits allow, or its rate or channels lie outside them.
    """
    source = _without_id3(data, name, limits) if kind is Format.MP3 else data
    if kind is Format.WAV:
        _check_wav(data, name, limits)
    with guarded(name, "recording"), soundfile.SoundFile(BytesIO(source)) as sound:
        _check_claims(sound.samplerate, sound.channels, sound.frames, name, limits)
        samples = _read_blocks(sound, name, limits)
        rate = int(sound.samplerate)
    if samples.size == 0:
        raise CorruptFileError("The recording holds no sound.", file=name)
    if not np.isfinite(samples).all():
        raise CorruptFileError("The recording holds values that are no numbers (NaN or infinity).", file=name)
    notices: tuple[Notice, ...] = ()
    peak = float(np.abs(samples).max())
    if peak > _INTEGER_LEVELS:
        raise CorruptFileError("The recording's levels are far beyond those of any sound file.", file=name)
    if peak > 1:
        samples = samples / np.float32(peak)
    if peak > 2:
        notices = (Notice("rescaled", "The recording's levels were beyond full scale and were reduced.", name),)
    digest = hashlib.sha256(data).hexdigest()
    return Audio(name=name, sha256=digest, samples=samples, rate=rate, site=site, notices=notices)


def _check_claims(rate: int, channels: int, frames: int, name: str, limits: Limits) -> None:
    """Check what a header says against the limits."""
    if not limits.audio_rate_min <= rate <= limits.audio_rate:
        raise LimitError(
            f"The recording claims {rate} samples a second; {limits.audio_rate_min} to {limits.audio_rate} are read.",
            file=name,
        )
    if not 1 <= channels <= limits.audio_channels:
        raise LimitError(
            f"The recording claims {channels} channels; up to {limits.audio_channels} are read.", file=name
        )
    if frames >= _UNKNOWN_LENGTH:  # libsndfile loses the end of such a stream
        raise UnsupportedError("The recording doesn't say how long it is; save it again as a file.", file=name)
    if frames > limits.audio_seconds * rate or frames * channels > limits.audio_samples:
        raise _too_long(name, limits)


def _read_blocks(sound: soundfile.SoundFile, name: str, limits: Limits) -> FloatArray:
    """(N,) float32 mean of the channels, read until the end or a limit."""
    blocks: list[FloatArray] = []
    count = 0
    most = min(limits.audio_seconds * sound.samplerate, limits.audio_samples // sound.channels)
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        count += len(block)
        if count > most:
            raise _too_long(name, limits)
        blocks.append(block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _too_long(name: str, limits: Limits) -> LimitError:
    return LimitError(f"The recording is longer than {limits.audio_seconds} seconds; cut it.", file=name)


def _check_wav(data: bytes, name: str, limits: Limits) -> None:
    """Check that the chunks of a WAV file are there as announced (RIFF, IBM and Microsoft 1991)."""
    position, coded = 12, False
    for _ in range(limits.segments):
        if position + 8 > len(data):
            raise CorruptFileError("The WAV file holds no samples.", file=name)
        chunk, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        left = len(data) - position - 8
        if chunk == b"fmt " and length >= 16 and left >= 16:
            codec = int.from_bytes(data[position + 8 : position + 10], "little")
            if codec not in _WAV_CODECS:
                raise UnsupportedError(f"The WAV file uses codec {codec}; save it as PCM or float.", file=name)
            coded = True
        if chunk == b"data":
            if not coded:
                raise CorruptFileError("The WAV file doesn't say how its samples are coded.", file=name)
            if length > left:
                raise CorruptFileError(
                    f"The recording is cut short: {length} bytes are announced where {left} are left.", file=name
                )
            if length == 0:
                raise CorruptFileError("The recording holds no sound.", file=name)
            return
        position += 8 + length + length % 2
    raise LimitError("The WAV file is made of too many parts.", file=name)


def _without_id3(data: bytes, name: str, limits: Limits) -> bytes:
    """The MP3 stream behind its ID3v2 tags (id3.org, ID3v2.4.0, 3.1), which nothing here needs."""
    position = 0
    for _ in range(limits.segments):
        if data[position : position + 3] != b"ID3":
            return data[position:]
        size = 0
        for byte in data[position + 6 : position + 10]:
            size = size << 7 | byte & 0x7F
        position += 10 + size
        if position >= len(data):
            raise CorruptFileError("The MP3 file holds nothing but a tag.", file=name)
    raise LimitError("The MP3 file holds too many tags.", file=name)
