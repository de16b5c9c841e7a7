"""The worklist in Chromium: a case saved, found again after a restart of the server, reviewed and deleted."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ui.conftest import APP

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.timeout(600),
]


@contextmanager
def served(zoo: Path, database: Path) -> Iterator[str]:
    """The app on a free port, on this database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port)]
    server = subprocess.Popen(
        [*command, "--server.headless", "true"],
        cwd=APP.parent,
        env={**os.environ, "MULTIMODAL_MODELS": str(zoo), "MULTIMODAL_DATABASE": f"sqlite:///{database}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
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


def test_a_case_outlives_the_server_and_is_reviewed_and_deleted(tiny_zoo: Path, tmp_path: Path) -> None:
    database = tmp_path / "data" / "cases.db"
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(150_000)
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))

        with served(tiny_zoo, database) as address:
            page.goto(address)
            page.get_by_role("button", name="Pneumonia").click()
            page.get_by_role("button", name="Save to cases").click()
            page.get_by_role("textbox", name="Title").fill("Canary, bed 7")
            page.get_by_text("Keep the files too").click()
            page.get_by_role("button", name="Save", exact=True).click()
            page.get_by_role("button", name="Open in Cases").click()
            page.wait_for_selector("h1.mm-case")
            kept = page.url.split("?")[1]

        with served(tiny_zoo, database) as address:
            page.goto(f"{address}cases?{kept}")  # the first request to the new server is a deep link
            page.wait_for_selector("h1.mm-case")
            assert page.locator("h1.mm-case").inner_text() == "Canary, bed 7"
            page.wait_for_selector(".film canvas")
            page.get_by_role("link", name="Diagnose").wait_for()

            page.get_by_role("button", name="All cases").click()
            title = page.locator(".worklist button.title")
            assert title.inner_text() == "Canary, bed 7"
            title.press("Enter")
            page.get_by_role("radio", name="Disagree").click()
            page.get_by_role("combobox", name="Absent").fill("Pneumonia")
            page.keyboard.press("Enter")
            page.keyboard.press("Escape")  # while its list is open, the rest of the page is hidden from assistive tools
            page.get_by_role("textbox", name="Comment").fill("Atelectasis rather.")
            page.get_by_role("button", name="Save", exact=True).click()
            page.get_by_text("Reviewed").wait_for()

            page.get_by_role("button", name="All cases").click()
            playwright.expect(page.locator(".worklist .state")).to_have_text("Disagreed")
            playwright.expect(page.locator(".worklist .state")).to_have_attribute("title", "Pneumonia: no")
            page.get_by_placeholder("Search title").fill("rather")
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Canary, bed 7").click()
            page.get_by_role("button", name="Delete", exact=True).click()
            page.get_by_role("button", name="Delete for good").click()
            page.get_by_role("button", name="Add a sample case").wait_for()

        assert complaints == []
        context.close()
        chromium.close()
    assert b"Canary" not in b"".join(path.read_bytes() for path in database.parent.iterdir())
