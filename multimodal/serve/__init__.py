"""The engine over HTTP: a FastAPI application, what stands behind it, and the server that runs it."""

from __future__ import annotations

from multimodal.errors import MissingExtraError

try:
    from multimodal.serve.app import create_app
    from multimodal.serve.service import Load, LocalService, Question, Service
    from multimodal.serve.settings import Settings
except ModuleNotFoundError as error:
    if error.name is None or error.name.startswith("multimodal"):
        raise
    message = f'The server needs {error.name}: pip install "multimodal-diagnosis[serve]".'
    raise MissingExtraError(message) from error

__all__ = ["Load", "LocalService", "Question", "Service", "Settings", "create_app"]
