"""Each input through the library: one typed error or a notice, cheaply, and the file beside it is read."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

from multimodal.case import Case
from multimodal.formats import read_case
from tests.hostile.draw import NOTE, understating_zip
from tests.hostile.inputs import ELSEWHERE, NOTED, READ, REFUSED, Input

SECONDS, MEMORY = 2.0, 300 << 20
DOORS: dict[str, Callable[..., Case]] = {"isolated": read_case, "in process": partial(read_case, isolated=False)}


@pytest.fixture(params=DOORS)
def read(request: pytest.FixtureRequest) -> Callable[..., Case]:
    door = DOORS[request.param]
    door([("n.txt", NOTE)])  # started
    return door


def measured(read: Callable[..., Case], data: bytes, name: str) -> tuple[Case, str]:
    """Read a record with this file and a good note, within time and memory; all that is told of it."""
    peak = _reset_peak()
    begin = time.process_time()
    case = read([(name, data), ("good.txt", NOTE)])
    assert time.process_time() - begin < SECONDS
    if peak is not None:
        assert _memory("VmHWM") - peak < MEMORY
    assert case.texts[-1].text == NOTE.decode()
    return case, repr((case.problems, [item.notices for item in case.items]))


def _memory(key: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(key)).split()[1]) * 1024


def _reset_peak() -> int | None:
    """Forget the peak of memory so far, where the system can; return what is in use."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _memory("VmRSS")


@pytest.mark.parametrize("given", REFUSED, ids=lambda given: given.what)
def test_refused(given: Input, read: Callable[..., Case]) -> None:
    case, said = measured(read, given.make(), given.name)
    (problem,) = case.problems
    assert problem.code in given.codes.split("|")
    assert problem.item == given.name
    assert problem.refused
    assert problem.message.endswith(".")
    assert "SECRET" not in said


@pytest.mark.parametrize("given", NOTED, ids=lambda given: given.what)
def test_read_with_a_notice(given: Input, read: Callable[..., Case]) -> None:
    case, _ = measured(read, given.make(), given.name)
    assert case.problems == ()
    assert [notice.code for notice in case.items[0].notices] == [given.codes]


@pytest.mark.parametrize("given", READ, ids=lambda given: given.what)
def test_read_without_harm(given: Input, read: Callable[..., Case]) -> None:
    case, said = measured(read, given.make(), given.name)
    assert case.problems == ()
    assert len(case.items) == 2
    assert "SECRET" not in said


def test_a_member_that_inflates_beyond_its_word_is_read_to_its_word(read: Callable[..., Case]) -> None:
    case, _ = measured(read, understating_zip(), "r.zip")
    assert [problem.item for problem in case.problems] == ["r.zip/a.txt"]


def test_no_memory_is_left_behind(read: Callable[..., Case]) -> None:
    files = [(given.name, given.make()) for given in REFUSED]
    files = [file for file in files if len(file[1]) < 1 << 16]

    def rounds(count: int) -> int:
        for _ in range(count):
            read([*files, ("good.txt", NOTE)])
        gc.collect()
        return _memory("VmRSS")

    before = rounds(1)
    assert rounds(2) - before < 8 << 20


def test_every_number_of_the_list_is_covered() -> None:
    here = {given.number for given in (*REFUSED, *NOTED, *READ)}
    assert here | set(ELSEWHERE) == set(range(1, 65))
    for places in ELSEWHERE.values():
        for place in places:
            module, _, path = place.partition(":")
            found: object = import_module(module)
            for part in path.split("."):
                found = getattr(found, part)
            assert callable(found)
