"""What stands before every page, file and socket: the host that was asked for, and headers that bind the browser."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.formparsers import MultiPartParser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multimodal.formats.limits import MEBIBYTE

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Addresses that only this machine can reach."""

# 'unsafe-eval' is for Vega, which compiles its expressions; inline styles and scripts are Streamlit's own.
# connect-src names nobody else: whatever ran in the page, it could send nothing away.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=(), microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
_OF_THE_PROGRAM = "/static/"


def server_address() -> str:
    """What the server listens on; empty for every interface."""
    return str(st.get_option("server.address") or "")


class Door:
    """ASGI middleware around the whole app.

    On loopback, a request for any other host is refused: a page of somebody else's whose name was bound to this
    machine (DNS rebinding) would pass Streamlit's own check of origins. So would a page that another program of this
    machine serves at another port, since that check looks at hosts alone; it is refused everywhere. Nothing but the
    program's own files may stay in the browser's cache.

    Args:
        app: What it stands before.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif server_address() in LOOPBACK and _host(_header(scope, b"host")) not in LOOPBACK:
            await _refused(scope, receive, send, 421, "This host isn't served here.\n")
        elif _is_from_a_neighbour(scope):
            await _refused(scope, receive, send, 403, "This page may not use the app.\n")
        else:
            await self._app(scope, receive, _bound(scope, send))


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1").lower() for key, value in scope["headers"] if key == name), "")


def _host(named: str) -> str:
    """The host of ``host:port``."""
    host, colon, port = named.rpartition(":")
    return (host if colon and port.isdecimal() else named).strip("[]")


def _is_from_a_neighbour(scope: Scope) -> bool:
    """Whether a page asks that this machine serves at another port."""
    origin = _header(scope, b"origin").partition("://")[2]
    return _host(origin) in LOOPBACK and origin != _header(scope, b"host")


async def _refused(scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await PlainTextResponse(words, status, headers=HEADERS)(scope, receive, send)


def _bound(scope: Scope, send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            if _OF_THE_PROGRAM not in scope["path"]:
                headers["Cache-Control"] = "no-store"
        await send(message)

    return answer


def keep_private() -> None:
    """Leave nothing of a record where a server usually would: not in its log, not in a temporary file.

    The log says where the program failed and on what kind of error, but not what the error quotes; an upload
    stays in memory, up to ``server.maxUploadSize``, instead of going through a file.
    """
    logging.setLogRecordFactory(_unquoted)
    MultiPartParser.spool_max_size = (int(st.get_option("server.maxUploadSize")) + 1) * MEBIBYTE


def _unquoted(*args: Any, **entries: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **entries)
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        record.msg, record.args = f"{type(error).__name__}, message withheld\n{frames}", None
        record.exc_info = None
    return record
