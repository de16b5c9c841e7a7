"""The app in Chromium: one way to start the server and the browser for every test that needs them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import APP

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.timeout(600),
]

# Before it asks at the root, Streamlit's page asks below a deep link's own path, and the browser reports the 404
# (streamlit/streamlit issue 7074, open).
_PROBES = ("_stcore/health", "_stcore/host-config")


@contextmanager
def served(
    zoo: Path, database: Path, log: Path = Path(os.devnull), environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The app on a free port, with these models and this database: its address.

    Args:
        zoo: The models folder.
        database: The file that keeps the cases.
        log: Gets what the server prints.
        environment: Variables that it runs with beside those of this process.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port)]
    own = {"MULTIMODAL_MODELS": str(zoo), "MULTIMODAL_DATABASE": f"sqlite:///{database}"}
    with log.open("wb") as printed:
        server = subprocess.Popen(
            [*command, "--server.headless", "true"],
            cwd=APP.parent,
            env={**os.environ, **own, **(environment or {})},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}_stcore/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.3)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextmanager
def reader(width: int = 1280, scheme: str = "light") -> Iterator[Any]:
    """A page of a browser of its own; at its end the console must be silent, and nothing have left the machine."""
    complaints: list[str] = []
    abroad: list[str] = []

    def hear(told: Any) -> None:
        if told.type in ("error", "warning") and not told.location["url"].endswith(_PROBES):
            complaints.append(told.text)

    def watch(asked: Any) -> None:
        if not asked.url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:")):
            abroad.append(asked.url)

    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(240_000)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", watch)
        yield page
        chromium.close()
    assert complaints == []
    assert abroad == []


def settle(page: Any) -> None:
    """Wait until the run of a page that has begun is over, and the app knows that its first page is painted.

    What stands there is all of one answer then, and nothing more is said by the page itself.
    """
    idle = ".stApp[data-test-script-state=notRunning]"
    page.wait_for_selector(idle)
    page.wait_for_selector(".st-key-painted", state="detached")
    page.wait_for_selector(idle)
