"""The sidebar in Chromium: what is chosen in it goes along, wherever the reader goes."""

from __future__ import annotations

from pathlib import Path

from tests.ui.served import IN_A_BROWSER, playwright, reader, served, settle

pytestmark = IN_A_BROWSER


def test_the_browsers_way_back_keeps_the_models_that_were_chosen(tiny_zoo: Path, tmp_path: Path) -> None:
    with served(tiny_zoo, tmp_path / "cases.db") as address, reader() as page:
        page.goto(f"{address}model_cards?image=other_image")
        page.get_by_role("heading", name="Measured").wait_for()
        settle(page)
        for name in ("Model lab", "Cases"):
            page.get_by_role("link", name=name, exact=True).click()
            page.get_by_role("heading", name=name, exact=True).wait_for()
            settle(page)
        for name in ("Model lab", "Model cards"):
            page.go_back()
            page.get_by_role("heading", name=name, exact=True).wait_for()
            settle(page)
            film = page.get_by_role("combobox", name="Film network", exact=True).first
            playwright.expect(film).to_have_value("other_image")
