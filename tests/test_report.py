"""The one-page report."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from reportlab.pdfbase.pdfmetrics import stringWidth

from multimodal.case import Audio, Case, Image, ItemResult, ModelRef, Notice, Text
from multimodal.errors import NonFiniteError
from multimodal.explain import FilmExplanation, NoteExplanation, Segment, SoundExplanation, Word
from multimodal.labels import LABELS, Modality, Site
from multimodal.report import LIMITS, USE, report
from multimodal.report.sheet import LACKING, REGULAR
from multimodal.verdict import answer
from tests.ui.made import Double, diagnosis, result

DAY = date(2026, 1, 31)


def said(pdf: bytes) -> str:
    """The words of a PDF of one page, blanks made one."""
    (page,) = PdfReader(io.BytesIO(pdf)).pages
    return re.sub(r"\s+", " ", page.extract_text())


def film(number: int = 0) -> Image:
    pixels = np.linspace(0, 1, 64 * 48, dtype=np.float32).reshape(64, 48)
    return Image(f"film{number}.dcm", f"{number:064x}", pixels ** (number + 1))


def sound(number: int = 0) -> Audio:
    samples = np.random.default_rng(number).normal(0, 0.1, 8000).astype(np.float32)
    return Audio(f"sound{number}.wav", f"{number + 100:064x}", samples, 4000, Site.HEART)


def note(words: str = "Cough and fever for three days.") -> Text:
    return Text("note.txt", f"{200:064x}", words)


@pytest.fixture
def case() -> Case:
    return Case("ward-7", (film(),), (sound(),), (note(),))


def test_the_page_holds_the_answer_and_all_that_it_rests_on(case: Case) -> None:
    given = replace(Double().diagnose(case), version="1.2.3", warnings=(Notice("w", "One view only.", "film0.dcm"),))
    words = said(report(given, case, on=DAY))

    for expected in (
        *(re.sub(r"\s+", " ", sentence) for sentence in (answer(given).headline, LIMITS, USE)),
        *(re.sub(r"\s+", " ", entry.name) for entry in given.labels),
        *(item.sha256 for item in case.items),
        *(model.sha256 for model in given.models.values()),
        *(model.name for model in given.models.values()),
        *("ward-7", "2026-01-31", "1.2.3", "film0.dcm: One view only.", "Cough and fever"),
    ):
        assert expected in words
    assert "nan" not in words.lower()


def test_three_films_eight_recordings_and_every_label_still_fit_one_page() -> None:
    many = Case("many", tuple(map(film, range(3))), tuple(map(sound, range(8))), (note("word " * 9000), note()))
    labels = [result(name, 0.9 - 0.05 * place, place % 2 == 0) for place, name in enumerate(LABELS)]
    problems = tuple(Notice("bad", f"Sentence {n} is long " * 30, f"broken{n}.dcm", refused=True) for n in range(20))
    items = tuple(ItemResult(item.name, item.sha256, item.modality) for item in many.items)
    models = {kind: ModelRef(f"{kind}_net", f"{n + 300:064x}") for n, kind in enumerate((*Modality, "fusion"))}
    page = PdfReader(io.BytesIO(report(diagnosis(*labels, items=items, models=models, warnings=problems), many))).pages
    (only,) = page
    heights: dict[str, float] = {}
    only.extract_text(visitor_text=lambda text, cm, tm, font, size: heights.setdefault(text.strip(), tm[5]))

    assert len(only.images) == 11
    last = next(y for text, y in heights.items() if models["fusion"].sha256 in text)
    limits = next(y for text, y in heights.items() if text.startswith("Limits."))
    assert last > limits
    assert "And 15 more, in the JSON." in " ".join(heights)


def test_no_entry_of_the_fullest_legend_runs_into_the_next(case: Case) -> None:
    labels = [replace(entry, spread=0.5) for entry in Double().diagnose(case).labels]
    (page,) = PdfReader(io.BytesIO(report(replace(Double().diagnose(case), labels=tuple(labels)), case))).pages
    set_at: list[tuple[float, float, str]] = []
    page.extract_text(visitor_text=lambda text, cm, tm, font, size: set_at.append((tm[5], tm[4], text.strip())))

    level = next(y for y, _, text in set_at if text == "95 % range")
    entries = sorted((x, text) for y, x, text in set_at if text and y == level)
    assert len(entries) == 8
    for (x, text), (after, _) in pairwise(entries):
        assert x + stringWidth(text, REGULAR, 6.5) < after


def test_an_abstention_is_a_report_too() -> None:
    given = diagnosis(quality=(Notice("lateral", "This is a lateral view.", item="film.dcm", refused=True),))
    assert "Not enough to say. film.dcm: This is a lateral view." in said(report(given))


def test_the_same_input_gives_the_same_bytes(case: Case) -> None:
    given = Double().diagnose(case)
    assert report(given, case, on=DAY) == report(given, case, on=DAY)
    assert report(given, case, on=DAY) != report(given, case, on=date(2026, 2, 1))


def test_markup_and_foreign_characters_are_shown_and_never_obeyed(case: Case) -> None:
    hostile = replace(case, case_id="<b>7</b> \u202e患", texts=(note("&amp; <font size=99>Хрипы</font> \x00 \ue000"),))
    words = said(report(Double().diagnose(hostile), hostile))
    assert f"Case <b>7</b> {LACKING}{LACKING}" in words
    assert f"&amp; <font size=99>Хрипы</font> {LACKING} {LACKING}" in words


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=300), st.text(max_size=80), st.text(max_size=80))
def test_any_text_can_be_set(words: str, name: str, case_id: str) -> None:
    given = Case(case_id, texts=(replace(note(words), name=name),))
    assert len(PdfReader(io.BytesIO(report(Double().diagnose(given), given))).pages) == 1


def test_an_explanation_marks_film_sound_and_note(case: Case) -> None:
    about = [(item.name, item.sha256, item.modality, "pneumonia", "net", "method", 1.0) for item in case.items]
    level = np.eye(4, dtype=np.float32)
    why = (
        FilmExplanation(*about[0], level, (2, 2, 62, 46), (64, 48)),
        SoundExplanation(*about[1], level, 0.5, (50.0, 100.0, 200.0, 400.0, 800.0), (Segment(0.5, 1, 100, 300, 1.0),)),
        NoteExplanation(*about[2], (Word(0, 5, 1.0), Word(6, 9, -1.0), Word(10, 15, 0.5), Word(30, 31, 0.4))),
    )
    given = Double().diagnose(case)
    plain, marked = report(given, case, on=DAY), report(given, case, explanations=why, on=DAY)

    assert "What counted: Cough, fever note.txt" in said(marked)  # and not the full stop
    assert "Orange: what speaks for pneumonia" in said(marked)
    assert "film by method, not tested" in said(marked)
    assert "Orange" not in said(plain)
    assert len(PdfReader(io.BytesIO(marked)).pages[0].images) == len(PdfReader(io.BytesIO(plain)).pages[0].images) + 1


def test_a_figure_that_is_none_is_refused() -> None:
    with pytest.raises(NonFiniteError):
        report(diagnosis(result("pneumonia", float("nan"), None)))
