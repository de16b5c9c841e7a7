"""What the reader sees before anything is kept."""

from __future__ import annotations

from multimodal.case import Case, Text
from multimodal.ui import cases_save


def test_the_difference_is_shown_word_by_word_and_as_text() -> None:
    note = Text("a.txt", "0" * 64, "Mr. Doe <b>coughs</b>, MRN 123456.\u202e")

    shown = cases_save._kept(Case("c", texts=(note,)))

    assert (
        "Mr. <del>Doe</del> <ins>[name]</ins> &lt;b&gt;coughs&lt;/b&gt;, MRN <del>123456</del> <ins>[number]</ins>"
        in shown
    )
    assert "\u202e" not in shown
    assert "read what is left" in shown


def test_without_a_note_there_is_no_word_of_patterns() -> None:
    assert "Patterns" not in cases_save._kept(Case("c"))
