from __future__ import annotations

import asyncio
import logging
from itertools import chain, repeat

import pytest

from multimodal.errors import BusyError, DeadlineError, UsageError
from multimodal.serve import Settings, create_app
from tests.serve.conftest import Double
from tests.serve.files import NOTE, parts

TOKEN = "a-token-of-thirty-two-characters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (BEARER, 200),
        ({"Authorization": f"bearer {TOKEN}"}, 200),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": b"Bearer \xff"}, 401),
    ],
)
def test_a_token_opens_and_nothing_else_does(api, double, headers, status):
    with api(double, token=TOKEN, client=("10.1.2.3", 5), host="clinic.example") as client:
        answers = [
            client.post("/v1/diagnose", files=parts(), headers=headers),
            client.get("/v1/models", headers=headers),
            client.get("/metrics", headers=headers),
            client.get("/openapi.json", headers=headers),
        ]
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
    assert [answer.status_code for answer in answers] == [status] * 4
    assert len(double.asked) == (status == 200)
    if status == 401:
        assert answers[0].headers["www-authenticate"] == "Bearer"
        assert answers[0].json()["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("client", "host", "status"),
    [
        ("127.0.0.1", "localhost", 200),
        ("::1", "[::1]:8000", 200),
        ("127.0.0.1", "127.0.0.1:8000", 200),
        ("127.0.0.1", "evil.example", 401),
        ("10.1.2.3", "localhost", 401),
        ("not an address", "localhost", 401),
    ],
)
def test_without_a_token_only_this_machine_is_answered(api, double, client, host, status):
    with api(double, client=(client, 5), host=host) as asking:
        assert asking.post("/v1/diagnose", files=parts()).status_code == status
    assert len(double.asked) == (status == 200)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:3000", "null"])
def test_without_a_token_no_page_of_elsewhere_is_answered(api, double, origin):
    with api(double, client=("127.0.0.1", 5), host="localhost:8000") as asking:
        assert asking.post("/v1/diagnose", files=parts(), headers={"Origin": origin}).status_code == 401
        assert double.asked == []
        same = {"Origin": "http://localhost:8000"}
        assert asking.post("/v1/diagnose", files=parts(), headers=same).status_code == 200


def test_every_answer_is_bound_and_no_page_is_served(api, double):
    double.answer = lambda question: 1 / 0
    with api(double, body_bytes=1 << 20) as client:
        answers = [
            client.get("/healthz"),
            client.get("/no/such"),
            client.put("/v1/diagnose"),
            client.post("/v1/diagnose", files=parts()),
            client.post("/v1/diagnose", content=bytes(2 << 20), headers={"Content-Type": "application/json"}),
        ]
        pages = [client.get(path).status_code for path in ("/docs", "/redoc", "/")]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 500, 413]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in answer.headers
    for answer in answers[1:]:
        assert set(answer.json()) == {"code", "message", "file"}
    assert pages == [404, 404, 404]


def test_a_failure_says_nothing_of_a_patient(api, double, caplog):
    def fail(question):
        raise ValueError(question.sources[0][0])

    double.answer = fail
    with caplog.at_level(logging.INFO), api(double) as client:
        answer = client.post("/v1/diagnose", files=[("note", ("jane-canary.txt", NOTE))])
    assert answer.status_code == 500
    assert answer.json()["code"] == "error"
    assert "anary" not in answer.text
    assert "anary" not in caplog.text
    assert "ValueError, message withheld" in caplog.text


def test_counts_name_no_patient_no_file_and_no_address(api, double):
    with api(double) as client:
        client.post("/v1/diagnose", files=[("note", ("canary.txt", NOTE))], data={"case_id": "canary"})
        client.get("/v1/jobs/canary")
        client.get("/canary")
        text = client.get("/metrics").text
    assert 'multimodal_requests_total{route="/v1/diagnose",status="200"} 1.0' in text
    assert 'multimodal_requests_total{route="/v1/jobs/{job_id}",status="404"} 1.0' in text
    assert 'multimodal_requests_total{route="other",status="404"} 1.0' in text
    assert 'multimodal_errors_total{code="not_found"} 1.0' in text
    assert 'multimodal_batched_items_total{modality="image"} 7.0' in text
    assert "multimodal_pending_cases 2.0" in text
    assert "canary" not in text


@pytest.mark.parametrize(
    ("error", "status", "retry"), [(BusyError("Full."), 429, "1"), (DeadlineError("Late."), 504, None)]
)
def test_a_refusal_says_when_to_come_back(api, double, error, status, retry):
    def refuse(question):
        raise error

    double.answer = refuse
    with api(double) as client:
        answer = client.post("/v1/diagnose", files=parts())
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry)
    assert answer.json() == {"code": error.code, "message": error.message, "file": None}


def test_not_ready_is_503_and_alive(api, double):
    double.ready = False
    with api(double) as client:
        assert client.get("/readyz").status_code == 503
        assert client.get("/readyz").headers["retry-after"] == "1"
        assert client.get("/healthz").status_code == 200
        assert client.post("/v1/jobs", files=[("case", ("n.txt", NOTE))]).status_code == 503


def ask(app, receive, path="/v1/diagnose", headers=()):
    """One request straight to the app, its answer as (status, body)."""
    sent = []

    async def send(message):
        sent.append(message)

    form = (b"content-type", b"multipart/form-data; boundary=x")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), form, *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }

    async def asking():
        await app(scope, receive, send)
        return sent[0]["status"] if sent else None

    return asking()


FORM = b'--x\r\nContent-Disposition: form-data; name="note"; filename="n.txt"\r\n\r\nhello there\r\n--x--\r\n'


def test_who_hangs_up_is_not_answered_for():
    async def scenario():
        double = Double()
        double.answer = lambda question: asyncio.sleep(30)
        arrived = iter([{"type": "http.request", "body": FORM, "more_body": False}, {"type": "http.disconnect"}])

        async def receive():
            await asyncio.sleep(0.05)
            return next(arrived)

        app = create_app(double, Settings(device="cpu"))
        assert await asyncio.wait_for(ask(app, receive), 10) == 499
        assert double.gave_up.is_set()

    asyncio.run(scenario())


def test_a_body_that_does_not_arrive_is_given_up():
    async def scenario():
        async def receive():
            await asyncio.sleep(30)

        app = create_app(Double(), Settings(device="cpu", body_timeout_s=0.1))
        assert await asyncio.wait_for(ask(app, receive), 10) == 408

    asyncio.run(scenario())


def test_bodies_in_hand_are_bounded_together():
    async def scenario():
        double, let_go = Double(), asyncio.Event()
        double.answer = lambda question: let_go.wait()
        app = create_app(double, Settings(device="cpu", body_bytes=1000, pending_bytes=1500))
        body = iter([{"type": "http.request", "body": FORM, "more_body": False}])

        async def receive():
            message = next(body, None)
            return message or await asyncio.sleep(30)

        first = asyncio.create_task(ask(app, receive))
        while not double.asked:
            await asyncio.sleep(0.01)
        # One without a length may be as long as any.
        assert await ask(app, receive) == 429
        assert await ask(app, receive, headers=[(b"content-length", b"501")]) == 429
        let_go.set()
        assert await first == 200

    asyncio.run(scenario())


def test_a_body_longer_than_it_said_is_cut_off():
    async def scenario():
        pieces = chain([FORM[:80]], repeat(b"a" * 400))

        async def receive():
            return {"type": "http.request", "body": next(pieces), "more_body": True}

        app = create_app(Double(), Settings(device="cpu", body_bytes=1000))
        assert await asyncio.wait_for(ask(app, receive, headers=[(b"content-length", b"10")]), 10) == 413

    asyncio.run(scenario())


def test_settings_come_from_the_environment():
    said = {"MULTIMODAL_SERVE_PENDING": "3", "MULTIMODAL_SERVE_TIMEOUT_S": "1.5", "MULTIMODAL_TOKEN": TOKEN}
    settings = Settings.from_environment(said, device="cpu")
    assert (settings.pending, settings.timeout_s, settings.token, settings.device) == (3, 1.5, TOKEN, "cpu")
    for bad in ({"MULTIMODAL_SERVE_PENDING": "many"}, {"MULTIMODAL_SERVE_JOBS": "-1"}, {"MULTIMODAL_TOKEN": "short"}):
        with pytest.raises(UsageError):
            Settings.from_environment(bad)
