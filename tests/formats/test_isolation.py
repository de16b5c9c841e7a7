"""A decoder that crashes, hangs or eats memory costs its file, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO, FileIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid

from multimodal.case import Audio, Item, Text
from multimodal.errors import DecoderError, InputError, LimitError
from multimodal.formats import LIMITS, Limits, read, read_case
from multimodal.formats.isolation import Pool, wire
from multimodal.formats.reader import Kind, read_with_patient
from tests.formats.files import dicom, film, jpeg, jpeg_by_gdcm, pdf, png, sound, tone

ROOT = Path(__file__).parents[2]
NOTE = b"FINDINGS: cough.\nIMPRESSION: none."
QUICK = replace(LIMITS, decode_seconds=0.3)
QUARTER = replace(LIMITS, decode_bytes=LIMITS.decode_bytes // 4)  # for a quarter of the most pixels
SMALL = replace(LIMITS, decode_bytes=200 << 20)

# What the process of a test runs: files that begin with these words do harm, the others are read.
HARM = """
import ctypes, os, signal, sys, time
import numpy as np
from multimodal.formats.isolation.worker import serve
from multimodal.formats.reader import read_with_patient

def decode(data, name, kind, limits):
    word = data[:16].split(b" ")[0]
    if word == b"segfault":
        ctypes.string_at(0)
    if word == b"abort":
        os.abort()
    if word == b"exit":
        os._exit(0)
    if word == b"hang":
        ctypes.PyDLL(None).sleep(60)  # with the interpreter's lock
    if word == b"eat":
        held = [np.ones(8 << 20) for _ in range(1000)]
    if word == b"malloc":
        system = ctypes.CDLL(None)
        system.malloc.restype = ctypes.c_void_p
        assert system.malloc(ctypes.c_size_t(1 << 30)) is None
    if word == b"nap":
        time.sleep(0.5)
    if word == b"raise":
        raise RuntimeError("SECRET")
    if word == b"print":
        os.write(1, b"chatter" * 100)
        print("chatter", flush=True)
    if word == b"garbage":
        os.write(int(name), b"\\xff" * 4096)
    if word == b"write":
        with open(name, "wb") as file:
            file.write(b"SECRET")
            file.flush()
    if word == b"pid":
        from multimodal.formats.text import note
        from multimodal.formats.reader import Reading
        weight = "heavy" if "torch" in sys.modules else "light"
        return Reading(note(f"{os.getpid()} {os.getppid()} {weight} {sorted(os.environ)}", name, "", limits, []))
    return read_with_patient(data, name, kind, limits)

serve(decode)
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(2, HARM)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MULTIMODAL_TOKEN", "SECRET")
        made.read(NOTE, "n.txt", None, LIMITS)  # started
    yield made
    made.close()


def text_of(pool: Pool, data: bytes, limits: Limits = LIMITS) -> str:
    item = pool.read(data, "n.txt", None, limits).item
    assert isinstance(item, Text)
    return item.text


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


def test_memory_is_bounded_for_a_codec_that_asks_the_system_itself(pool: Pool) -> None:
    assert text_of(pool, b"malloc of a gigabyte", SMALL).startswith("malloc")


def test_a_film_fits_into_its_share_of_the_limit_of_memory(pool: Pool) -> None:
    from PIL import Image as Pillow

    picture = Pillow.new("RGBA", (4000, 4000), (1, 2, 3, 4))
    assert pool.read(png(picture, compress_level=1), "a.png", None, QUARTER).item.name == "a.png"


def test_chatter_of_a_codec_is_no_answer(pool: Pool) -> None:
    assert text_of(pool, b"print it").startswith("print")


def test_garbage_on_the_wire_is_an_error(pool: Pool) -> None:
    for descriptor in range(3, 6):  # one of them is the answer's
        try:
            pool.read(b"garbage now", str(descriptor), None, QUICK)
        except InputError as error:
            assert error.code in ("decoder_failed", "limit_exceeded")  # noqa: PT017 - either may be the answer's
    assert text_of(pool, NOTE) == NOTE.decode()


def test_a_codec_writes_no_file(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(DecoderError):
        pool.read(b"write it", str(tmp_path / "leak"), None, LIMITS)
    assert (tmp_path / "leak").read_bytes() == b""


def test_the_process_has_neither_torch_nor_the_environment(pool: Pool) -> None:
    child, parent, modules, names = text_of(pool, b"pid").split(" ", 3)
    assert int(child) != os.getpid() == int(parent)
    assert modules == "light"
    assert "TOKEN" not in names


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


PARENT = """
import sys, threading
from multimodal.formats import LIMITS
from multimodal.formats.isolation import Pool
idle, busy = Pool(1, {code!r}), Pool(1, {code!r})
for pool in (idle, busy):
    print(pool.read(b"pid", "n", None, LIMITS).item.text.split()[0], flush=True)
threading.Thread(target=lambda: busy.read(b"hang", "n", None, LIMITS), daemon=True).start()
print("asked", flush=True)
sys.stdin.read()
"""


def test_processes_end_with_a_parent_that_was_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(code=HARM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        children = [int(parent.stdout.readline()) for _ in range(2)]
        parent.stdout.readline()
        time.sleep(0.3)  # the second is at work, with the interpreter's lock held
        assert all(map(runs, children))
        parent.kill()
    end = time.monotonic() + 5
    while any(map(runs, children)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(map(runs, children))


def test_bytes_that_arrive_during_the_work_end_nothing() -> None:
    """The signal of a write may come late: here it surely comes while a file is decoded."""
    question = BytesIO()
    wire.ask(question, b"nap", "n.txt", None, LIMITS, b"")
    start = "import sys; sys.path[:] = sys.argv[1:]; " + HARM
    with subprocess.Popen(
        [sys.executable, "-c", start, *sys.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as child:
        assert isinstance(child.stdin, FileIO)
        assert isinstance(child.stdout, FileIO)
        child.stdout.read(1)
        child.stdin.write(question.getvalue())
        time.sleep(0.2)
        child.stdin.write(question.getvalue()[:1])
        first = wire.replied(child.stdout, LIMITS)
        child.stdin.write(question.getvalue()[1:])
        second = wire.replied(child.stdout, LIMITS)
        child.stdin.close()
    assert first.item.name == second.item.name == "n.txt"


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def test_the_main_module_is_not_run_again_and_nothing_is_left_behind(tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(
        textwrap.dedent("""
        import os, threading
        print("main", flush=True)
        from multimodal.formats import read_case
        def one(): print(read_case([("n.txt", b"Cough.")]).texts[0].text, flush=True)
        thread = threading.Thread(target=one); thread.start(); thread.join()
        one()
        pid = os.fork()
        if pid == 0:
            one()
            os._exit(0)
        os.waitpid(pid, 0)
        one()
        """)
    )
    run = subprocess.run([sys.executable, "-W", "error", script], capture_output=True, text=True, check=False)
    assert run.stdout == "main\n" + "Cough.\n" * 4
    assert run.stderr == ""


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
