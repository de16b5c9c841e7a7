"""What stands before every request: host, token, bytes in hand; headers and counts on every answer."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
import traceback
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multimodal.errors import BusyError, LimitError, MultimodalError, UnauthorizedError
from multimodal.serve.answers import refusal, said
from multimodal.serve.metrics import Metrics
from multimodal.serve.settings import Settings

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
OPEN = frozenset({"/healthz", "/readyz"})
"""What a probe may ask without a token."""

_log = logging.getLogger("multimodal.serve")


class Door:
    """ASGI middleware around the whole API.

    Args:
        app: What it stands before.
        settings: Token and limits.
        metrics: Where answers are counted.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._token = _digest(settings.token.encode())
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        held = 0
        try:
            self._check(scope, headers)
            held = self._hold(scope["method"], headers)
            await self._app(scope, _bounded(receive, self._settings.body_bytes), answer)
        except MultimodalError as error:
            self._metrics.errors.labels(error.code).inc()
            await refusal(error)(scope, receive, answer)
        except Exception as error:
            # What an error quotes may be a patient's: the log says where, and of what kind.
            frames = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%s, message withheld\n%s", type(error).__name__, frames)
            if status:
                raise RuntimeError("An answer broke off.") from None
            await said(500, "error", f"The server failed ({type(error).__name__}).")(scope, receive, answer)
        finally:
            self._release(held)
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - start)

    def _check(self, scope: Scope, headers: Headers) -> None:
        if scope["path"] in OPEN:
            return
        if not self._settings.token:
            # The name keeps out a foreign page whose name was bound to this machine (DNS rebinding).
            if not _is_here(scope) or _host(headers) not in LOOPBACK:
                raise UnauthorizedError("Without a token only this machine is answered, under its own names.")
            # A browser says whose page asks; one of elsewhere could not read the answer, but keep the server busy.
            if (origin := headers.get("origin")) and origin.partition("://")[2] != headers.get("host"):
                raise UnauthorizedError("Without a token no page of elsewhere is answered.")
        else:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            known = hmac.compare_digest(_digest(given.strip().encode("latin-1", "replace")), self._token)
            if not (known and scheme.lower() == "bearer"):
                raise UnauthorizedError("The token is missing or wrong; send it as Authorization: Bearer TOKEN.")

    def _hold(self, method: str, headers: Headers) -> int:
        """Bytes that a body may take, held until the answer is out."""
        if method not in ("POST", "PUT", "PATCH"):
            return 0
        said_length = headers.get("content-length", "")
        size = int(said_length) if said_length.isdecimal() else self._settings.body_bytes
        if size > self._settings.body_bytes:
            raise _too_large(self._settings.body_bytes)
        if self._bytes and self._bytes + size > self._settings.pending_bytes:
            raise BusyError("Too much is being sent at the same time; try again in a moment.")
        self._bytes += size
        self._metrics.body_bytes.set(self._bytes)
        return size

    def _release(self, held: int) -> None:
        self._bytes -= held
        self._metrics.body_bytes.set(self._bytes)


def _bounded(receive: Receive, most: int) -> Receive:
    """What arrives, up to so many bytes: a body need not be as long as it said."""
    count = 0

    async def counted() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        if count > most:
            raise _too_large(most)
        return message

    return counted


def _too_large(most: int) -> LimitError:
    return LimitError(f"The body may have up to {most:,} bytes.")


def _digest(value: bytes) -> bytes:
    """Of one length for all, so that a comparison tells nothing."""
    return hashlib.sha256(value).digest()


def _is_here(scope: Scope) -> bool:
    """Whether a request comes from this machine; one without an address comes over a local socket."""
    try:
        return scope["client"] is None or ip_address(scope["client"][0]).is_loopback
    except ValueError:
        return False


def _host(headers: Headers) -> str:
    named = headers.get("host", "")
    host, colon, port = named.rpartition(":")
    return (host if colon and port.isdecimal() else named).strip("[]").lower()
