from __future__ import annotations

import hashlib

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from multimodal.case import Audio, Case, Image, Notice, Patient, Section, Text
from multimodal.labels import Site
from multimodal.ui.record import Choice, bare, chosen_case, fingerprint, keyed_items, plain
from multimodal.ui.theme import LIGHT
from multimodal.ui.tiles import tile_html
from multimodal.ui.viewer import NOTE_CHARACTERS, note_html, visible


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def film(name: str = "film.dcm", size: tuple[int, int] = (60, 50)) -> Image:
    pixels = np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size)
    return Image(name, digest(name), pixels, view="PA")


def sound(name: str = "heart.wav", site: Site | None = Site.HEART, rate: int = 2000, seconds: float = 3) -> Audio:
    t = np.arange(int(rate * seconds)) / rate
    return Audio(name, digest(name), np.sin(2 * np.pi * 100 * t).astype(np.float32) * 0.2, rate, site)


def note(text: str = "Cough and fever.", name: str = "note.txt", sections: tuple[Section, ...] = ()) -> Text:
    return Text(name, digest(name + text), text, sections)


HOSTILE = "<img src=x onerror=alert(1)>\u202e<script>"


def test_nothing_a_file_brings_is_markup() -> None:
    notices = (Notice("odd", f"Because {HOSTILE}", item="x"),)
    for item in (film(HOSTILE), sound(HOSTILE), note(HOSTILE, HOSTILE)):
        markup = tile_html(item, notices, out=False, colours=LIGHT)
        assert "<script>" not in markup
        assert "onerror=alert(1)>" not in markup
        assert "\u202e" not in markup


def test_quality_marks() -> None:
    assert "Good quality" in tile_html(film(), (), out=False, colours=LIGHT)
    refused = tile_html(film(), (Notice("blank", "The film is blank.", refused=True),), out=False, colours=LIGHT)
    assert "Not used: The film is blank." in refused
    assert "Left out" in tile_html(film(), (), out=True, colours=LIGHT)


def test_a_note_is_shown_as_it_is_written_with_its_headings_marked() -> None:
    text = "FINDINGS: clear & <b>normal</b>\nIMPRESSION: none"
    markup = note_html(note(text, sections=(Section("findings", 9, 31), Section("impression", 43, 48))))
    assert '<b class="mm-section">FINDINGS:</b> clear &amp; &lt;b&gt;normal&lt;/b&gt;' in markup
    assert '<b class="mm-section">IMPRESSION:</b> none' in markup


def test_words_of_a_note_can_be_marked() -> None:
    assert 'mark style="--weight:0.80">fever</mark>.' in note_html(note(), marks=((10, 15, 0.8),))


def test_a_long_note_is_cut_and_says_so() -> None:
    markup = note_html(note("word " * NOTE_CHARACTERS))
    assert len(markup) < NOTE_CHARACTERS + 500
    assert "not shown, but scored" in markup


def test_control_characters_are_shown_not_obeyed() -> None:
    assert visible("a\u202eb\u200bc\x00\n") == "a<U+202E>b<U+200B>c<U+0000>\n"


def test_a_file_given_twice_is_two_items() -> None:
    keys = [key for key, _ in keyed_items(Case("c", (film(), film())))]
    assert len(set(keys)) == 2


def test_the_readers_corrections_make_the_case() -> None:
    case = Case("c", (film(),), (sound(), sound("b.wav", None)), (note(),))
    keys = [key for key, _ in keyed_items(case)]
    chosen = chosen_case(case, sites={keys[2]: Site.LUNG}, left_out={keys[0]}, patient=Patient(70, "F"))
    assert chosen.images == ()
    assert [item.site for item in chosen.audios] == [Site.HEART, Site.LUNG]
    assert chosen.patient == Patient(70, "F")


def test_the_fingerprint_changes_with_all_that_the_answer_depends_on() -> None:
    case, choice = Case("c", (film(),), (sound(),)), Choice((("image", "a"),))
    prints = {
        fingerprint(case, choice),
        fingerprint(Case("c", (film(),), (sound(site=Site.LUNG),)), choice),
        fingerprint(Case("c", (film(),)), choice),
        fingerprint(Case("c", (film(),), (sound(),), patient=Patient(3)), choice),
        fingerprint(case, Choice((("image", "b"),))),
        fingerprint(case, Choice((("image", "a"),), prevalence=(("pneumonia", 0.2),))),
    }
    assert len(prints) == 6
    assert fingerprint(Case("other", (film(),), (sound(),)), choice) in prints


@pytest.mark.parametrize("name", ["*a*_b_ `c` [d](e) :red[f] $g$ #h <i> ~j~ k|l", "1. x", "- y"])
def test_a_name_in_a_label_is_taken_literally(name: str) -> None:
    app = AppTest.from_string("import streamlit as st; st.button(st.session_state.name)")
    app.session_state["name"] = plain(name)
    app.run()
    assert app.button[0].label.replace("\\", "") == name


@pytest.mark.parametrize("name", ["*a*_b_ `c` [d](e) :red[f] $g$ #h <i> ~j~ k|l", "1. x", "- y.wav"])
def test_a_name_in_a_hidden_label_holds_no_markup(name: str) -> None:
    said = bare(name)
    assert not set(said) & set("\\`*_{}[]()#+!|~$:<>^&")
    assert [char for char in said if char.isalnum()] == [char for char in name if char.isalnum()]
