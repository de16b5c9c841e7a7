"""What speaks for a label, on the page: the picker, the marks, the test of the marks."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image as Pillow
from streamlit.testing.v1 import AppTest

from multimodal import zoo
from multimodal.case import Case, Diagnosis, Notice
from multimodal.explain import FilmExplanation, NoteExplanation, Segment, SoundExplanation, Word, explain
from multimodal.formats import read
from multimodal.labels import Modality
from multimodal.ui import heat
from multimodal.zoo import LoadedBranch
from tests.ui.conftest import record
from tests.ui.made import Double
from tests.ui.reading import give
from tests.ui.reading import shown as markup

ABOUT = ("item", "0" * 64)
WHY = ("pneumonia", "net", "midpoint_gradients", 1.0)


def shown(app: AppTest) -> str:
    return unescape(markup(app))


def test_a_film_map_lies_in_its_box() -> None:
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[3, 3] = 2, -1
    found = FilmExplanation(*ABOUT, Modality.IMAGE, *WHY, values, (20, 10, 180, 90), (200, 100))
    frame = heat.film_heat(found)
    assert frame.shape == (200, 100)
    assert frame[:20].max() == 0
    assert frame[180:].max() == 0
    row, column = np.unravel_index(frame.argmax(), frame.shape)
    assert 20 <= row < 70
    assert 10 <= column < 35
    assert frame[150:, 70:].max() < 0.2


def test_a_sound_map_lies_at_its_seconds_and_hertz() -> None:
    values = np.zeros((2, 8), np.float32)
    values[1, 6] = 1
    found = SoundExplanation(
        *ABOUT, Modality.AUDIO, *WHY, values, 0.5, (100.0, 300.0, 500.0), (Segment(3, 3.5, 300, 500, 1),)
    )
    alpha = np.asarray(Pillow.open(io.BytesIO(heat.sound_heat(found, 4.0, 1000.0))))[..., 3]
    row, column = np.unravel_index(alpha.argmax(), alpha.shape)
    assert (1 - row / alpha.shape[0]) * 1000 + 10 > 500
    assert column / alpha.shape[1] * 4 == pytest.approx(3.25, abs=0.1)
    hertz = (1 - (np.arange(alpha.shape[0]) + 0.5) / alpha.shape[0]) * 1000
    assert alpha[hertz > 500].max() == 0
    assert alpha[hertz < 100].max() == 0
    assert alpha[(hertz > 350) & (hertz < 450), column].min() > 100


def test_only_words_that_speak_for_the_label_are_marked() -> None:
    words = (Word(0, 3, 2.0), Word(4, 8, -1.0), Word(9, 11, 0.01), Word(12, 14, 1.0))
    found = NoteExplanation(*ABOUT, Modality.TEXT, *WHY, words)
    assert heat.note_marks(found) == [(0, 3, 1.0), (12, 14, 0.5)]


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (0.0, "hardly moves"),
        (np.log(3), "3.0 times higher"),
        (-np.log(20), "20 times lower"),
        (50, "3000 times higher"),
    ],
)
def test_the_item_as_a_whole_is_said_in_odds(evidence: float, words: str) -> None:
    assert words in heat.meaning(Modality.IMAGE, "pneumonia", evidence, marked=True)


def test_without_support_the_page_says_so() -> None:
    assert "Nothing in this note speaks for pneumonia" in heat.meaning(Modality.TEXT, "pneumonia", -1.0, marked=False)


def test_a_branch_that_cannot_speak_is_said(app: AppTest, double: Double) -> None:
    give(app.run(), record())
    assert not app.exception
    assert app.selectbox(key="evidence-label").value == "pneumonia"
    assert "This film can't speak of pneumonia." in shown(app)
    assert "This heart sound can't speak of pneumonia." in shown(app)


def test_the_label_drives_every_tab_and_the_marks_can_be_tested(
    app: AppTest, tiny_zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (tiny_zoo,))
    give(app.run(), record())
    assert not app.exception
    app.selectbox(key="evidence-label").set_value("no_finding")
    app.run()
    assert not app.exception
    text = shown(app)
    for words in ("this film speak", "this sound speak", "this note speak"):
        assert text.count(words) == 1
    assert "for no abnormality" in text
    name, data, _ = record()[2]
    item = read(data, name)
    found = explain(cast("LoadedBranch", zoo.load(zoo.find("text", "tiny_text"))), item, "no_finding", device="cpu")
    marks = heat.note_marks(cast("NoteExplanation", found))
    assert text.count('<mark style="--weight:') == len(marks)
    next(one for one in app.button if one.label == "Test the marks").click()
    app.run()
    assert not app.exception
    assert "in random order" in shown(app)
    app.selectbox(key="evidence-label").set_value("murmur")
    app.run()
    assert "This film can't speak of heart murmur." in shown(app)
    assert "in random order" not in shown(app)


def test_an_item_that_was_not_used_says_why(app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(case: Case, answer: Callable[[Case], Diagnosis] = double.diagnose) -> Diagnosis:
        made = answer(case)
        items = tuple(replace(item, used=item.modality != Modality.IMAGE) for item in made.items)
        reason = Notice("foreign", "This is no <i>chest</i> film.", item="film.png", refused=True)
        return replace(made, items=items, quality=(reason,))

    monkeypatch.setattr(double, "diagnose", refused)
    give(app.run(), record())
    assert not app.exception
    assert "<b>Not used for the answer.</b> This is no &lt;i&gt;chest&lt;/i&gt; film." in markup(app)
    assert markup(app).count("Not used for the answer.") == 1
