"""A decoder that crashes, hangs or eats memory costs its file, and nothing else."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid

from multimodal.case import Audio, Item
from multimodal.errors import DecoderError, InputError, LimitError
from multimodal.formats import LIMITS, Limits, read, read_case
from multimodal.formats.isolation import Pool
from multimodal.formats.reader import Kind, read_with_patient
from tests.formats.files import dicom, film, jpeg, jpeg_by_gdcm, pdf, png, sound, tone
from tests.formats.isolation.harm import HARM, NOTE, text_of

ROOT = Path(__file__).parents[3]
QUICK = replace(LIMITS, decode_seconds=0.3)
SMALL = replace(LIMITS, decode_bytes=200 << 20)


def same(one: Item, other: Item) -> bool:
    for key, value in vars(one).items():
        if isinstance(value, np.ndarray):
            assert value.dtype == vars(other)[key].dtype
            np.testing.assert_array_equal(value, vars(other)[key])
        elif key != "name":
            assert value == vars(other)[key], key
    return type(one) is type(other)


@pytest.mark.parametrize(
    "make",
    [
        lambda: dicom(film(), WindowCenter=5, WindowWidth=9, PixelSpacing=[0.1, 0.2]),
        lambda: dicom(film(), ViewPosition="LL", PatientAge=None),
        lambda: png(film()),
        lambda: jpeg(film(bits=8).astype(np.uint8)),
        lambda: sound(tone()),
        lambda: sound(2.5 * tone(), subtype="FLOAT"),
        lambda: pdf(["FINDINGS: none."]),
        lambda: NOTE,
        lambda: "Temp\xe9rature \u202e".encode("cp1252", "replace"),
        lambda: b"FINDINGS:a " * 18_000,
    ],
)
def test_a_reading_is_the_same_as_in_process(make: Callable[[], bytes], pool: Pool) -> None:
    data = make()
    far, near = pool.read(data, "a", None, LIMITS), read_with_patient(data, "a", None, LIMITS)
    assert same(far.item, near.item)
    assert (far.patient, far.person) == (near.patient, near.person)


def test_the_users_word_passes(pool: Pool) -> None:
    item = pool.read(sound(tone()), "a.wav", Kind.HEART, LIMITS).item
    assert isinstance(item, Audio)
    assert item.site == "heart"


def test_refusals_pass_with_code_and_message(pool: Pool) -> None:
    for data in (b"", b"MZ\0", bytes(1000), dicom(film())[:700], b"GIF89a"):
        with pytest.raises(InputError) as near:
            read(data, "a.bin")
        with pytest.raises(type(near.value)) as far:
            pool.read(data, "a.bin", None, LIMITS)
        assert str(far.value) == str(near.value)


@pytest.mark.parametrize(
    ("harm", "limits", "error", "message"),
    [
        (b"segfault", LIMITS, DecoderError, "crashed on this file"),
        (b"abort", LIMITS, DecoderError, "crashed on this file"),
        (b"exit", LIMITS, DecoderError, "crashed on this file"),
        (b"hang", QUICK, LimitError, r"longer than 0\.3 seconds"),
        (b"eat", SMALL, LimitError, "more memory"),
        (b"raise", LIMITS, DecoderError, r"failed \(RuntimeError\)"),
    ],
)
def test_harm_costs_its_file_only(
    harm: bytes, limits: Limits, error: type[InputError], message: str, pool: Pool
) -> None:
    with pytest.raises(error, match=message) as caught:
        pool.read(harm + b" SECRET", "a.bin", None, limits)
    assert caught.value.file == "a.bin"
    assert "SECRET" not in str(caught.value)
    assert text_of(pool, NOTE) == NOTE.decode()


def test_gdcm_ends_its_process_on_a_damaged_stream_and_the_record_goes_on() -> None:
    codestream = jpeg_by_gdcm(film(12, 10), 12, uid.JPEGExtended12Bit)
    damaged = dicom(film(12, 10), uid.JPEGExtended12Bit, codestream=codestream.replace(b"\xff\xc4", b"\0\xc4", 1))
    case = read_case([("film.dcm", damaged), ("note.txt", NOTE)])
    assert [(one.item, one.code) for one in case.problems] == [("film.dcm", "decoder_failed")]
    assert [text.name for text in case.texts] == ["note.txt"]


def test_a_process_is_replaced_after_its_files() -> None:
    fresh = Pool(1, HARM)
    few = replace(LIMITS, decode_files=2)
    first, second, third = (text_of(fresh, b"pid", few).split()[0] for _ in range(3))
    fresh.close()
    assert first == second != third


def test_an_idle_process_that_was_killed_is_replaced(pool: Pool) -> None:
    os.kill(int(text_of(pool, b"pid").split()[0]), signal.SIGKILL)
    time.sleep(0.2)
    assert text_of(pool, NOTE) == NOTE.decode()


def test_two_decode_at_the_same_time_and_a_third_waits(pool: Pool) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: text_of(pool, b"nap"), range(2)))  # both have started
        begin = time.monotonic()
        list(threads.map(lambda _: text_of(pool, b"nap"), range(2)))
        pair = time.monotonic() - begin
        pids = set(threads.map(lambda _: text_of(pool, b"pid").split()[0], range(12)))
    assert pair < 0.95
    assert len(pids) <= 2


def test_many_threads_get_their_own_answers(pool: Pool) -> None:
    notes = [f"Patient {number} coughs." * (number + 1) for number in range(60)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda note: text_of(pool, note.encode()), notes)) == notes


def test_a_record_is_read_around_a_decoder_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Pool(1, "raise SystemExit")
    monkeypatch.setattr("multimodal.formats.record.shared", lambda: broken)
    with pytest.raises(InputError, match="did not start"):
        read_case([("n.txt", NOTE)])
    monkeypatch.setattr(sys, "executable", str(ROOT / "no-such-python"))
    with pytest.raises(DecoderError, match="No decoding process can be started"):
        broken.read(NOTE, "n.txt", None, LIMITS)
    assert len(read_case([("n.txt", NOTE)], isolated=False).texts) == 1


def test_a_file_beyond_the_limit_is_not_even_sent(pool: Pool) -> None:
    with pytest.raises(LimitError, match="the limit is 10"):
        pool.read(b"exit and more", "a", None, replace(LIMITS, file_bytes=10))
