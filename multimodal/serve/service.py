"""What stands behind the HTTP API: requests in, diagnoses out, bounded on every side."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

from multimodal.case import Case, Diagnosis, ModelRef, Patient
from multimodal.engine import Batcher, Engine, Reuse, Ticket
from multimodal.engine.backend import runner
from multimodal.engine.device import resolve
from multimodal.errors import BundleNotFoundError, BusyError, DeadlineError, UnavailableError
from multimodal.formats import Limits, read_case
from multimodal.labels import Modality
from multimodal.serve.settings import Settings
from multimodal.zoo import bundles

_ENGINES = 16
"""Choices of models and prevalence that are kept; the networks themselves are shared by all."""


@dataclass(frozen=True, eq=False)
class Question:
    """One case to diagnose.

    Attributes:
        sources: Its files, (name, bytes); a name may carry what the file is, as in ``heart:a.wav``.
        case: In their place, a case that was decoded elsewhere.
        case_id: Name of the record; by default that of its first file.
        patient: Age and sex.
        models: Kind to bundle name; what is left out takes its default.
        prevalence: Reference prevalence by label.
    """

    sources: tuple[tuple[str, bytes], ...] = ()
    case: Case | None = None
    case_id: str | None = None
    patient: Patient = field(default_factory=Patient)
    models: Mapping[str, str] = field(default_factory=dict)
    prevalence: Mapping[str, float] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(len(data) for _, data in self.sources)


@dataclass(frozen=True)
class Load:
    """How busy a service is.

    Attributes:
        pending: Cases in hand.
        waiting: Items that wait to be scored, by modality.
        batches: Batches run and items in them, by modality.
        reused: Embeddings that were known and that were not.
    """

    pending: int
    waiting: Mapping[str, int]
    batches: Mapping[str, tuple[int, int]]
    reused: tuple[int, int]


class Service(Protocol):
    """What the HTTP API asks: the engine of this process, or one spread over a cluster."""

    @property
    def ready(self) -> bool:
        """Whether it takes questions."""
        ...

    @property
    def load(self) -> Load:
        """How busy it is."""
        ...

    @property
    def device(self) -> str:
        """Where the branches run."""
        ...

    async def start(self) -> None:
        """Load the networks and run each once."""
        ...

    async def stop(self) -> None:
        """Take no more, and finish what was accepted."""
        ...

    async def diagnose(self, question: Question, ticket: Ticket) -> Diagnosis:
        """Answer one question.

        Raises:
            MultimodalError: What is at fault.
        """
        ...

    async def models(self, choice: Mapping[str, str]) -> dict[str, ModelRef]:
        """The bundles that would answer for a choice."""
        ...


class LocalService:
    """The engine of this process behind a micro-batcher.

    Args:
        settings: Its limits.

    Raises:
        UsageError: If there is no such device, or no such backend on it.
        MissingExtraError: If the backend is not installed.
        ModelError: If the default bundles cannot be found.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._device = resolve(settings.device)
        self._batcher = Batcher(self._device, run=runner(settings.backend, self._device))
        self._reuse = Reuse(settings.remembered)
        self._engines: OrderedDict[object, Engine] = OrderedDict()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(settings.threads, "case")
        self._pending = 0
        self._ready = False
        self._engine({}, {})

    @property
    def ready(self) -> bool:
        """Whether it takes questions."""
        return self._ready

    @property
    def device(self) -> str:
        """Where the branches run."""
        return str(self._device)

    @property
    def load(self) -> Load:
        """How busy it is."""
        sizes = self._batcher.batches
        return Load(
            pending=self._pending,
            waiting={modality.value: count for modality, count in self._batcher.waiting.items()},
            batches={m.value: (sizes[m].total(), sum(n * times for n, times in sizes[m].items())) for m in Modality},
            reused=(self._reuse.count.hits, self._reuse.count.misses),
        )

    async def start(self) -> None:
        """Load the default networks and run each once."""
        await asyncio.to_thread(self._warm_up)
        self._ready = True

    async def stop(self) -> None:
        """Take no more, finish what was accepted, forget what was remembered."""
        self._ready = False
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._batcher.close)
        self._reuse.clear()

    async def diagnose(self, question: Question, ticket: Ticket) -> Diagnosis:
        """Answer one question.

        Raises:
            BusyError: If too many cases are in hand.
            UnavailableError: If it is warming up or shutting down.
            DeadlineError: If the ticket's time is up.
            MultimodalError: As :func:`multimodal.formats.read_case` and :class:`Engine` raise.
        """
        if not self._ready:
            raise UnavailableError("The server is warming up or shutting down; try again in a moment.")
        if self._pending >= self._settings.pending:
            raise BusyError("Too many cases are waiting; try again in a moment.")
        self._pending += 1
        work = self._threads.submit(self._work, question, ticket)
        loop = asyncio.get_running_loop()
        work.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(work), ticket.left)
        except TimeoutError:
            raise DeadlineError(f"There was no answer within {ticket.seconds:g} seconds.") from None
        finally:
            ticket.give_up()

    async def models(self, choice: Mapping[str, str]) -> dict[str, ModelRef]:
        """The bundles that would answer for a choice."""
        return (await asyncio.to_thread(self._engine, choice, {})).models

    def _done(self) -> None:
        self._pending -= 1

    def _work(self, question: Question, ticket: Ticket) -> Diagnosis:
        ticket.check()
        engine = self._engine(question.models, question.prevalence)
        case = question.case or self._read(question, ticket)
        ticket.check()
        return engine.through(self._batcher.bound(ticket)).remembering(self._reuse).diagnose(case)

    @staticmethod
    def _read(question: Question, ticket: Ticket) -> Case:
        """The record, for as long as somebody waits for it."""
        limits = Limits.from_environment()
        limits = replace(limits, case_seconds=min(limits.case_seconds, ticket.left))
        return read_case(question.sources, case_id=question.case_id, patient=question.patient, limits=limits)

    def _warm_up(self) -> None:
        self._engine({}, {}).through(self._batcher.score).warm_up()

    def _engine(self, models: Mapping[str, str], prevalence: Mapping[str, float]) -> Engine:
        """The engine of a choice; only bundles that are listed here are taken, since a name could lead elsewhere."""
        for kind, names in models.items():
            listed = {bundle.name for bundle in bundles()} | {"late"}
            unknown = sorted(set(names.split("+")) - listed)
            if unknown:
                raise BundleNotFoundError(f"There is no {kind} bundle {', '.join(unknown)} on this server.")
        key = (tuple(sorted(models.items())), tuple(sorted(prevalence.items())))
        with self._lock:
            if key not in self._engines:
                self._engines[key] = Engine(models, device=str(self._device), prevalence=prevalence)
            self._engines.move_to_end(key)
            while len(self._engines) > _ENGINES:
                self._engines.popitem(last=False)
            return self._engines[key]
