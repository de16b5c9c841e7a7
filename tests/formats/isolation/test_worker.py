"""What a decoding process may do and hold, and when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from io import BytesIO, FileIO
from pathlib import Path

import pytest

from multimodal.errors import DecoderError, InputError
from multimodal.formats import LIMITS
from multimodal.formats.isolation import Pool, wire
from tests.formats.files import png
from tests.formats.isolation.harm import HARM, NOTE, text_of

QUICK = replace(LIMITS, decode_seconds=0.3)
QUARTER = replace(LIMITS, decode_bytes=LIMITS.decode_bytes // 4)  # for a quarter of the most pixels
SMALL = replace(LIMITS, decode_bytes=200 << 20)


def test_the_process_has_neither_torch_nor_the_environment(pool: Pool) -> None:
    child, parent, modules, names = text_of(pool, b"pid").split(" ", 3)
    assert int(child) != os.getpid() == int(parent)
    assert modules == "light"
    assert "TOKEN" not in names


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


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


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


def test_a_codec_writes_no_file(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(DecoderError):
        pool.read(b"write it", str(tmp_path / "leak"), None, LIMITS)
    assert (tmp_path / "leak").read_bytes() == b""


def test_chatter_of_a_codec_is_no_answer(pool: Pool) -> None:
    assert text_of(pool, b"print it").startswith("print")


def test_garbage_on_the_wire_is_an_error(pool: Pool) -> None:
    for descriptor in range(3, 6):  # one of them is the answer's
        try:
            pool.read(b"garbage now", str(descriptor), None, QUICK)
        except InputError as error:
            assert error.code in ("decoder_failed", "limit_exceeded")  # noqa: PT017 - either may be the answer's
    assert text_of(pool, NOTE) == NOTE.decode()


def test_memory_is_bounded_for_a_codec_that_asks_the_system_itself(pool: Pool) -> None:
    assert text_of(pool, b"malloc of a gigabyte", SMALL).startswith("malloc")


def test_a_film_fits_into_its_share_of_the_limit_of_memory(pool: Pool) -> None:
    from PIL import Image as Pillow

    picture = Pillow.new("RGBA", (4000, 4000), (1, 2, 3, 4))
    assert pool.read(png(picture, compress_level=1), "a.png", None, QUARTER).item.name == "a.png"
