"""Merges what concurrent requests have to score into batches, without changing what any of them gets.

Requests prepare their items in their own threads, beside the networks. One lane a modality runs the networks: it takes
what waits for the same bundle in the same shape, up to a maximum, and never waits for more once that is there. While a
batch runs the next one gathers, so that batches grow with the load by themselves.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from multimodal.case import Item
from multimodal.engine.inference import Forward, ItemOutput, Score, fixed_shape, forward, named, ready
from multimodal.engine.ticket import Ticket
from multimodal.errors import BusyError, ModelError, MultimodalError, ServiceError, UnavailableError
from multimodal.labels import Modality
from multimodal.zoo import LoadedBranch

MOST: Mapping[Modality, int] = {Modality.IMAGE: 32, Modality.AUDIO: 16, Modality.TEXT: 32}
"""Items of a batch on an accelerator; a recording is many windows."""
WAIT_S = 0.002
"""How long the first item of a batch waits for company on an accelerator."""
DEPTH = 1024
"""Items that may wait in a lane."""


@dataclass(eq=False)
class _Entry:
    """An item that waits to be scored."""

    branch: LoadedBranch
    windows: Tensor
    device: torch.device
    ticket: Ticket
    answer: Future[ItemOutput | MultimodalError] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)

    @property
    def key(self) -> tuple[int, torch.device, torch.Size]:
        """What items must share to go through together."""
        return id(self.branch.network), self.device, self.windows.shape[1:]


class Batcher:
    """Scores items for many threads at once; give its :meth:`score` to :meth:`Engine.through`.

    Args:
        device: Where the networks run. On the CPU items go one by one, at once: company would save time there too (see
            the benchmarks), but an answer would no longer be the same to the last bit whoever else asks.
        run: Scores a batch; :func:`multimodal.engine.inference.forward`.
        most: Items of a batch, by modality.
        wait_s: How long the first item of a batch waits for company, in seconds.
        depth: Items that may wait in a lane; more are refused.
    """

    def __init__(
        self,
        device: torch.device,
        *,
        run: Forward = forward,
        most: Mapping[Modality, int] | None = None,
        wait_s: float | None = None,
        depth: int = DEPTH,
    ) -> None:
        alone = not fixed_shape(device)
        most = most or (dict.fromkeys(Modality, 1) if alone else MOST)
        wait_s = (0.0 if alone else WAIT_S) if wait_s is None else wait_s
        self._lanes = {modality: _Lane(modality, run, most[modality], wait_s, depth) for modality in Modality}

    def score(
        self, branch: LoadedBranch, items: Sequence[Item], device: torch.device, ticket: Ticket | None = None
    ) -> list[ItemOutput | MultimodalError]:
        """Score items of one branch, among those of other callers.

        An item that fails gives its error in its place, and fails no other.

        Args:
            branch: On the device.
            items: Of its modality.
            device: Where it runs.
            ticket: Until when the answer is wanted.

        Raises:
            BusyError: If too many items wait already.
            DeadlineError: If the time is up before all are scored.
            AbandonedError: If nobody waits any more.
            UnavailableError: If the batcher was closed.
        """
        ticket = ticket or Ticket()
        waiting: list[_Entry | MultimodalError] = []
        for item in items:
            ticket.check()
            try:
                waiting.append(_Entry(branch, ready(branch, item, device), device, ticket))
            except MultimodalError as error:
                waiting.append(error)
        self._lanes[Modality(branch.config.kind)].put([entry for entry in waiting if isinstance(entry, _Entry)])
        return [named(_answer(entry), item) for entry, item in zip(waiting, items, strict=True)]

    def bound(self, ticket: Ticket) -> Score:
        """:meth:`score` for one request."""
        return lambda branch, items, device: self.score(branch, items, device, ticket)

    @property
    def waiting(self) -> dict[Modality, int]:
        """Items that wait, by modality."""
        return {modality: lane.waiting for modality, lane in self._lanes.items()}

    @property
    def batches(self) -> dict[Modality, Counter[int]]:
        """How many batches of each size were run, by modality."""
        return {modality: Counter(lane.batches) for modality, lane in self._lanes.items()}

    def close(self) -> None:
        """Finish what waits, and take nothing more."""
        for lane in self._lanes.values():
            lane.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answer(entry: _Entry | MultimodalError) -> ItemOutput | MultimodalError:
    if isinstance(entry, MultimodalError):
        return entry
    while True:
        try:
            answer = entry.answer.result(timeout=min(entry.ticket.left, _LOOK_S))
        except FutureTimeoutError:
            entry.ticket.check()
        else:
            if isinstance(answer, ServiceError):
                raise answer
            return answer


_LOOK_S = 0.5
"""How often a waiting request looks whether it is still wanted."""


class _Lane:
    """One modality's queue, and the thread that serves it."""

    def __init__(self, modality: Modality, run: Forward, most: int, wait_s: float, depth: int) -> None:
        self._name, self._run, self._most, self._wait_s, self._depth = modality.value, run, most, wait_s, depth
        self._queue: deque[_Entry] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self.batches: Counter[int] = Counter()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def put(self, entries: Sequence[_Entry]) -> None:
        """Let entries wait; all of them or none."""
        if not entries:
            return
        with self._changed:
            if self._closed:
                raise UnavailableError("The server is shutting down.")
            if self._queue and len(self._queue) + len(entries) > self._depth:
                raise BusyError("Too much is waiting to be scored; try again in a moment.")
            self._queue.extend(entries)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=f"lane-{self._name}", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        while batch := self._take():
            self.batches[len(batch)] += 1
            for entry, answer in zip(batch, self._scored(batch), strict=True):
                entry.answer.set_result(answer)

    def _take(self) -> list[_Entry]:
        """The next batch, of the oldest entry's key; empty at the end."""
        with self._changed:
            while True:
                self._drop_unwanted()
                if self._queue:
                    company = [entry for entry in self._queue if entry.key == self._queue[0].key][: self._most]
                    patience = self._queue[0].since + self._wait_s - time.monotonic()
                    if len(company) == self._most or patience <= 0 or self._closed:
                        taken = set(map(id, company))
                        self._queue = deque(entry for entry in self._queue if id(entry) not in taken)
                        return company
                    self._changed.wait(patience)
                elif self._closed:
                    return []
                else:
                    self._changed.wait()

    def _drop_unwanted(self) -> None:
        for entry in list(self._queue):
            try:
                entry.ticket.check()
            except ServiceError as error:
                self._queue.remove(entry)
                entry.answer.set_result(error)

    def _scored(self, batch: Sequence[_Entry]) -> Sequence[ItemOutput | MultimodalError]:
        """Score a batch; if it fails as a whole, each of its items by itself."""
        try:
            return self._run(batch[0].branch, [entry.windows for entry in batch], batch[0].device)
        except Exception as error:  # whatever it is, the other items and the lane go on
            if len(batch) > 1:
                return [answer for entry in batch for answer in self._scored([entry])]
            if isinstance(error, MultimodalError):
                return [error]
            return [ModelError(f"The {self._name} branch failed ({type(error).__name__}).")]
