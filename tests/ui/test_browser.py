"""A record in Chromium: uploaded, answered, explained, a branch swapped, the answer downloaded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from multimodal.phantom import draw_patient, render
from multimodal.ui.chart import HEAD, ROW
from tests.ui.conftest import NOTE, beats_wav
from tests.ui.served import IN_A_BROWSER, playwright, reader, served, settle

pytestmark = IN_A_BROWSER

PICKED = """title => {
  const control = document.querySelector(".st-key-evidence-label");
  if (!control) return false;
  return (control.innerText + [...control.querySelectorAll("input")].map(input => input.value)).includes(title);
}"""
"""Whether the control of the evidence shows a label."""

CHOSEN = re.compile(r"/\?(.+&)?image=other_image\b")
"""Diagnose's address with a network chosen."""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    film = dict(render(draw_patient(37, "pneumonia")).files)["film.dcm"]
    named = {"film.dcm": film, "beats.wav": beats_wav(), "note.txt": NOTE}
    for name, data in named.items():
        (tmp_path / name).write_bytes(data)
    return [str(tmp_path / name) for name in named]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_record_from_upload_to_answer(
    tiny_zoo: Path, tmp_path: Path, files: list[str], width: int, scheme: str
) -> None:
    narrow = width < 640
    with served(tiny_zoo, tmp_path / "cases.db") as address, reader(width, scheme) as page:
        page.goto(f"{address}?image=other_image" if narrow else address)
        page.set_input_files("input[type=file]", files)
        page.wait_for_selector(".mm-answer h2")
        page.wait_for_selector(".mm-table")
        page.get_by_role("tab", name="Film").click()
        page.wait_for_selector(".film[data-ready=true]")
        assert page.locator(".mm-tile").count() == 3
        kind = page.get_by_role("combobox", name="Kind of beats.wav")
        playwright.expect(kind).to_have_value(re.compile(r"^(Heart|Lung) sound\?$"))
        assert page.get_by_text("Research use only, not a medical device.").count() == 1
        assert page.locator(".stMain").evaluate("main => main.scrollWidth <= main.clientWidth")

        if not narrow:
            page.get_by_role("combobox", name="Film network").click()
            page.get_by_role("option", name="other_image").click()
            page.get_by_text("Swapped.").wait_for()
            page.get_by_text("evidence is pooled (late fusion)").wait_for()
            page.wait_for_url(CHOSEN)

        settle(page)  # the other network puts the labels in another order
        titles = page.get_by_role("region", name="Every modality and pair").locator("tbody th").all_inner_texts()
        for row in (2, 1, 2):
            click_row(page, row)
            page.wait_for_function(PICKED, arg=titles[row])
            settle(page)

        page.get_by_role("tab", name="Film").click()  # it is at first the one that speaks for the label
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
        assert {why["modality"] for why in diagnosis["explanations"]} <= {"image", "audio", "text"}
        assert diagnosis["explanations"]
        with page.expect_download() as download:
            page.get_by_role("button", name="PDF").click()
        (sheet,) = PdfReader(download.value.path()).pages
        assert all(item["sha256"] in sheet.extract_text() for item in diagnosis["items"])
        assert diagnosis["models"]["image"]["name"] == "other_image"
        assert diagnosis["models"]["fusion"]["name"] == "late"


def test_compare_leads_to_a_case_and_its_evidence_whatever_the_address_holds(tiny_zoo: Path, tmp_path: Path) -> None:
    with served(tiny_zoo, tmp_path / "cases.db") as address, reader(1280, "light") as page:
        page.goto(f"{address}compare?image=other_image")
        page.get_by_role("button", name="See its evidence").click()
        page.get_by_role("heading", name="Diagnose", exact=True).wait_for()
        page.wait_for_selector(".mm-answer h2")
        settle(page)  # what the run before drew has gone
        playwright.expect(page.get_by_text("Phantom drawn with: pneumonia")).to_have_count(1)
        page.wait_for_url(CHOSEN)


def click_row(page: Any, row: int) -> None:
    """Click a label's row in the picture of the answer."""
    chart = page.locator("[class*=st-key-answers] [data-testid=stVegaLiteChart]")
    chart.nth(1).wait_for(state="detached")  # the picture before has gone
    chart.click(position={"x": chart.bounding_box()["width"] / 2, "y": HEAD + ROW * (row + 0.5)})


def test_each_page_opens_by_its_address_and_scrolls_nowhere_sideways(tiny_zoo: Path, tmp_path: Path) -> None:
    pages = {
        "": "Diagnose",
        "compare": "Compare",
        "model_lab": "Model lab",
        "cases": "Cases",
        "model_cards": "Model cards",
    }
    with served(tiny_zoo, tmp_path / "cases.db") as address, reader(390, "dark") as page:
        for path, title in pages.items():  # the first request to the new server is a deep link
            page.goto(f"{address}{path}")
            page.get_by_role("heading", name=title, exact=True).wait_for()
            page.get_by_role("link", name="Compare").first.wait_for(state="attached")
            assert page.locator(".stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
            page.goto("about:blank")
