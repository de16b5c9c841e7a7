from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from multimodal import zoo
from multimodal.engine import Batcher, Engine, Reuse, Ticket, inference
from multimodal.engine.inference import attempt, forward
from multimodal.errors import (
    AbandonedError,
    BusyError,
    DeadlineError,
    ModelError,
    UnavailableError,
    UnsupportedError,
)
from multimodal.labels import Modality
from tests.engine.tiny import film, full_case, note, sound

CPU = torch.device("cpu")
TOGETHER = {"most": dict.fromkeys(Modality, 8), "wait_s": 1.0}


def loaded(kind: str, name: str | None = None) -> zoo.LoadedBranch:
    return zoo.load_branch(zoo.find(kind, name or f"tiny_{kind}"))


def answers(diagnosis):
    return diagnosis.by_subset, diagnosis.shares, diagnosis.labels, diagnosis.quality, diagnosis.items


class Held:
    """A forward pass that waits until it is let go, and tells what it was given."""

    def __init__(self) -> None:
        self.go, self.entered = threading.Event(), threading.Event()
        self.sizes: list[int] = []

    def __call__(self, branch, items, device):
        self.sizes.append(len(items))
        self.entered.set()
        assert self.go.wait(10)
        return forward(branch, items, device)


def later(work: Callable[[], object]) -> ThreadPoolExecutor:
    threads = ThreadPoolExecutor(8)
    threads.submit(work)
    return threads


def test_many_threads_get_what_the_engine_alone_gives():
    cases = [full_case(seed) for seed in range(8)]
    heads = ("tiny_gated", "tiny_concat", "late")
    alone = {head: [answers(d) for d in Engine({"fusion": head}, device="cpu").diagnose_many(cases)] for head in heads}
    with Batcher(CPU) as batcher, ThreadPoolExecutor(8) as threads:
        asked = [(head, i) for head in heads for i in range(len(cases))]
        engines = {head: Engine({"fusion": head}, device="cpu").through(batcher.score) for head in heads}
        given = threads.map(lambda pair: engines[pair[0]].diagnose(cases[pair[1]]), asked)
        for (head, i), diagnosis in zip(asked, given, strict=True):
            assert answers(diagnosis) == alone[head][i]


def test_concurrent_requests_are_merged_and_get_their_own(monkeypatch):
    """As on an accelerator: batches of one shape, several requests in each."""
    monkeypatch.setattr(inference, "fixed_shape", lambda device: True)
    branch, items = loaded("image"), [film(i) for i in range(8)]
    alone = attempt(branch, items, CPU)
    with Batcher(CPU, **TOGETHER) as batcher, ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda item: batcher.score(branch, [item], CPU)[0], items))
        assert batcher.batches[Modality.IMAGE] == Counter({8: 1})
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.logits, other.logits)
        np.testing.assert_array_equal(one.embedding, other.embedding)


def test_a_batch_is_of_one_bundle_and_one_length(monkeypatch):
    monkeypatch.setattr(inference, "fixed_shape", lambda device: True)
    monkeypatch.setattr(inference, "SHORTEST_NOTE", 8)
    seen = []

    def spy(branch, items, device):
        seen.append((branch.config.name, {windows.shape[1:] for windows in items}))
        return forward(branch, items, device)

    one, other = loaded("text"), loaded("text", "other_text")
    short, long = replace(note(0), text="No fever."), note(1)
    expected = [attempt(branch, [item], CPU)[0] for branch, item in ((one, short), (one, long), (other, long))]
    with (
        Batcher(CPU, run=spy, most=dict.fromkeys(Modality, 8), wait_s=0.2) as batcher,
        ThreadPoolExecutor(3) as threads,
    ):
        pairs = [(one, short), (one, long), (other, long)]
        given = list(threads.map(lambda pair: batcher.score(pair[0], [pair[1]], CPU)[0], pairs))
    assert sorted(name for name, _ in seen) == ["other_text", "tiny_text", "tiny_text"]
    assert all(len(shapes) == 1 for _, shapes in seen)
    assert len({shape for _, shapes in seen for shape in shapes}) == 2
    for one_output, other_output in zip(expected, given, strict=True):
        np.testing.assert_array_equal(one_output.logits, other_output.logits)


def test_what_arrives_while_a_batch_runs_makes_the_next_one():
    held = Held()
    branch = loaded("image")
    with Batcher(CPU, run=held, most=dict.fromkeys(Modality, 4), wait_s=0.0) as batcher:
        threads = later(lambda: batcher.score(branch, [film(0)], CPU))
        assert held.entered.wait(10)
        for i in range(6):
            threads.submit(batcher.score, branch, [film(i)], CPU)
        while batcher.waiting[Modality.IMAGE] < 6:
            time.sleep(0.01)
        held.go.set()
        threads.shutdown()
    assert held.sizes == [1, 4, 2]


def test_an_item_that_fails_fails_alone():
    branch = loaded("audio")
    empty = replace(sound(), samples=np.zeros(0, np.float32), name="empty.wav")
    with Batcher(CPU, **TOGETHER) as batcher:
        good, bad, other = batcher.score(branch, [sound(0), empty, sound(1)], CPU)
    assert isinstance(bad, UnsupportedError)
    assert bad.file == "empty.wav"
    for output, item in ((good, sound(0)), (other, sound(1))):
        np.testing.assert_array_equal(output.logits, attempt(branch, [item], CPU)[0].logits)


@pytest.mark.parametrize("error", [RuntimeError("secret of the file"), MemoryError(), ModelError("told")])
def test_a_batch_that_breaks_costs_only_the_item_at_fault(error):
    branch, poison = loaded("image"), film(3)
    marked = inference.ready(branch, poison, CPU)

    def fragile(branch, items, device):
        if any(torch.equal(windows, marked) for windows in items):
            raise error
        return forward(branch, items, device)

    with Batcher(CPU, run=fragile, **TOGETHER) as batcher, ThreadPoolExecutor(8) as threads:
        outputs = list(threads.map(lambda item: batcher.score(branch, [item], CPU)[0], [film(i) for i in range(8)]))
        assert batcher.batches[Modality.IMAGE] == Counter({8: 1})
        assert not isinstance(batcher.score(branch, [film(0)], CPU)[0], ModelError)
    assert [i for i, output in enumerate(outputs) if isinstance(output, ModelError)] == [3]
    assert "secret" not in outputs[3].message
    assert outputs[3].file == poison.name


def test_a_full_queue_refuses_and_loses_nothing():
    held = Held()
    branch = loaded("image")
    with Batcher(CPU, run=held, depth=2, most=dict.fromkeys(Modality, 1), wait_s=0.0) as batcher:
        threads = later(lambda: batcher.score(branch, [film(0)], CPU))
        assert held.entered.wait(10)
        waiting = [threads.submit(batcher.score, branch, [film(i)], CPU) for i in (1, 2)]
        while batcher.waiting[Modality.IMAGE] < 2:
            time.sleep(0.01)
        with pytest.raises(BusyError):
            batcher.score(branch, [film(3)], CPU)
        held.go.set()
        assert all(len(each.result(10)) == 1 for each in waiting)
        threads.shutdown()


def test_a_deadline_ends_the_waiting_and_frees_the_place():
    held = Held()
    branch = loaded("image")
    with Batcher(CPU, run=held, most=dict.fromkeys(Modality, 1), wait_s=0.0) as batcher:
        threads = later(lambda: batcher.score(branch, [film(0)], CPU))
        assert held.entered.wait(10)
        with pytest.raises(DeadlineError, match=r"0\.05 seconds"):
            batcher.score(branch, [film(1)], CPU, Ticket(0.05))
        held.go.set()
        batcher.score(branch, [film(2)], CPU)
        threads.shutdown()
    assert held.sizes == [1, 1]


def test_what_is_given_up_is_not_scored():
    held, ticket = Held(), Ticket()
    branch = loaded("image")
    with Batcher(CPU, run=held, most=dict.fromkeys(Modality, 1), wait_s=0.0) as batcher:
        threads = later(lambda: batcher.score(branch, [film(0)], CPU))
        assert held.entered.wait(10)
        waiting = threads.submit(batcher.score, branch, [film(1)], CPU, ticket)
        while not batcher.waiting[Modality.IMAGE]:
            time.sleep(0.01)
        ticket.give_up()
        held.go.set()
        with pytest.raises(AbandonedError):
            waiting.result(10)
        with pytest.raises(AbandonedError):
            batcher.score(branch, [film(1)], CPU, ticket)
        threads.shutdown()
    assert held.sizes == [1]


def test_a_closed_batcher_finishes_what_waits_and_takes_no_more():
    held = Held()
    branch = loaded("image")
    batcher = Batcher(CPU, run=held, most=dict.fromkeys(Modality, 1), wait_s=0.0)
    threads = later(lambda: batcher.score(branch, [film(0)], CPU))
    assert held.entered.wait(10)
    waiting = threads.submit(batcher.score, branch, [film(1)], CPU)
    while not batcher.waiting[Modality.IMAGE]:
        time.sleep(0.01)
    threading.Timer(0.05, held.go.set).start()
    batcher.close()
    assert len(waiting.result(10)) == 1
    with pytest.raises(UnavailableError):
        batcher.score(branch, [film(2)], CPU)
    threads.shutdown()


class Counting:
    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, branch, items, device):
        self.names += [item.name for item in items]
        return attempt(branch, items, device)


def test_a_changed_head_or_item_runs_only_what_is_new():
    counting, reuse = Counting(), Reuse(100)
    score = reuse.before(counting)
    case = full_case(0)
    first = Engine({"fusion": "tiny_gated"}, device="cpu").through(score).diagnose(case)
    assert len(counting.names) == 4
    second = Engine({"fusion": "late"}, device="cpu").through(score).diagnose(case)
    assert len(counting.names) == 4
    changed = replace(case, texts=(note(2),))
    third = Engine({"fusion": "late"}, device="cpu").through(score).diagnose(changed)
    assert counting.names[4:] == ["note2.txt"]
    assert (reuse.count.hits, reuse.count.misses) == (7, 5)
    assert answers(first) == answers(Engine({"fusion": "tiny_gated"}, device="cpu").diagnose(case))
    assert answers(second) == answers(Engine({"fusion": "late"}, device="cpu").diagnose(case))
    assert answers(third) == answers(Engine({"fusion": "late"}, device="cpu").diagnose(changed))


def test_reuse_goes_by_content_not_by_a_claimed_checksum():
    branch, counting = loaded("image"), Counting()
    score = Reuse(100).before(counting)
    (one,) = score(branch, [film(0)], CPU)
    (other,) = score(branch, [replace(film(1), sha256=film(0).sha256)], CPU)
    (renamed,) = score(branch, [replace(film(0), name="again.png", sha256="")], CPU)
    assert not np.array_equal(one.logits, other.logits)
    np.testing.assert_array_equal(one.logits, renamed.logits)
    assert counting.names == ["film0.png", "film1.png"]


def test_reuse_tells_bundles_apart():
    counting = Counting()
    score = Reuse(100).before(counting)
    outputs = [score(loaded("image", name), [film(0)], CPU)[0] for name in ("tiny_image", "other_image")]
    assert len(counting.names) == 2
    assert not np.array_equal(outputs[0].logits, outputs[1].logits)


def test_reuse_is_bounded_and_forgets_the_oldest():
    branch, counting = loaded("image"), Counting()
    score = Reuse(2).before(counting)
    for seed in (0, 1, 0, 2, 0, 1):
        score(branch, [film(seed)], CPU)
    assert counting.names == ["film0.png", "film1.png", "film2.png", "film1.png"]
    assert Reuse(0).before(counting) is counting


def test_an_error_is_not_remembered():
    branch = loaded("audio")
    empty = replace(sound(), samples=np.zeros(0, np.float32))
    reuse = Reuse(10)
    for _ in range(2):
        (output,) = reuse.before(attempt)(branch, [empty], CPU)
        assert isinstance(output, UnsupportedError)
    assert reuse.count.hits == 0
