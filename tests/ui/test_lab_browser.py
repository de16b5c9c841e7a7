"""The Model lab in Chromium: a network swapped, a head refitted, kept and used."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.ui.test_cases_browser import CHROMIUM, playwright, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.timeout(300),
]


def test_a_swap_breaks_the_head_and_a_refit_mends_it(tiny_zoo: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(tiny_zoo, models)
    with playwright.sync_playwright() as started, served(models, tmp_path / "cases.db") as address:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = chromium.new_context(viewport={"width": 390, "height": 900})
        context.set_default_timeout(120_000)
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))

        page.goto(f"{address}model_lab?lab=Refit&b-image=other_image&lab-phantoms=6")
        page.get_by_text("until a refit").wait_for()
        page.get_by_role("button", name="Refit the head").click()
        page.get_by_role("button", name="Save and use it").click()
        page.get_by_text("Kept as fusion/gated_phantoms").wait_for()
        page.get_by_text("gated_phantoms was trained with these networks.").wait_for()
        playwright.expect(page).to_have_url(re.compile("b-fusion=gated_phantoms"))
        assert (models / "fusion" / "gated_phantoms" / "config.json").exists()

        page.reload()
        page.get_by_text("gated_phantoms was trained with these networks.").wait_for()
        page.get_by_role("radio", name="Compare").click()
        page.wait_for_selector(".mm-answer h2")
        assert page.locator(".stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
        assert complaints == []
        chromium.close()
