"""The same API and engine spread over a Ray cluster: decoding, three branches and fusion scale each for itself.

``serve run multimodal.serve.ray:build`` starts it on one machine; a config file names the replicas, the accelerators
and their shares for a cluster. The engine itself runs in the fusion deployment, its items scored elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

import torch
from fastapi import FastAPI

from multimodal.case import Case, Diagnosis, Item, ModelRef
from multimodal.engine import Engine, ItemOutput, Ticket
from multimodal.engine.device import resolve
from multimodal.engine.inference import attempt
from multimodal.errors import (
    BundleNotFoundError,
    DeadlineError,
    MissingExtraError,
    ModelError,
    MultimodalError,
    UnavailableError,
    UsageError,
)
from multimodal.formats import read_case
from multimodal.labels import Modality
from multimodal.serve.app import create_app
from multimodal.serve.service import Load, Question
from multimodal.serve.settings import TOKEN, Settings
from multimodal.zoo import LoadedBranch, bundles, find, load

try:
    from ray import serve
    from ray.serve.handle import DeploymentHandle
except ModuleNotFoundError as error:
    raise MissingExtraError(f'A cluster needs {error.name}: pip install "multimodal-diagnosis[ray]".') from error

MOST = 32
"""Items of one batch."""
WAIT_S = 0.005
"""How long the first item of a batch waits for company."""
BUNDLES = 4
"""Bundles of a modality that one replica holds."""

Answer = TypeVar("Answer")
_GROW = {"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 8}


def _told(work: Callable[[], Answer]) -> Answer | MultimodalError:
    """The answer, or the error as a value: Ray would wrap one that is raised."""
    try:
        return work()
    except MultimodalError as error:
        return error


def _unwrapped(answer: Answer | MultimodalError) -> Answer:
    if isinstance(answer, MultimodalError):
        raise answer
    return answer


class Decode:
    """Files to a case, in processes that can be lost."""

    async def __call__(self, question: Question) -> Case | MultimodalError:
        """Decode the files of a question."""
        return await asyncio.to_thread(
            _told, lambda: read_case(question.sources, case_id=question.case_id, patient=question.patient)
        )


class Branch:
    """Items of one modality through whichever of its bundles is asked for.

    Args:
        kind: Modality.
        device: "auto", "cuda", "mps" or "cpu".
    """

    def __init__(self, kind: str, device: str) -> None:
        self._kind, self._device = kind, resolve(device)

    @serve.multiplexed(max_num_models_per_replica=BUNDLES)
    async def loaded(self, reference: str) -> LoadedBranch:
        """The bundle ``name@sha256``; of another hash than that where the cluster's nodes hold different files."""
        name, _, sha256 = reference.rpartition("@")
        branch = cast("LoadedBranch", await asyncio.to_thread(lambda: load(find(self._kind, name))))
        if branch.config.sha256 != sha256:
            raise ModelError(f"The bundle {self._kind}/{name} is not the same on every node.")
        return branch

    @serve.batch(max_batch_size=MOST, batch_wait_timeout_s=WAIT_S)  # no batch_size_fn: with it Ray can hang
    async def score(self, items: list[Item]) -> list[ItemOutput | MultimodalError]:
        """Score items of one bundle; one that fails gives its error in its place."""
        try:
            branch = await self.loaded(serve.get_multiplexed_model_id())
        except MultimodalError as error:
            return [error] * len(items)
        return await asyncio.to_thread(attempt, branch, items, self._device)


class Fusion:
    """A case to its diagnosis: the engine, whose branches are other deployments."""

    def __init__(
        self, images: DeploymentHandle[Any], audios: DeploymentHandle[Any], texts: DeploymentHandle[Any]
    ) -> None:
        self._branches = dict(zip(Modality, (images, audios, texts), strict=True))
        self._engine = lru_cache(maxsize=16)(_engine)

    async def __call__(
        self, case: Case, models: Mapping[str, str], prevalence: Mapping[str, float]
    ) -> Diagnosis | MultimodalError:
        """Diagnose a case."""

        def work() -> Diagnosis:
            engine = self._engine(tuple(sorted(models.items())), tuple(sorted(prevalence.items())))
            return engine.through(self._score).diagnose(case)

        return await asyncio.to_thread(_told, work)

    async def models(self, choice: Mapping[str, str]) -> dict[str, ModelRef] | MultimodalError:
        """The bundles that would answer for a choice."""
        return await asyncio.to_thread(_told, lambda: self._engine(tuple(sorted(choice.items())), ()).models)

    def _score(
        self,
        branch: LoadedBranch,
        items: Sequence[Item],
        device: torch.device,  # noqa: ARG002 - the branch's own
    ) -> list[ItemOutput | MultimodalError]:
        reference = f"{branch.config.name}@{branch.config.sha256}"
        handle = self._branches[Modality(branch.config.kind)].options(multiplexed_model_id=reference)
        asked = [handle.score.remote(item) for item in items]
        return [answer.result() for answer in asked]


def _engine(models: tuple[tuple[str, str], ...], prevalence: tuple[tuple[str, float], ...]) -> Engine:
    """The engine of a choice; only bundles that are listed are taken, since a name could lead elsewhere."""
    listed = {bundle.name for bundle in bundles()} | {"late"}
    unknown = sorted({name for _, names in models for name in names.split("+")} - listed)
    if unknown:
        raise BundleNotFoundError(f"There is no bundle {', '.join(unknown)} on this cluster.")
    return Engine(dict(models), device="cpu", prevalence=dict(prevalence))


class ClusterService:
    """What the API asks, spread over deployments.

    Args:
        device: Where the branches run, for the catalogue.
    """

    def __init__(self, device: str) -> None:
        self.device = device
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
            UnavailableError: If the deployments are not there yet.
            DeadlineError: If the ticket's time is up; what was begun is then cancelled.
            MultimodalError: As :func:`multimodal.formats.read_case` and :class:`Engine` raise.
        """
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
        return cast("dict[str, ModelRef]", _unwrapped(await fusion.models.remote(dict(choice))))

    async def _answer(self, question: Question) -> Diagnosis:
        decode, fusion = self._handles()
        case = question.case or _unwrapped(await decode.remote(question))
        answer = await fusion.remote(case, dict(question.models), dict(question.prevalence))
        return cast("Diagnosis", _unwrapped(answer))

    def _handles(self) -> tuple[DeploymentHandle[Any], DeploymentHandle[Any]]:
        if self._decode is None or self._fusion is None:
            raise UnavailableError("The cluster is starting or shutting down; try again in a moment.")
        return self._decode, self._fusion


def api() -> FastAPI:
    """The API of one replica of the way in.

    Raises:
        UsageError: If there is no token.
    """
    settings = Settings.from_environment()
    if not settings.token:
        raise UsageError(f"A cluster is open to others, so it needs a token: set {TOKEN} on every node.")
    return create_app(ClusterService(settings.device), settings)


@serve.ingress(api)
class Api:
    """The HTTP API in front of the other deployments, which it only names."""

    def __init__(self, decode: DeploymentHandle[Any], fusion: DeploymentHandle[Any]) -> None: ...


def build(arguments: dict[str, Any]) -> serve.Application:
    """The application, for ``serve run`` and for a config file.

    Args:
        arguments: ``device`` of the branches, "auto" by default.
    """
    device = str(arguments.get("device", "auto"))
    branches = [
        _deployment(Branch, modality.value.capitalize(), 4 * MOST).bind(modality.value, device) for modality in Modality
    ]
    fusion = _deployment(Fusion, "Fusion").bind(*branches)
    return _deployment(Api, "Api").bind(_deployment(Decode, "Decode").bind(), fusion)


def _deployment(kind: type, name: str, ongoing: int = 16) -> serve.Deployment:
    """One deployment; a config file may change everything but its name."""
    return serve.deployment(name=name, autoscaling_config=_GROW, max_ongoing_requests=ongoing)(kind)
