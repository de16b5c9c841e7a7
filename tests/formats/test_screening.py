"""Identifiers in notes: what is found, what isn't, and what is left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimodal.formats import screen, screened
from multimodal.formats.screening import Found
from multimodal.phantom import draw_patient, render
from tests.formats.identified import PLAIN, known_notes, recall


def test_recall_on_made_up_notes_is_what_the_documents_state() -> None:
    notes = list(known_notes(100, seed=2))

    found = recall(notes, lambda text: [(mark.start, mark.end) for mark in screen(text)])

    assert set(found) == {*Found, None}
    assert {kind: share >= 0.97 for kind, share in found.items() if kind} == dict.fromkeys(Found, True), found
    assert found[None] < 0.1, "names without a title are not found, and the documents say so"


def test_the_measure_sees_what_is_missed() -> None:
    assert set(recall(list(known_notes(20, seed=3)), lambda _: []).values()) == {0.0}


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("Mr. O'Brien-Smith was seen.", "Mr. [name] was seen."),
        ("Seen by DR. VAN DYKE on 03/14/2021.", "Seen by DR. [name] on [date]."),
        ("Patient: Jane Q. Public, DOB 1/2/1950.", "Patient: [name], DOB [date]."),
        ("Ada King is a 50-year-old woman. King coughs.", "[name] is a 50-year-old woman. [name] coughs."),
        ("Dictated by: J. Watson, M.D.", "Dictated by: [name], M.D."),
        ("SSN 123-45-6789; MRN: AB-12345.", "SSN [number]; MRN: [number]."),
        ("Call (212) 555-0187 x12 or +44 20 7946 0958.", "Call [phone] or [phone]."),
        ("12 Baker Street, London NW1 6XE", "[address]"),
        ("P.O. Box 12, jd@example.org", "[address], [mail]"),
        ("Film of 2021-03-14T08:15 and Mar 2020", "Film of [date] and [date]"),
        ("Film of 04NOV16, 10/1994 and 09 10 2025; Nov. 25, 91", "Film of [date], [date] and [date]; [date]"),
        ("MR 352639, pager 07438, x94711", "MR [number], pager [phone], [phone]"),
        ("Lives at 9093 Spencer Wells Apt. 290 Hudson, NM 33102", "Lives at [address]"),
        ("Dr. S.J. Stewart and Drs. Peterson and Perez", "Dr. [name] and Drs. [name]"),
        ("Patient: WOOD, SHERRY. Coffey, Veronica MD", "Patient: [name]. [name] MD"),
    ],
)
def test_what_is_found(note: str, expected: str) -> None:
    assert screened(note) == expected


@pytest.mark.parametrize(
    "note",
    [
        *PLAIN,
        "Murmur of 2/6 on the left, 3/4 of the lung, T5/6, BP 130/85/70.",
        "Since 2009 MS, treated; may improve. March in place. Mr interval normal.",
        "SpO2 94%, 1.5 x 2.25 cm nodule, 1,234,567 cells, INR 2.5.",
    ],
)
def test_what_is_left_alone(note: str) -> None:
    assert screened(note) == note


def test_a_phantoms_note_is_left_alone() -> None:
    for seed in range(12):
        note = render(draw_patient(seed, "pneumonia")).note.text
        assert screened(note) == note


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_marks_lie_in_order_and_within(text: str) -> None:
    marks = screen(text)

    edges = [edge for mark in marks for edge in (mark.start, mark.end)]
    assert edges == sorted(edges)
    assert all(0 <= mark.start < mark.end <= len(text) for mark in marks)


@pytest.mark.parametrize("unit", ["1", "A", "A ", "1 ", "Aa ", "a.b@", "(020) ", "Aa, ", "1/1", "12 Aa ", "Mr. "])
def test_no_note_takes_long(unit: str) -> None:
    start = time.process_time()
    screen(unit * (10_000 // len(unit)))

    assert time.process_time() - start < 3
