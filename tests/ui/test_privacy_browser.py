"""Words planted in a record go through the running app: none may rest in the browser, the server's log or a folder."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from tests import canaries
from tests.canaries import HIDDEN, NAMED, SAID, TOLD, within, within_folder
from tests.ui.served import CHROMIUM, IN_A_BROWSER, playwright, served

pytestmark = IN_A_BROWSER

EVERY = (*HIDDEN, *NAMED, *TOLD, SAID)
STORED = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, document.cookie, location.href, document.title,
    await indexedDB.databases(), await caches.keys(), history.state,
])"""


def test_a_record_rests_nowhere_but_in_memory(tiny_zoo: Path, tmp_path: Path) -> None:
    home, profile, given, data = (tmp_path / name for name in ("home", "profile", "given", "data"))
    for folder in (home / "tmp", given):
        folder.mkdir(parents=True)
    record = given / f"{NAMED[8]}.zip"
    record.write_bytes(canaries.archive())
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(home))
    printed = tmp_path / "server.log"
    with (
        served(tiny_zoo, data / "cases.db", printed, {**homes, "TMPDIR": str(home / "tmp")}) as address,
        playwright.sync_playwright() as started,
    ):
        context = started.chromium.launch_persistent_context(
            str(profile), executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        context.set_default_timeout(240_000)
        page = context.pages[0]
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(address)
        page.locator("input[type=file]").first.set_input_files(str(record))
        page.wait_for_selector(".mm-answer")
        page.get_by_role("tab", name="Film").click()
        page.wait_for_selector("canvas[data-role=canvas]")
        page.get_by_role("button", name="Save to cases").click()
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("button", name="Open in Cases").wait_for()
        stored = page.evaluate(STORED)
        metrics = urllib.request.urlopen(f"{address}_stcore/metrics").read()
        context.close()

    assert within(stored.encode(), EVERY) == []
    assert within(metrics, EVERY) == []
    assert within(printed.read_bytes(), EVERY) == []
    assert within_folder(home, EVERY) == {}
    assert within_folder(data, EVERY) == {}
    assert within_folder(profile, (*HIDDEN, *TOLD, SAID)) == {}
    assert [complaint for complaint in complaints if "Content Security Policy" in complaint] == []
