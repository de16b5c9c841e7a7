"""``multimodal app``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def app_file() -> Path:
    """app.py of the wheel, or of the checkout."""
    installed = _PACKAGE / "_site" / "app.py"
    return installed if installed.exists() else _PACKAGE.parent / "app.py"


def site() -> None:
    """Open the app in the browser; it listens on this machine only."""
    sys.argv = ["streamlit", "run", str(app_file()), "--server.address", "127.0.0.1"]
    runpy.run_module("streamlit", run_name="__main__")
