"""The API on a port of this machine, by uvicorn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import uvicorn

from multimodal.errors import UsageError
from multimodal.serve.app import create_app
from multimodal.serve.door import LOOPBACK
from multimodal.serve.settings import SHORTEST_TOKEN, TOKEN, Settings


def run(
    address: str, port: int, *, device: str = "auto", backend: str = "torch", token_file: Path | None = None
) -> None:
    """Serve until stopped; what was accepted is then finished.

    Args:
        address: Where to listen.
        port: 0 for any that is free.
        device: "auto", "cuda", "mps" or "cpu".
        backend: "torch", or on a CPU "onnx" or "onnx-int8".
        token_file: Holds the token in place of ``MULTIMODAL_TOKEN``.

    Raises:
        UsageError: If a setting or the token cannot be used, or the address is open to others and there is no token.
    """
    settings = Settings.from_environment(device=device, backend=backend)
    if token_file is not None:
        settings = replace(settings, token=_token(token_file))
    if address not in LOOPBACK and not settings.token:
        raise UsageError(
            f"Listening on {address} lets other machines in, so it needs a token: set {TOKEN} or --token-file."
        )
    uvicorn.run(
        create_app(settings=settings),
        host=address,
        port=port,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=round(settings.shutdown_s),
    )


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("The token cannot be read.", file=str(path)) from error
    if len(token) < SHORTEST_TOKEN:
        raise UsageError(f"Expected a token of at least {SHORTEST_TOKEN} characters.", file=str(path))
    return token
