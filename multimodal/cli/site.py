"""``multimodal app``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer

_PACKAGE = Path(__file__).resolve().parents[1]


def app_file() -> Path:
    """app.py of the wheel, or of the checkout."""
    installed = _PACKAGE / "_site" / "app.py"
    return installed if installed.exists() else _PACKAGE.parent / "app.py"


def site(
    address: Annotated[
        str,
        typer.Option(
            help="Where to listen. Anything but this machine needs sign-in, or a token in MULTIMODAL_APP_TOKEN."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
) -> None:
    """Open the app in the browser; by default it listens on this machine only."""
    options = ("--server.address", address, "--server.port", str(port))
    sys.argv = ["streamlit", "run", str(app_file()), *options]
    runpy.run_module("streamlit", run_name="__main__")
