"""``multimodal serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from multimodal.cli.options import Backend


def serve(
    address: Annotated[
        str,
        typer.Option(help="Where to listen. Anything but this machine needs a token, in MULTIMODAL_TOKEN or a file."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any that is free.")] = 8000,
    device: Annotated[str, typer.Option(help="Where the networks run: auto, cuda, mps or cpu.")] = "auto",
    backend: Backend = "torch",
    token_file: Annotated[
        Path | None, typer.Option(dir_okay=False, help="A file that holds the token, at least 20 characters.")
    ] = None,
) -> None:
    """Serve the engine over HTTP; by default this machine only."""
    from multimodal.serve.run import run

    run(address, port, device=device, backend=backend, token_file=token_file)
