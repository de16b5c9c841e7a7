"""The same API and engine spread over a Ray cluster: decoding, three branches and fusion scale each for itself.

``serve run multimodal.serve.ray:build`` starts it on one machine; a config file names the replicas, the accelerators
and their shares for a cluster. The engine itself runs in the fusion deployment, its items scored elsewhere; what it
has scored is remembered there, so that another head or one more item does not run everything again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import torch
from fastapi import FastAPI

from multimodal.case import Case, Diagnosis, Item, ModelRef
from multimodal.engine import Engine, ItemOutput, Reuse
from multimodal.engine.device import resolve
from multimodal.engine.inference import attempt
from multimodal.errors import (
    BundleNotFoundError,
    MissingExtraError,
    ModelError,
    MultimodalError,
    UsageError,
)
from multimodal.formats import read_case
from multimodal.labels import Modality
from multimodal.serve.app import create_app
from multimodal.serve.cluster import ClusterJobs, ClusterService, told
from multimodal.serve.jobs import Jobs
from multimodal.serve.service import Question
from multimodal.serve.settings import TOKEN, Settings
from multimodal.zoo import LoadedBranch, bundles, find, load

try:
    import ray
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

WAITING = 256
"""Requests that one way in, or the keeper of jobs, has in hand; it refuses by its own limits before that."""
CPU, GPU = 0.25, 0.3
"""Of a core, for each replica, so that all start on a laptop too, and of a GPU, for each branch, where there is one."""

_GROW = {"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 8}


class Decode:
    """Files to a case, in processes that can be lost."""

    async def __call__(self, question: Question) -> Case | MultimodalError:
        """Decode the files of a question."""
        return await told(
            asyncio.to_thread(read_case, question.sources, case_id=question.case_id, patient=question.patient)
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
        self._known_or_scored = Reuse(Settings.from_environment().remembered).before(self._score)

    async def __call__(
        self, case: Case, models: Mapping[str, str], prevalence: Mapping[str, float]
    ) -> Diagnosis | MultimodalError:
        """Diagnose a case."""

        def work() -> Diagnosis:
            engine = self._engine(tuple(sorted(models.items())), tuple(sorted(prevalence.items())))
            return engine.through(self._known_or_scored).diagnose(case)

        return await told(asyncio.to_thread(work))

    async def models(self, choice: Mapping[str, str]) -> dict[str, ModelRef] | MultimodalError:
        """The bundles that would answer for a choice."""
        return await told(asyncio.to_thread(lambda: self._engine(tuple(sorted(choice.items())), ()).models))

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


class JobKeeper:
    """The jobs of the whole cluster; there is one, so that each is known wherever it is asked for."""

    def __init__(self, decode: DeploymentHandle[Any], fusion: DeploymentHandle[Any]) -> None:  # noqa: ARG002 - named
        settings = Settings.from_environment()
        self._service = ClusterService(settings)
        self._jobs = Jobs(self._service, settings)

    async def add(self, questions: Sequence[Question]) -> dict[str, Any] | MultimodalError:
        """Start a job."""
        if not self._service.ready:
            await self._service.start()
        return await told(self._jobs.add(questions))

    async def progress(self, job_id: str, since: int) -> dict[str, Any] | MultimodalError:
        """How far a job is."""
        return await told(self._jobs.progress(job_id, since))

    async def remove(self, job_id: str) -> MultimodalError | None:
        """Stop and forget a job."""
        return await told(self._jobs.remove(job_id))


def api() -> FastAPI:
    """The API of one replica of the way in.

    Raises:
        UsageError: If there is no token.
    """
    settings = Settings.from_environment()
    if not settings.token:
        raise UsageError(f"A cluster is open to others, so it needs a token: set {TOKEN} on every node.")
    return create_app(ClusterService(settings), settings, ClusterJobs())


@serve.ingress(api)
class Api:
    """The HTTP API in front of the other deployments, which it only names."""

    def __init__(self, *named: DeploymentHandle[Any]) -> None: ...


def build(arguments: dict[str, Any]) -> serve.Application:
    """The application, for ``serve run`` and for a config file.

    Args:
        arguments: ``device`` of the branches, "auto" by default.
    """
    device = str(arguments.get("device", "auto"))
    branches = [
        _deployment(Branch, modality.value.capitalize(), 4 * MOST, num_gpus=_share(device)).bind(modality.value, device)
        for modality in Modality
    ]
    decode = _deployment(Decode, "Decode").bind()
    fusion = _deployment(Fusion, "Fusion").bind(*branches)
    jobs = _deployment(JobKeeper, "Jobs", WAITING, autoscaling_config=None, num_replicas=1).bind(decode, fusion)
    return _deployment(Api, "Api", WAITING, max_queued_requests=WAITING).bind(decode, fusion, jobs)


def _share(device: str) -> float:
    """Of a GPU, for each branch: none where there is none, or none is wanted."""
    if device != "auto":
        return GPU if device.startswith("cuda") else 0
    if ray.is_initialized():  # as where a config file is read: the cluster may have what this node lacks
        return GPU if ray.cluster_resources().get("GPU") else 0
    return GPU if resolve(device).type == "cuda" else 0


def _deployment(kind: type, name: str, ongoing: int = 16, num_gpus: float = 0, **scaling: Any) -> serve.Deployment:
    """One deployment; a config file may change everything but its name."""
    return serve.deployment(
        name=name,
        max_ongoing_requests=ongoing,
        ray_actor_options={"num_cpus": CPU, "num_gpus": num_gpus},
        **{"autoscaling_config": _GROW, **scaling},
    )(kind)
