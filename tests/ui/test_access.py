"""Who may enter, and what every answer of the server says to the browser."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket
from streamlit.testing.v1 import AppTest

from multimodal.ui import access, cases_owner, door
from multimodal.ui.access import TOKEN_VARIABLE, Attempts, Gate, gate

TOKEN = "canary-token-of-the-ward"


def listen_on(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (access, door, cases_owner):
        monkeypatch.setattr(module, "server_address", lambda: address)


def test_what_stands_before_the_app() -> None:
    for address in ("127.0.0.1", "::1", "localhost"):
        assert gate(address, can_sign_in=False, token="") is Gate.OPEN
    for address in ("", "0.0.0.0", "192.0.2.7", "127.0.0.1.example.org"):
        assert gate(address, can_sign_in=False, token="") is Gate.SHUT
        assert gate(address, can_sign_in=False, token="x" * 19) is Gate.SHUT
        assert gate(address, can_sign_in=False, token="x" * 20) is Gate.TOKEN
        assert gate(address, can_sign_in=True, token="x" * 20) is Gate.SIGN_IN


def test_by_default_only_this_machine_can_reach_it(app: AppTest) -> None:
    assert st.get_option("server.address") == "127.0.0.1"
    assert st.get_option("server.enableXsrfProtection")
    assert st.get_option("server.maxUploadSize") <= 200
    assert not app.run().exception
    assert app.title[0].value == "Diagnose"


def test_elsewhere_and_without_a_token_nothing_is_served(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    listen_on("0.0.0.0", monkeypatch)
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)

    app.run()

    assert [title.value for title in app.title] == ["Multimodal Diagnosis"]
    assert "nothing tells who may use it" in app.error[0].value
    assert not app.sidebar.selectbox


def test_elsewhere_the_token_opens_this_session_alone(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    listen_on("0.0.0.0", monkeypatch)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)

    app.run()
    assert [title.value for title in app.title] == ["Multimodal Diagnosis"]
    app.text_input[0].input("wrong")
    app.button[0].click().run()
    assert app.error[0].value == "That is not the token."
    app.text_input[0].input(TOKEN)
    app.button[0].click().run()
    assert app.title[0].value == "Diagnose"

    other = AppTest.from_file(str(app._script_path), default_timeout=60).run()
    assert [title.value for title in other.title] == ["Multimodal Diagnosis"]


def test_a_guesser_has_to_wait_whatever_session_he_opens(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    listen_on("0.0.0.0", monkeypatch)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    for number in range(10):
        access._attempts().right(f"guess {number}", TOKEN)

    app.run()
    app.text_input[0].input(TOKEN)
    app.button[0].click().run()

    assert "Too many wrong tokens" in app.error[0].value
    assert [title.value for title in app.title] == ["Multimodal Diagnosis"]


def test_attempts_are_counted_within_a_time() -> None:
    now = [0.0]
    attempts = Attempts(most=2, seconds=60, clock=lambda: now[0])

    assert attempts.right(TOKEN, TOKEN)
    assert not attempts.right("guess", TOKEN)
    now[0] = 30
    assert attempts.wait() == 0
    assert not attempts.right("Übung", TOKEN)
    assert attempts.wait() == 30
    now[0] = 61
    assert attempts.wait() == 0


def test_who_enters_by_token_shares_a_worklist() -> None:
    assert cases_owner.owner({}, "0.0.0.0", by_token=True) == cases_owner.SHARED
    assert cases_owner.owner({}, "127.0.0.1", by_token=True) == cases_owner.LOCAL
    assert cases_owner.owner({"is_logged_in": True, "sub": "1"}, "0.0.0.0", by_token=True) != cases_owner.SHARED


async def _hello(request: object) -> PlainTextResponse:
    return PlainTextResponse("hello", headers={"Cache-Control": "public", "X-Frame-Options": "ALLOWALL"})


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


def ask(path: str, host: str, kind: str = "http", origin: str = "") -> list[dict[str, object]]:
    """Every message with which a guarded app answers."""
    routes = [Route("/", _hello), Mount("/static", routes=[Route("/x.js", _hello)]), WebSocketRoute("/socket", _socket)]
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    headers = [(b"host", host.encode()), *([(b"origin", origin.encode())] if origin else ())]
    scope = {"type": kind, "method": "GET", "path": path, "headers": headers, "query_string": b""}
    asyncio.run(door.Door(Starlette(routes=routes))(scope, receive, send))  # type: ignore[arg-type]
    return sent


def headers_of(sent: list[dict[str, object]]) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in sent[0]["headers"]}  # type: ignore[attr-defined]


def test_every_answer_binds_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    listen_on("127.0.0.1", monkeypatch)
    page, program = headers_of(ask("/", "localhost:8501")), headers_of(ask("/static/x.js", "127.0.0.1"))

    for name, value in door.HEADERS.items():
        assert page[name.lower()] == program[name.lower()] == value
    assert page["cache-control"] == "no-store"
    assert program["cache-control"] == "public"
    policy = dict(part.split(" ", 1) for part in door.HEADERS["Content-Security-Policy"].split("; "))
    assert policy["connect-src"] == "'self' data: blob:"
    assert not any("http" in sources or "*" in sources for sources in policy.values())


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_a_name_bound_to_this_machine_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listen_on("127.0.0.1", monkeypatch)

    assert ask("/", host)[0]["status"] == 421
    assert ask("/socket", host, "websocket") == [{"type": "websocket.close", "code": 1008}]

    listen_on("0.0.0.0", monkeypatch)
    assert ask("/", host)[0]["status"] == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_page_at_another_port_of_this_machine_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listen_on(address, monkeypatch)
    for origin in ("http://localhost:3000", "http://127.0.0.1", "https://[::1]:8501", "http://127.0.0.1:8501"):
        assert ask("/", "localhost:8501", origin=origin)[0]["status"] == 403
        closed = ask("/socket", "localhost:8501", "websocket", origin)
        assert closed == [{"type": "websocket.close", "code": 1008}]
    for origin in ("http://localhost:8501", "HTTP://LOCALHOST:8501", "https://app.example"):  # the last by a proxy
        assert ask("/socket", "localhost:8501", "websocket", origin)[0]["type"] == "websocket.accept"


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost", "[::1]:8501", "LOCALHOST:1"])
def test_names_of_this_machine_are_served(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listen_on("127.0.0.1", monkeypatch)

    assert ask("/", host)[0]["status"] == 200
    assert ask("/socket", host, "websocket")[0]["type"] == "websocket.accept"


@pytest.fixture
def kept_private(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    factory = logging.getLogRecordFactory()
    monkeypatch.setattr(door.MultiPartParser, "spool_max_size", door.MultiPartParser.spool_max_size)
    door.keep_private()
    yield
    logging.setLogRecordFactory(factory)


@pytest.mark.usefixtures("kept_private")
def test_the_log_says_where_it_failed_and_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("test-of-the-door")
    words = "-".join(("canary", "patient"))
    try:
        float(words)
    except ValueError:
        log.exception("Uncaught")
    log.warning("plain %s", "words")

    assert "canary" not in caplog.text
    assert "ValueError, message withheld" in caplog.text
    assert Path(__file__).name in caplog.text
    assert "plain words" in caplog.text


@pytest.mark.usefixtures("kept_private")
def test_an_upload_stays_in_memory() -> None:
    assert door.MultiPartParser.spool_max_size > st.get_option("server.maxUploadSize") * 1024**2
