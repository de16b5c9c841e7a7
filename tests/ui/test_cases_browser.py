"""The worklist in Chromium: a case saved, found again after a restart of the server, reviewed and deleted."""

from __future__ import annotations

from pathlib import Path

from pypdf import PdfReader

from tests.ui.served import IN_A_BROWSER, playwright, reader, served, settle

pytestmark = IN_A_BROWSER


def test_a_case_outlives_the_server_and_is_reviewed_and_deleted(tiny_zoo: Path, tmp_path: Path) -> None:
    database = tmp_path / "data" / "cases.db"
    with reader() as page:
        with served(tiny_zoo, database) as address:
            page.goto(address)
            page.get_by_role("button", name="Pneumonia").click()
            page.get_by_role("button", name="Save to cases").click()
            page.get_by_role("textbox", name="Title").fill("Canary, bed 7")
            page.get_by_text("Keep the files too").click()
            page.get_by_role("button", name="Save", exact=True).click()
            page.get_by_role("button", name="Open in Cases").click()
            page.wait_for_selector("h1.mm-case")
            page.wait_for_url("**/cases?case=*")
            kept = page.url.split("?")[1]
            page.goto("about:blank")

        with served(tiny_zoo, database) as address:
            page.goto(f"{address}cases?{kept}")  # the first request to the new server is a deep link
            page.wait_for_selector("h1.mm-case")
            assert page.locator("h1.mm-case").inner_text() == "Canary, bed 7"
            settle(page)
            page.get_by_role("tab", name="Film").click()  # it is at first the one that speaks for the label
            page.wait_for_selector(".film[data-ready=true]")
            page.get_by_role("combobox", name="Mark what speaks for").wait_for()
            page.get_by_role("link", name="Diagnose").wait_for()
            with page.expect_download() as download:
                page.get_by_role("button", name="PDF").click()
            (sheet,) = PdfReader(download.value.path()).pages
            assert "tiny_image" in sheet.extract_text()

            page.get_by_role("button", name="All cases").click()
            title = page.locator(".worklist button.title")
            assert title.inner_text() == "Canary, bed 7"
            title.press("Enter")
            page.get_by_role("radio", name="Disagree").click()
            page.get_by_role("textbox", name="Comment").fill("Atelectasis rather.")
            page.get_by_role("combobox", name="Absent").fill("Pneumonia")
            page.keyboard.press("Enter")
            page.keyboard.press("Escape")  # while its list is open, the rest of the page is hidden from assistive tools
            page.get_by_role("button", name="Save", exact=True).click()
            page.get_by_text("Reviewed").wait_for()

            page.get_by_role("button", name="All cases").click()
            playwright.expect(page.locator(".worklist .state")).to_have_text("Disagreed")
            playwright.expect(page.locator(".worklist .state")).to_have_attribute("title", "Pneumonia: no")
            for words, found in (("never said", "No case matches."), ("rather", "Canary, bed 7")):
                page.get_by_placeholder("Search title").fill(words)
                page.keyboard.press("Enter")
                page.get_by_text(found).wait_for()
            settle(page)
            page.get_by_role("button", name="Canary, bed 7").click()
            page.get_by_role("button", name="Delete", exact=True).click()
            page.get_by_role("button", name="Delete for good").click()
            page.get_by_role("button", name="Add a sample case").wait_for()
            page.goto("about:blank")
    assert b"Canary" not in b"".join(path.read_bytes() for path in database.parent.iterdir())
