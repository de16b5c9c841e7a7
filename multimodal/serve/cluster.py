"""What the API of a Ray cluster asks: the deployments of :mod:`multimodal.serve.ray`, as a service and its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from multimodal.case import Diagnosis, ModelRef
from multimodal.engine import Ticket
from multimodal.errors import BusyError, DeadlineError, MissingExtraError, MultimodalError, UnavailableError
from multimodal.serve.service import Load, Question
from multimodal.serve.settings import Settings

try:
    from ray import serve
    from ray.exceptions import RayActorError
    from ray.serve.handle import DeploymentHandle
except ModuleNotFoundError as error:
    raise MissingExtraError(f'A cluster needs {error.name}: pip install "multimodal-diagnosis[ray]".') from error

Answer = TypeVar("Answer")


async def told(work: Awaitable[Answer]) -> Answer | MultimodalError:
    """The answer, or the error as a value: Ray would wrap one that is raised."""
    try:
        return await work
    except MultimodalError as error:
        return error


async def unwrapped(ask: Callable[[], Awaitable[Answer | MultimodalError]]) -> Answer:
    """The answer, or the error raised; a request whose worker is lost in the middle is asked once more.

    Raises:
        UnavailableError: If the second worker is lost too.
        MultimodalError: The error.
    """
    try:
        answer = await ask()
    except RayActorError:
        try:
            answer = await ask()
        except RayActorError:
            raise UnavailableError("The workers that had this case were lost; try again in a moment.") from None
    if isinstance(answer, MultimodalError):
        raise answer
    return answer


class ClusterService:
    """What the API asks, spread over deployments.

    Args:
        settings: How many cases may be in hand, and where the branches run, for the catalogue.
    """

    def __init__(self, settings: Settings) -> None:
        self.device = settings.device
        self._most = settings.pending
        self._pending = 0
        self._decode: DeploymentHandle[Any] | None = None
        self._fusion: DeploymentHandle[Any] | None = None

    @property
    def ready(self) -> bool:
        """Whether it takes questions."""
        return self._fusion is not None

    @property
    def load(self) -> Load:
        """How busy this way in is; the deployments' own figures are Ray's."""
        return Load(pending=self._pending, waiting={}, batches={}, reused=(0, 0))

    async def start(self) -> None:
        """Find the deployments; Ray has started them."""
        self._decode, self._fusion = serve.get_deployment_handle("Decode"), serve.get_deployment_handle("Fusion")

    async def stop(self) -> None:
        """Take no more; Ray drains what was accepted."""
        self._fusion = None

    async def diagnose(self, question: Question, ticket: Ticket) -> Diagnosis:
        """Answer one question.

        Raises:
            BusyError: If too many cases are in hand.
            UnavailableError: If the deployments are not there yet, or were lost with this case twice.
            DeadlineError: If the ticket's time is up; what was begun is then cancelled.
            MultimodalError: As :func:`multimodal.formats.read_case` and :class:`Engine` raise.
        """
        if self._pending >= self._most:
            raise BusyError("Too many cases are waiting; try again in a moment.")
        self._pending += 1
        try:
            return await asyncio.wait_for(self._answer(question), ticket.left)
        except TimeoutError:
            raise DeadlineError(f"There was no answer within {ticket.seconds:g} seconds.") from None
        finally:
            self._pending -= 1

    async def models(self, choice: Mapping[str, str]) -> dict[str, ModelRef]:
        """The bundles that would answer for a choice."""
        _, fusion = self._handles()
        return cast("dict[str, ModelRef]", await unwrapped(lambda: fusion.models.remote(dict(choice))))

    async def _answer(self, question: Question) -> Diagnosis:
        decode, fusion = self._handles()
        case = question.case or await unwrapped(lambda: decode.remote(question))
        models, prevalence = dict(question.models), dict(question.prevalence)
        return cast("Diagnosis", await unwrapped(lambda: fusion.remote(case, models, prevalence)))

    def _handles(self) -> tuple[DeploymentHandle[Any], DeploymentHandle[Any]]:
        if self._decode is None or self._fusion is None:
            raise UnavailableError("The cluster is starting or shutting down; try again in a moment.")
        return self._decode, self._fusion


class ClusterJobs:
    """The jobs of a cluster: one deployment keeps them, so that whichever way in is asked next knows them too."""

    async def add(self, questions: Sequence[Question]) -> dict[str, Any]:
        """As :meth:`multimodal.serve.jobs.Jobs.add`."""
        return cast("dict[str, Any]", await self._ask("add", list(questions)))

    async def progress(self, job_id: str, since: int = 0) -> dict[str, Any]:
        """As :meth:`multimodal.serve.jobs.Jobs.progress`."""
        return cast("dict[str, Any]", await self._ask("progress", job_id, since))

    async def remove(self, job_id: str) -> None:
        """As :meth:`multimodal.serve.jobs.Jobs.remove`."""
        await self._ask("remove", job_id)

    async def close(self) -> None:
        """Nothing: they are another's."""

    async def _ask(self, what: str, *given: object) -> object:
        keeper = serve.get_deployment_handle("Jobs")
        return await unwrapped(lambda: getattr(keeper, what).remote(*given))
