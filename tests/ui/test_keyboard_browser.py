"""From the top of the page to the end of an answer by keyboard alone: every stop is named and seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import THEME
from tests.ui.served import IN_A_BROWSER, reader, served, settle

pytestmark = IN_A_BROWSER

STOP = """accent => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at), around = getComputedStyle(at.parentElement ?? at);
  const labels = [...(at.labels ?? [])].map(label => label.innerText).join(" ");
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return {
    name: (at.getAttribute("aria-label") || labels || at.innerText || at.title || "").replace(/\\s+/g, " ").trim(),
    seen: ring || (at.role === "combobox" && around.borderTopColor === accent),
  };
}"""
"""Name of what has the focus, and whether a ring shows it; a field shows it by its frame in the theme's colour."""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_answer_is_reached_and_read_by_keyboard(tiny_zoo: Path, tmp_path: Path, width: int, scheme: str) -> None:
    red, green, blue = bytes.fromhex(THEME[scheme]["primaryColor"].removeprefix("#"))
    accent = f"rgb({red}, {green}, {blue})"
    with served(tiny_zoo, tmp_path / "cases.db") as address, reader(width, scheme) as page:
        page.goto(address)
        page.get_by_role("button", name="Pneumonia").wait_for()
        page.get_by_role("combobox", name="Runs on").wait_for(state="attached")
        asked = walk(page, "Pneumonia", accent)
        page.keyboard.press("Enter")
        page.get_by_role("region", name="Every modality and pair").wait_for()
        page.get_by_role("tab", name="Film").click()  # it is at first the one that speaks for the label
        page.wait_for_selector(".film[data-ready=true]")
        settle(page)
        page.get_by_role("button", name="New case").focus()
        read = walk(page, "Every modality and pair", accent)
        assert [stop["name"] for stop in (*asked, *read) if not stop["name"]] == []
        assert [stop["name"] for stop in (*asked, *read) if not stop["seen"]] == []
        names = [stop["name"] for stop in read]
        assert any("Leave out film.dcm" in name for name in names)
        assert any(name.endswith("Mark what speaks for") for name in names)
        assert any(name.startswith("Chest film film.dcm") for name in names)
        assert [n for n in names if "Vega" in n or "\\" in n or n == "Link to heading"] == []


def walk(page: Any, goal: str, accent: str, most: int = 60) -> list[dict[str, Any]]:
    """Press Tab until the goal has the focus: what had it on the way."""
    stops = []
    for _ in range(most):
        page.keyboard.press("Tab")
        page.wait_for_timeout(200)  # a frame fades in
        stop = page.evaluate(STOP, accent)
        if stop is not None:
            stops.append(stop)
            if stop["name"].endswith(goal):
                return stops
    raise AssertionError([stop["name"] for stop in stops])
