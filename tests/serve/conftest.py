"""The API over tiny bundles, or over a service that answers as it is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest
from starlette.testclient import TestClient

from multimodal.case import Diagnosis, ModelRef
from multimodal.engine import Ticket
from multimodal.formats import read_case
from multimodal.serve import Load, Question, Service, Settings, create_app, service
from tests.engine.conftest import _tiny_zoo, zoo_root  # noqa: F401 - fixtures

Api = Callable[..., AbstractContextManager[TestClient]]


class Double:
    """Says who asked, in place of an engine; ``answer`` replaces that."""

    device = "cpu"
    load = Load(pending=2, waiting={"image": 1}, batches={"image": (3, 7)}, reused=(5, 6))

    def __init__(self) -> None:
        self.ready = True
        self.asked: list[Question] = []
        self.gave_up = asyncio.Event()
        self.answer: Callable[[Question], object] | None = None

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        self.ready = False

    async def diagnose(self, question: Question, ticket: Ticket) -> Diagnosis:
        self.asked.append(question)
        if self.answer is not None:
            given = self.answer(question)
            if asyncio.iscoroutine(given):
                try:
                    await given
                except asyncio.CancelledError:
                    self.gave_up.set()
                    raise
        name = question.case_id or question.sources[0][0]
        return Diagnosis(name, (), {}, {}, {}, (), (), (), {}, "1", 0.0)

    async def models(self, choice: Mapping[str, str]) -> dict[str, ModelRef]:
        return {kind: ModelRef(name, "0" * 64) for kind, name in choice.items()}


@pytest.fixture(autouse=True)
def _decoded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the processes that decode, which take a second to start."""
    monkeypatch.setattr(service, "read_case", partial(read_case, isolated=False))


@pytest.fixture
def double() -> Double:
    return Double()


@pytest.fixture
def api() -> Api:
    """``api(service, token=..., body_bytes=...)``: a client of the app, asked from this machine."""

    @contextmanager
    def opened(
        behind: Service | None = None,
        client: tuple[str, int] = ("127.0.0.1", 1),
        host: str = "localhost",
        **limits: object,
    ) -> Iterator[TestClient]:
        app = create_app(behind, Settings(device="cpu", **limits))  # type: ignore[arg-type]
        with TestClient(app, base_url=f"http://{host}", client=client, raise_server_exceptions=False) as asking:
            if behind is None:
                until(lambda: asking.get("/readyz").status_code == 200)
            yield asking

    return opened


def until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something to come true."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
