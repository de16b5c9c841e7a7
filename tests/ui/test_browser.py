"""The app in Chromium: a record uploaded, an answer read, a branch swapped, nothing on the console."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.ui.conftest import APP, NOTE, beats_wav, film_png

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.timeout(240),
]


@pytest.fixture(scope="module")
def address(tiny_zoo: Path) -> Iterator[str]:
    """A server of the app on a free port, with the tiny zoo."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port)]
    server = subprocess.Popen(
        [*command, "--server.headless", "true"],
        cwd=APP.parent,
        env={**os.environ, "MULTIMODAL_MODELS": str(tiny_zoo)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/"
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(url: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{url}_stcore/health", timeout=5):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    named = {"film.png": film_png(), "beats.wav": beats_wav(), "note.txt": NOTE}
    for name, data in named.items():
        (tmp_path / name).write_bytes(data)
    return [str(tmp_path / name) for name in named]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_record_from_upload_to_answer(
    address: str, browser: object, files: list[str], width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(90_000)
    page = context.new_page()
    complaints, abroad, near = [], [], (address, "data:", "blob:")
    page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(near) else abroad.append(asked.url))

    page.goto(f"{address}?image=other_image")
    page.set_input_files("input[type=file]", files)
    page.wait_for_selector(".mm-answer h2")
    page.wait_for_selector(".mm-table")
    page.wait_for_selector(".film[data-ready=true]")
    assert page.locator(".mm-tile").count() == 3
    assert page.get_by_text("Research use only, not a medical device.").count() == 1
    assert page.locator(".stMain").evaluate("main => main.scrollWidth <= main.clientWidth")

    before = page.locator("canvas[data-role=canvas]").screenshot()
    page.locator("[data-role=level]").fill("80")
    assert page.locator("canvas[data-role=canvas]").screenshot() != before

    page.get_by_role("tab", name="Sound").click()
    page.wait_for_selector(".sound[data-ready=true]")
    strip = page.get_by_role("slider", name="beats.wav")
    strip.press("ArrowRight")
    strip.press("ArrowRight")
    playwright.expect(strip).to_have_attribute("aria-valuenow", "1.0")
    page.get_by_role("tab", name="Note").click()
    assert page.locator(".mm-section").first.inner_text() == "INDICATION:"

    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    diagnosis = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    with page.expect_download() as download:
        page.get_by_role("button", name="PDF").click()
    (sheet,) = PdfReader(download.value.path()).pages
    assert all(item["sha256"] in sheet.extract_text() for item in diagnosis["items"])
    assert diagnosis["models"]["image"]["name"] == "other_image"
    assert diagnosis["models"]["fusion"]["name"] == "late"
    assert complaints == []
    assert abroad == []
    context.close()
