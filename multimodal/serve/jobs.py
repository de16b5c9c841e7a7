"""Batches of cases with progress, in bounded memory; nothing of them outlives the server."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from multimodal.engine import Ticket
from multimodal.errors import BusyError, LimitError, MultimodalError, NotFoundError
from multimodal.serve.service import Question, Service
from multimodal.serve.settings import Settings

_RETRY_S = 0.1
"""How long a job's case waits where requests fill the server: they go first."""


class State(StrEnum):
    """How far a job is."""

    RUNNING = "running"
    DONE = "done"


@dataclass(eq=False)
class Job:
    """A batch of cases.

    Attributes:
        job_id: Unguessable.
        total: Its cases.
        results: One JSON text a case, in the order of the cases; None for those to come.
        failed: Cases with an error.
        ended: When it was done, in seconds of the monotonic clock.
    """

    job_id: str
    total: int
    results: list[str | None]
    failed: int = 0
    ended: float = math.inf
    bytes: int = 0
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def done(self) -> int:
        """Cases with a result."""
        return sum(result is not None for result in self.results)

    @property
    def state(self) -> State:
        """How far it is."""
        return State.RUNNING if self.done < self.total else State.DONE

    def to_dict(self, since: int = 0) -> dict[str, Any]:
        """Progress, and the results from one on, up to the first that is still to come."""
        ready = next((i for i, result in enumerate(self.results) if result is None), self.total)
        return {
            "job_id": self.job_id,
            "state": self.state,
            "total": self.total,
            "done": self.done,
            "failed": self.failed,
            "results": [json.loads(result) for result in self.results[since:ready] if result is not None],
        }


class Batches(Protocol):
    """What the API asks about jobs: those of this process, or those of a cluster."""

    async def add(self, questions: Sequence[Question]) -> dict[str, Any]:
        """Start a job; its progress.

        Raises:
            LimitError: If it has too many cases.
            BusyError: If there are too many jobs, or too many bytes of them wait.
        """
        ...

    async def progress(self, job_id: str, since: int = 0) -> dict[str, Any]:
        """How far a job is, and its results from one on.

        Raises:
            NotFoundError: If there is none of that id, or no longer.
        """
        ...

    async def remove(self, job_id: str) -> None:
        """Stop a job and forget it.

        Raises:
            NotFoundError: If there is none of that id, or no longer.
        """
        ...

    async def close(self) -> None:
        """Let what runs finish, within the time that shutting down may take; then forget everything."""
        ...


class Jobs:
    """The jobs of one process.

    Args:
        service: Answers for each case.
        settings: How many, how large, how long they are kept.
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._places = asyncio.Semaphore(settings.job_parallel)

    async def add(self, questions: Sequence[Question]) -> dict[str, Any]:
        """As :meth:`Batches.add`."""
        if len(questions) > self._settings.job_cases:
            raise LimitError(f"A job may have up to {self._settings.job_cases} cases.")
        self._forget_old()
        size = sum(question.size for question in questions)
        held = sum(job.bytes for job in self._jobs.values())
        if (held and held + size > self._settings.pending_bytes) or not self._room():
            raise BusyError("Too many jobs are in hand; try again later.")
        job = Job(secrets.token_urlsafe(16), len(questions), [None] * len(questions), bytes=size)
        self._jobs[job.job_id] = job
        job.task = asyncio.create_task(self._run(job, deque(enumerate(questions))))
        return job.to_dict()

    async def progress(self, job_id: str, since: int = 0) -> dict[str, Any]:
        """As :meth:`Batches.progress`."""
        return self._find(job_id).to_dict(since)

    async def remove(self, job_id: str) -> None:
        """As :meth:`Batches.remove`."""
        task = self._find(job_id).task
        del self._jobs[job_id]
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """As :meth:`Batches.close`."""
        running = [job.task for job in self._jobs.values() if job.task is not None and not job.task.done()]
        if running:
            _, late = await asyncio.wait(running, timeout=self._settings.shutdown_s)
            for task in late:
                task.cancel()
        self._jobs.clear()

    def _find(self, job_id: str) -> Job:
        self._forget_old()
        if job_id not in self._jobs:
            raise NotFoundError("There is no such job; a finished one is kept for a while only.")
        return self._jobs[job_id]

    def _room(self) -> bool:
        """Whether one more may come; the oldest that is done makes place."""
        if len(self._jobs) < self._settings.jobs:
            return True
        done = next((job.job_id for job in self._jobs.values() if job.state is State.DONE), None)
        if done is None:
            return False
        del self._jobs[done]
        return True

    def _forget_old(self) -> None:
        now = time.monotonic()
        for job in list(self._jobs.values()):
            if now - job.ended > self._settings.job_keep_s:
                del self._jobs[job.job_id]

    async def _run(self, job: Job, waiting: deque[tuple[int, Question]]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.job_parallel):
                group.create_task(self._work(job, waiting))
        job.ended = time.monotonic()

    async def _work(self, job: Job, waiting: deque[tuple[int, Question]]) -> None:
        while waiting:
            position, question = waiting.popleft()
            async with self._places:
                job.results[position] = await self._answer(job, question)
                job.bytes -= question.size

    async def _answer(self, job: Job, question: Question) -> str:
        while True:
            try:
                return (await self._service.diagnose(question, Ticket(self._settings.timeout_s))).to_json()
            except BusyError:
                await asyncio.sleep(_RETRY_S)
            except MultimodalError as error:
                problem = {"code": error.code, "message": error.message, "file": error.file}
                break
            except Exception as error:  # whatever it is, the other cases go on
                message = f"The server failed on this case ({type(error).__name__})."
                problem = {"code": "error", "message": message, "file": None}
                break
        job.failed += 1
        case_id = question.case_id or (question.sources[0][0] if question.sources else "case")
        return json.dumps({"case_id": case_id, "error": problem}, ensure_ascii=False)
