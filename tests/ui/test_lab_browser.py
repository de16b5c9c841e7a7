"""The Model lab in Chromium: a network swapped, a head refitted, kept and used."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.ui.served import IN_A_BROWSER, playwright, reader, served

pytestmark = IN_A_BROWSER


def test_a_swap_breaks_the_head_and_a_refit_mends_it(tiny_zoo: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(tiny_zoo, models)
    with served(models, tmp_path / "cases.db") as address, reader(390) as page:
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
