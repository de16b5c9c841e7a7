"""The note: what is told is in the words, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.labels import LABELS
from multimodal.phantom import draw_patient
from multimodal.phantom.note import TOLD, Style, Told, draw_told, level, render_note
from multimodal.phantom.patient import stream
from multimodal.phantom.signs import SIGNS, Source, draw_signs, keys_of
from multimodal.phantom.wording import ABBREVIATIONS, ABSENT, PRESENT

WORDED = [sign.key for sign in SIGNS if sign.source in (Source.FILM, Source.SYMPTOM, Source.EXAM)]


def shortened(words: str) -> str:
    for long, short in ABBREVIATIONS:
        words = words.replace(long, short)
    return words.lower()


def says(text: str, options: tuple[str, ...]) -> bool:
    return any(o.lower() in text.lower() or shortened(o) in text.lower() for o in options)


def test_every_sign_has_words() -> None:
    assert sorted(PRESENT) == sorted(ABSENT) == sorted(WORDED)
    for key, levels in PRESENT.items():
        words = [w for level_words in levels for w in level_words]
        assert len(set(words)) == len(words), key


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_note_says_what_is_told(seed: int) -> None:
    patient = draw_patient(seed)
    told = draw_told(draw_signs(patient), stream(seed, 1))
    text = render_note(patient, told, stream(seed, 2))
    assert text == render_note(patient, told, stream(seed, 2))
    for key, found in told.levels.items():
        if found:
            assert says(text, PRESENT[key][found - 1]), key
            assert not says(text, ABSENT[key]), key
    assert str(patient.age) in text
    assert (str(patient.heart_rate) in text and str(patient.breathing_rate) in text) or not told.vitals


@pytest.mark.parametrize("style", list(Style))
def test_a_style_tells_its_sources(style: Style) -> None:
    told = Told(style, {key: 2 for source in TOLD[style] for key in keys_of([source])}, vitals=False)
    text = render_note(draw_patient(5), told, stream(5))
    assert ("INDICATION:" in text and "IMPRESSION:" in text) == (style is Style.REPORT)
    assert says(text, PRESENT["exam.wheezes"][1]) == (style is Style.CLINIC)


def test_levels_rise_with_the_reading() -> None:
    assert [level(x) for x in (-0.1, 0.1, 0.3, 0.5, 0.9)] == [0, 0, 1, 2, 3]


def test_most_notes_do_not_name_the_diagnosis() -> None:
    titles = [label.title.lower() for label in LABELS.values() if label.group == "condition"]
    titles += ["copd", "asthma", "heart failure", "valve disease"]
    notes = []
    for seed in range(120):
        patient = draw_patient(seed)
        notes.append(render_note(patient, draw_told(draw_signs(patient), stream(seed, 1)), stream(seed, 2)).lower())
    named = sum(any(title in note.replace("sibling with asthma", "") for title in titles) for note in notes)
    assert named < 6
    assert len(set(notes)) == 120
