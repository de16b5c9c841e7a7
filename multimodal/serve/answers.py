"""Errors as answers: a status, and JSON of code, message and file."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

import multimodal.errors as errors
from multimodal.errors import MultimodalError

RETRY_AFTER_S = 1
_STATUS: tuple[tuple[type[MultimodalError], int], ...] = (
    (errors.BusyError, 429),
    (errors.DeadlineError, 504),
    (errors.AbandonedError, 499),
    (errors.UnavailableError, 503),
    (errors.UnauthorizedError, 401),
    (errors.NotFoundError, 404),
    (errors.LimitError, 413),
    (errors.UsageError, 400),
    (errors.UnsupportedError, 415),
    (errors.InputError, 422),
    (errors.BundleNotFoundError, 404),
)
"""The first that fits counts; what is not here is the server's own fault, 500."""
_CODES = {400: "usage", 404: "not_found", 405: "method_not_allowed", 408: "deadline", 413: "limit_exceeded"}


def refusal(error: MultimodalError) -> JSONResponse:
    """The answer that an error is."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return said(status, error.code, error.message, error.file)


def http_refusal(error: HTTPException) -> JSONResponse:
    """The answer to a request that the framework refused."""
    return said(error.status_code, _CODES.get(error.status_code, "error"), str(error.detail), headers=error.headers)


def said(
    status: int, code: str, message: str, file: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error as JSON.

    Args:
        status: Of HTTP.
        code: Stable, of :mod:`multimodal.errors`.
        message: One plain sentence.
        file: Name of the file that it concerns.
        headers: Sent along; 429 and 503 say when to come back, 401 how to identify oneself.
    """
    more = dict(headers or {})
    if status in (429, 503):
        more["Retry-After"] = str(RETRY_AFTER_S)
    if status == 401:
        more["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"code": code, "message": message, "file": file}, status, more)
