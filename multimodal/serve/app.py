"""The HTTP API as a FastAPI application, over any service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from multimodal.case import Diagnosis
from multimodal.engine import Ticket
from multimodal.errors import AbandonedError, MultimodalError, UnavailableError
from multimodal.serve import question as bodies
from multimodal.serve.answers import http_refusal, refusal, said
from multimodal.serve.catalogue import Catalogue, catalogue
from multimodal.serve.door import Door
from multimodal.serve.jobs import Batches, Jobs
from multimodal.serve.metrics import MEDIA_TYPE, Metrics
from multimodal.serve.question import read_question, read_questions
from multimodal.serve.service import LocalService, Service
from multimodal.serve.settings import Settings

_ABOUT = """Chest films, heart and lung sounds and clinical notes of one patient in, one calibrated diagnosis out.

Research software, not a medical device. Nothing that is sent is written to disk or to a log."""

_log = logging.getLogger("multimodal.serve")
_Answer = TypeVar("_Answer")
_Name = Annotated[str | None, Query(description="Name of a bundle; the default if left out.")]
_JobId = Annotated[str, Path(max_length=64, description="As POST /v1/jobs gave it.")]


class Refusal(BaseModel):
    """What went wrong."""

    code: str = Field(description="Stable.", examples=["empty_case"])
    message: str = Field(description="One plain sentence.", examples=["The request holds no file."])
    file: str | None = Field(None, description="The file concerned, if there is one.")


class Progress(BaseModel):
    """How far a job is."""

    job_id: str = Field(examples=["2Vr6k3cJmF0f0cVv1bq0aQ"])
    state: str = Field(description='"running" or "done".', examples=["running"])
    total: int = Field(description="Cases of the job.", examples=[3])
    done: int = Field(description="Cases with a result.", examples=[1])
    failed: int = Field(description="Cases with an error.", examples=[0])
    results: list[dict[str, Any]] = Field(
        description="In the order of the cases, from `since` on: a diagnosis, or `case_id` and `error`."
    )


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Refusal, "description": _WHEN[status]} for status in statuses}


_WHEN = {
    400: "The request is not of the form.",
    401: "The token is missing or wrong.",
    404: "There is no such bundle or job.",
    408: "The body did not arrive in time.",
    413: "The body, or what it holds, is too large.",
    415: "The body or a file is of a kind that is not handled.",
    422: "A parameter or the files cannot be used.",
    429: "Too much is waiting; try again after `Retry-After` seconds.",
    500: "The server failed.",
    503: "The server is warming up or shutting down.",
    504: "There was no answer in time.",
}


def create_app(
    service: Service | None = None, settings: Settings | None = None, jobs: Batches | None = None
) -> FastAPI:
    """The API over a service.

    Args:
        service: What answers; by default the engine of this process.
        settings: Limits and token; by default those of the environment.
        jobs: Where batches are kept; by default in this process.
    """
    settings = settings or Settings.from_environment()
    service = service or LocalService(settings)
    metrics, jobs = Metrics(service), jobs or Jobs(service, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(service.start())
        warming.add_done_callback(_tell)
        yield
        warming.cancel()
        await asyncio.wait((warming,))
        await jobs.close()
        await service.stop()

    app = FastAPI(
        title="Multimodal Diagnosis",
        version="1",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=_refusals(401, 422, 500),
    )
    app.add_middleware(Door, settings=settings, metrics=metrics)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]

    @app.exception_handler(MultimodalError)
    async def _refuse(_: Request, error: MultimodalError) -> JSONResponse:
        metrics.errors.labels(error.code).inc()
        return refusal(error)

    @app.exception_handler(HTTPException)
    async def _refuse_http(_: Request, error: HTTPException) -> JSONResponse:
        return http_refusal(error)

    @app.exception_handler(RequestValidationError)
    async def _refuse_parameters(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return said(422, "usage", f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}.")

    @app.post(
        "/v1/diagnose",
        summary="Diagnose one patient's record",
        response_model=Diagnosis,
        responses=_refusals(400, 404, 408, 413, 415, 422, 429, 503, 504),
        openapi_extra=bodies.diagnose_body(),
    )
    async def diagnose(request: Request) -> Response:
        """Any of film, sound and note may be missing; what cannot be read or scored is told in `warnings`."""
        asked = await _in_time(read_question(request), settings.body_timeout_s)
        ticket = Ticket(settings.timeout_s)
        diagnosis = await _while_wanted(request, service.diagnose(asked, ticket))
        return Response(diagnosis.to_json(), media_type="application/json")

    @app.post(
        "/v1/jobs",
        status_code=202,
        summary="Start a batch",
        response_model=Progress,
        responses=_refusals(400, 408, 413, 415, 422, 429, 503),
        openapi_extra=bodies.jobs_body(),
    )
    async def start_job(request: Request) -> JSONResponse:
        """Its cases are worked on beside other requests, which go first. A job does not survive a restart."""
        if not service.ready:
            raise UnavailableError("The server is warming up or shutting down; try again in a moment.")
        job = await jobs.add(await _in_time(read_questions(request), settings.body_timeout_s))
        return JSONResponse(job, 202, {"Location": f"/v1/jobs/{job['job_id']}"})

    @app.get("/v1/jobs/{job_id}", summary="Progress and results", response_model=Progress, responses=_refusals(404))
    async def job_progress(
        job_id: _JobId, since: Annotated[int, Query(ge=0, le=1_000_000, description="First result wanted.")] = 0
    ) -> JSONResponse:
        """Ask again with `since` at the number of results that you have."""
        return JSONResponse(await jobs.progress(job_id, since))

    @app.delete("/v1/jobs/{job_id}", status_code=204, summary="Stop and forget", responses=_refusals(404))
    async def forget_job(job_id: _JobId) -> Response:
        """What it still had to do is not done."""
        await jobs.remove(job_id)
        return Response(status_code=204)

    @app.get("/v1/models", summary="What can answer", response_model=Catalogue, responses=_refusals(400, 404))
    async def models(image: _Name = None, audio: _Name = None, text: _Name = None, fusion: _Name = None) -> Catalogue:
        """Every bundle, and those that would answer for the names given."""
        given = {"image": image, "audio": audio, "text": text, "fusion": fusion}
        choice = {kind: name for kind, name in given.items() if name is not None}
        answering = await service.models(choice)
        return await asyncio.to_thread(catalogue, answering, service.device)

    @app.get("/healthz", summary="Is the process alive", responses={200: {"content": {"application/json": {}}}})
    async def healthz() -> dict[str, str]:
        """Needs no token."""
        return {"status": "ok"}

    @app.get("/readyz", summary="Does it take cases", responses=_refusals(503))
    async def readyz() -> dict[str, str]:
        """Needs no token."""
        if not service.ready:
            raise UnavailableError("The server is warming up or shutting down.")
        return {"status": "ready"}

    @app.get("/metrics", summary="For Prometheus", response_class=Response)
    async def prometheus() -> Response:
        """Counts, times and queues; nothing of a patient."""
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description with the bodies that endpoints read by themselves, and the token."""
    if app.openapi_schema is None:
        schema = FastAPI.openapi(app)
        schema["components"]["schemas"].update(bodies.schemas())
        schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"token": []}, {}]
    assert app.openapi_schema is not None  # noqa: S101 - FastAPI.openapi has set it
    return app.openapi_schema


def _tell(warming: asyncio.Task[None]) -> None:
    """Say why a service will never be ready."""
    if not warming.cancelled() and (error := warming.exception()) is not None:
        _log.error("The server cannot warm up and stays unready: %s", error)


async def _in_time(reading: Coroutine[Any, Any, _Answer], seconds: float) -> _Answer:
    """What is read of a body, unless it comes too slowly."""
    try:
        return await asyncio.wait_for(reading, seconds)
    except TimeoutError:
        raise HTTPException(408, f"The body did not arrive within {seconds:g} seconds.") from None
    except ClientDisconnect:
        raise AbandonedError("Whoever asked has gone.") from None


async def _while_wanted(request: Request, work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """The answer, unless whoever asked hangs up before it is there."""
    answering = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise AbandonedError("Whoever asked has gone.")
        return answering.result()
    finally:
        answering.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
