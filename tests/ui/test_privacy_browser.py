"""Words planted in a record go through the running app: none may rest in the browser, the server's log or a folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests import canaries
from tests.canaries import HIDDEN, NAMED, SAID, TOLD, within, within_folder
from tests.ui.conftest import APP

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVERY = (*HIDDEN, *NAMED, *TOLD, SAID)
STORED = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, document.cookie, location.href, document.title,
    await indexedDB.databases(), await caches.keys(), history.state,
])"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.timeout(900),
]


def test_a_record_rests_nowhere_but_in_memory(tiny_zoo: Path, tmp_path: Path) -> None:
    home, profile, given = tmp_path / "home", tmp_path / "profile", tmp_path / "given"
    for folder in (home / "tmp", given):
        folder.mkdir(parents=True)
    record = given / f"{NAMED[8]}.zip"
    record.write_bytes(canaries.archive())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(home))
    own = {"MULTIMODAL_MODELS": str(tiny_zoo), "MULTIMODAL_DATABASE": f"sqlite:///{tmp_path / 'data' / 'cases.db'}"}
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamlit",
                "run",
                str(APP),
                "--server.port",
                str(port),
                "--server.headless",
                "true",
            ],
            cwd=APP.parent,
            env={**os.environ, **homes, **own, "TMPDIR": str(home / "tmp")},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        with playwright.sync_playwright() as started:
            context = started.chromium.launch_persistent_context(
                str(profile), executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            context.set_default_timeout(240_000)
            page = context.pages[0]
            complaints: list[str] = []
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("input[type=file]").first.set_input_files(str(record))
            page.wait_for_selector(".mm-answer")
            page.wait_for_selector("canvas[data-role=canvas]")
            page.get_by_role("button", name="Save to cases").click()
            page.get_by_role("button", name="Save", exact=True).click()
            page.get_by_role("button", name="Open in Cases").wait_for()
            stored = page.evaluate(STORED)
            metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/metrics").read()
            context.close()
    finally:
        server.terminate()
        server.wait(timeout=60)

    assert within(stored.encode(), EVERY) == []
    assert within(metrics, EVERY) == []
    assert within((tmp_path / "server.log").read_bytes(), EVERY) == []
    assert within_folder(home, EVERY) == {}
    assert within_folder(tmp_path / "data", EVERY) == {}
    assert within_folder(profile, (*HIDDEN, *TOLD, SAID)) == {}
    assert [complaint for complaint in complaints if "Content Security Policy" in complaint] == []


def _wait_for(url: str, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)
        else:
            return
