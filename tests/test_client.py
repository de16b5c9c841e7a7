from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import numpy as np
import pytest
import uvicorn

from multimodal.case import Patient
from multimodal.client import LOOK_S, PATIENCE_S, Client
from multimodal.engine import Engine
from multimodal.errors import (
    BundleNotFoundError,
    BusyError,
    DeadlineError,
    ModelError,
    NonFiniteError,
    UnauthorizedError,
    UnavailableError,
    UsageError,
)
from multimodal.labels import LABELS, Modality
from multimodal.serve import LocalService, Settings, create_app
from multimodal.ui import engine as ui
from multimodal.ui.record import Choice
from tests.engine.conftest import _tiny_zoo, zoo_root  # noqa: F401 - fixtures
from tests.engine.tiny import full_case, note
from tests.serve.conftest import until

TOKEN = "a-token-of-thirty-two-characters"
LATE = {"image": "other_image", "fusion": "late"}


@contextmanager
def served(**limits: object) -> Iterator[str]:
    """The address of a server of this process."""
    settings = Settings(device="cpu", **limits)
    service = LocalService(settings)
    server = uvicorn.Server(uvicorn.Config(create_app(service, settings), port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started and service.ready)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def answers(diagnosis):
    return json.loads(diagnosis.to_json()) | {"elapsed_ms": None}


def test_a_client_is_as_good_as_the_engine():
    cases = [full_case(seed) for seed in range(3)]
    here = Engine(LATE, device="cpu", prevalence={"pneumonia": 0.3})
    with served(token=TOKEN) as url:
        client = Client(LATE, url=url, token=TOKEN, prevalence={"pneumonia": 0.3})
        client.warm_up()
        assert client.models == here.models
        assert client.prevalence == here.prevalence
        assert answers(client.diagnose(cases[0])) == answers(here.diagnose(cases[0]))
        given = client.diagnose_many(cases)
        assert [answers(d) for d in given] == [answers(d) for d in here.diagnose_many(cases)]
        (mine,), (its,) = here.branches(Modality.IMAGE), client.branches(Modality.IMAGE)
        assert its.config == mine.config
        for other in (Client(url=url, token=""), Client(url=url, token=TOKEN + "x")):
            with pytest.raises(UnauthorizedError, match="token"):
                other.diagnose(cases[0])
        with pytest.raises(BundleNotFoundError, match="no_such"):
            Client({"image": "no_such"}, url=url, token=TOKEN).diagnose(cases[0])
        with pytest.raises(UsageError):
            Client(url=url, token=TOKEN, prevalence={"pneumonia": 2}).diagnose(cases[0])
        client.close()


def test_the_app_takes_a_server_by_its_address(monkeypatch):
    with served() as url:
        monkeypatch.setenv("MULTIMODAL_SERVER", url)
        monkeypatch.delenv("MULTIMODAL_TOKEN", raising=False)
        theirs = ui.catalogue()
        engine = ui.load(Choice(tuple(LATE.items())))
        assert isinstance(engine, Client)
        assert answers(engine.diagnose(full_case())) == answers(Engine(LATE, device="cpu").diagnose(full_case()))
    monkeypatch.delenv("MULTIMODAL_SERVER")
    assert theirs == ui.catalogue()
    assert isinstance(ui.load(Choice(())), Engine)


def test_a_server_that_is_away_is_told_plainly():
    client = Client(url="http://127.0.0.1:1")
    for ask in (client.warm_up, lambda: client.models, lambda: client.diagnose(full_case())):
        with pytest.raises(UnavailableError, match=r"http://127\.0\.0\.1:1 cannot be reached; start it"):
            ask()


def scripted(*answers_: httpx2.Response | Exception) -> Client:
    """A client of a server that gives these answers."""
    turns = iter(answers_)

    def handle(request: httpx2.Request) -> httpx2.Response:
        turn = next(turns)
        if isinstance(turn, Exception):
            raise turn
        return turn

    return Client(url="http://server", transport=httpx2.MockTransport(handle), patience_s=1.5)


def refusal(status: int, code: str) -> httpx2.Response:
    return httpx2.Response(status, json={"code": code, "message": "Told.", "file": "a.png"})


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (refusal(500, "non_finite"), NonFiniteError, "a.png: Told."),
        (refusal(504, "deadline"), DeadlineError, "Told."),
        (httpx2.Response(502, text="<html>Bad gateway</html>"), UnavailableError, "answered 502"),
        (httpx2.Response(500, json={"code": "no such code", "message": "", "file": None}), UnavailableError, "500"),
        (httpx2.Response(500, json=[1]), UnavailableError, "500"),
        (httpx2.Response(302, headers={"Location": "http://evil"}), UnavailableError, "302"),
        (
            refusal(401, "unauthorized"),
            UnauthorizedError,
            "asks for its token; give it in MULTIMODAL_TOKEN",
        ),
        (httpx2.ReadTimeout("slow"), DeadlineError, r"no answer within 1\.5 seconds; try again"),
        (httpx2.RemoteProtocolError("gone"), UnavailableError, "broke off"),
    ],
)
def test_every_failure_is_an_error_of_the_project(answer, error, message):
    with pytest.raises(error, match=message):
        scripted(answer).diagnose(full_case())


def test_a_server_that_hangs_is_waited_for_a_little_to_say_what_it_has():
    waited = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        waited.append(request.extensions["timeout"]["read"])
        raise httpx2.ReadTimeout("slow")

    client = Client(url="http://server", transport=httpx2.MockTransport(handle))
    for ask in (client.warm_up, lambda: client.catalogue, lambda: client.diagnose(full_case())):
        with pytest.raises(DeadlineError, match="http://server gave no answer within"):
            ask()
    assert waited == [LOOK_S, LOOK_S, PATIENCE_S]


def test_a_full_queue_is_waited_for_but_not_for_ever():
    diagnosis = Engine(device="cpu").diagnose(full_case())
    waited = scripted(refusal(429, "busy"), httpx2.Response(200, text=diagnosis.to_json())).diagnose(full_case())
    assert waited == diagnosis
    with pytest.raises(BusyError):
        scripted(*[refusal(429, "busy")] * 5).diagnose(full_case())


def test_another_bundle_of_the_same_name_explains_nothing():
    ref = {"name": "tiny_image", "sha256": "0" * 64}
    client = scripted(httpx2.Response(200, json={"device": "cuda", "answering": {"image": ref}}))
    with pytest.raises(ModelError, match="not on this machine"):
        client.branches(Modality.IMAGE)
    assert client.branches(Modality.TEXT) == ()
    assert client.device == Engine().device
    assert set(client.prevalence) == set(LABELS)


@pytest.mark.parametrize("address", ["", "server:8000", "ftp://server"])
def test_an_address_that_is_none_is_refused(monkeypatch, address):
    monkeypatch.delenv("MULTIMODAL_SERVER", raising=False)
    with pytest.raises(UsageError, match="MULTIMODAL_SERVER"):
        Client(url=address)


def test_samples_arrive_as_they_were_sent():
    sent = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.content)
        return refusal(429, "busy")

    case = full_case()
    client = Client(url="http://server", transport=httpx2.MockTransport(handle), patience_s=0.1)
    with pytest.raises(BusyError):
        client.diagnose(case)
    from multimodal.formats.limits import Limits
    from multimodal.formats.parcel import unpack

    (back, about) = unpack(sent[0], Limits())
    np.testing.assert_array_equal(back.images[0].pixels, case.images[0].pixels)
    assert back.patient == Patient(age=60, sex="F")
    assert back.texts[0].text == note().text
    assert about == {"models": {}, "prevalence": {}}
