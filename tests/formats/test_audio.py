from __future__ import annotations

import numpy as np
import pytest

from multimodal.case import Audio
from multimodal.errors import CorruptFileError, LimitError, UnsupportedError
from multimodal.formats import Kind, Limits, read
from multimodal.labels import Site
from tests.formats.files import sound, tone


def audio(data: bytes, **options: object) -> Audio:
    item = read(data, "sound", **options)
    assert isinstance(item, Audio)
    return item


@pytest.mark.parametrize(
    ("kind", "subtype", "rate", "tolerance"),
    [
        ("WAV", "PCM_U8", 2000, 0.01),
        ("WAV", "PCM_16", 4000, 1e-4),
        ("WAV", "PCM_24", 44100, 1e-6),
        ("WAV", "FLOAT", 192000, 1e-7),
        ("WAV", "ULAW", 8000, 0.05),
        ("WAVEX", "PCM_16", 8000, 1e-4),
        ("FLAC", "PCM_16", 4000, 1e-4),
        ("OGG", "VORBIS", 8000, 0.1),
        ("OGG", "OPUS", 16000, 0.1),
    ],
)
def test_every_format_gives_the_same_tone(kind: str, subtype: str, rate: int, tolerance: float) -> None:
    samples = tone(rate)
    result = audio(sound(samples, rate, kind, subtype))
    assert (result.rate, result.samples.dtype, result.site) == (rate, np.float32, None)
    assert result.seconds == pytest.approx(1.0, abs=0.01)
    middle = slice(rate // 4, rate // 2)
    np.testing.assert_allclose(result.samples[middle], samples[middle], atol=tolerance)


@pytest.mark.parametrize("tag", [b"", b"ID3\x04\0\0\0\0\x08\0" + bytes(1024)], ids=["bare", "tagged"])
def test_mp3_with_and_without_a_tag(tag: bytes) -> None:
    result = audio(tag + sound(tone(16000), 16000, "MP3"))
    spectrum = np.abs(np.fft.rfft(result.samples))
    assert result.rate == 16000
    assert spectrum.argmax() * 16000 / len(result.samples) == pytest.approx(200, abs=2)


def test_channels_are_averaged() -> None:
    samples = tone()
    result = audio(sound(np.stack([samples, np.zeros_like(samples)], axis=-1), subtype="FLOAT"))
    np.testing.assert_allclose(result.samples, samples / 2, atol=1e-7)


def test_long_recordings_are_read_in_blocks_without_a_seam() -> None:
    samples = tone(8000, 30)
    np.testing.assert_allclose(audio(sound(samples, 8000)).samples, samples, atol=1e-4)


@pytest.mark.parametrize(("level", "codes"), [(1.0, []), (1.5, []), (20000.0, ["rescaled"])])
def test_levels_beyond_full_scale_are_brought_back(level: float, codes: list[str]) -> None:
    result = audio(sound(tone(level=level), subtype="FLOAT"))
    assert np.abs(result.samples).max() == pytest.approx(1, abs=1e-3)
    assert [notice.code for notice in result.notices] == codes


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e38])
def test_values_that_are_no_levels_are_refused(bad: float) -> None:
    samples = tone()
    samples[100] = bad
    with pytest.raises(CorruptFileError):
        audio(sound(samples, subtype="FLOAT"))


@pytest.mark.parametrize(("kind", "site"), [(Kind.HEART, Site.HEART), (Kind.LUNG, Site.LUNG), (Kind.SOUND, None)])
def test_the_site_is_the_users_word(kind: Kind, site: Site | None) -> None:
    assert audio(sound(tone()), kind=kind).site is site


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_limits(kind: str) -> None:
    data = sound(tone(4000, 3), 4000, kind)
    for limits in (
        Limits(audio_seconds=2),
        Limits(audio_samples=11_000),
        Limits(audio_rate=3999),
        Limits(audio_rate_min=4001),
    ):
        with pytest.raises(LimitError):
            audio(data, limits=limits)
    with pytest.raises(LimitError, match="2 channels"):
        audio(sound(np.zeros((100, 2)), kind=kind), limits=Limits(audio_channels=1))
    assert audio(data, limits=Limits(audio_seconds=3)).seconds == 3


def test_a_wav_codec_without_a_decoder_is_named() -> None:
    data = bytearray(sound(tone()))
    data[20:22] = b"\x50\x00"
    with pytest.raises(UnsupportedError, match="codec 80"):
        audio(bytes(data))


def test_a_cut_wav_is_refused() -> None:
    with pytest.raises(CorruptFileError, match="cut short"):
        audio(sound(tone())[:-100])
