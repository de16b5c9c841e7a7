"""Where the true evidence is known, every method on offer finds it, in the item's own coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from multimodal.explain import METHODS, FilmExplanation, NoteExplanation, SoundExplanation, assess, explain
from multimodal.labels import Modality
from tests.explain.items import WORD, film, note, sound
from tests.explain.networks import LABEL, OTHER, film_branch, note_branch, sound_branch

FILM, SOUND, NOTE = (sorted(METHODS[modality]) for modality in Modality)


@pytest.mark.parametrize("method", FILM)
@pytest.mark.parametrize(
    ("size", "square"),
    [((300, 240), (180, 150, 220, 190)), ((240, 300), (60, 60, 100, 100)), ((1000, 300), (700, 100, 860, 148))],
)
def test_a_bright_square_is_found_where_it_is(
    method: str, size: tuple[int, int], square: tuple[int, int, int, int]
) -> None:
    found = explain(film_branch(), film(*size, square), LABEL, device="cpu", method=method)
    assert isinstance(found, FilmExplanation)
    assert found.size == size
    row, column = np.unravel_index(found.map.argmax(), found.map.shape)
    top, left, bottom, right = found.box
    y = top + (row + 0.5) / found.map.shape[0] * (bottom - top)
    x = left + (column + 0.5) / found.map.shape[1] * (right - left)
    slack = 2 * max(size) / 16
    assert square[0] - slack < y < square[2] + slack
    assert square[1] - slack < x < square[3] + slack


@pytest.mark.parametrize("method", SOUND)
@pytest.mark.parametrize("start", [0.2, 2.5, 4.8])
def test_a_tone_is_found_in_time_and_band(method: str, start: float) -> None:
    found = explain(sound_branch(), sound(start, start + 0.7), LABEL, device="cpu", method=method)
    assert isinstance(found, SoundExplanation)
    strongest = max(found.segments, key=lambda segment: segment.weight)
    assert strongest.start_s == pytest.approx(start, abs=0.3)
    assert strongest.end_s == pytest.approx(start + 0.7, abs=0.3)
    assert strongest.low_hz < 400 < strongest.high_hz
    assert strongest.high_hz - strongest.low_hz < 400


@pytest.mark.parametrize("method", SOUND)
def test_a_recording_shorter_than_a_window_is_not_shown_twice(method: str) -> None:
    found = explain(sound_branch(), sound(0.5, 0.75, seconds=1.1), LABEL, device="cpu", method=method)
    assert isinstance(found, SoundExplanation)
    assert found.map.shape[1] == 5
    assert found.map.sum(0).argmax() == 2
    assert max(segment.end_s for segment in found.segments) <= 1.1


@pytest.mark.parametrize("method", NOTE)
def test_a_word_is_found_with_its_place_in_the_note(method: str) -> None:
    text = note()
    found = explain(note_branch(WORD), text, LABEL, device="cpu", method=method)
    assert isinstance(found, NoteExplanation)
    best = max(found.words, key=lambda word: word.weight)
    assert text.text[best.start : best.end] == WORD
    others = [abs(word.weight) for word in found.words if word is not best]
    assert max(others) < 0.01 * best.weight


def test_words_are_whole_and_cover_the_note_up_to_its_blanks() -> None:
    text = note()
    found = explain(note_branch(WORD), text, LABEL, device="cpu")
    assert isinstance(found, NoteExplanation)
    shown = [text.text[word.start : word.end].replace("\u200b", "") for word in found.words]
    assert shown == note().text.replace("\u200b", "").replace(":", " :").replace(",", " ,").replace(".", " .").split()
    assert all(a.end <= b.start for a, b in zip(found.words, found.words[1:], strict=False))


@pytest.mark.parametrize("kind", ["film", "sound", "note"])
def test_what_speaks_for_one_label_speaks_against_its_opposite(kind: str) -> None:
    branch, item = {
        "film": (film_branch(), film()),
        "sound": (sound_branch(), sound()),
        "note": (note_branch(WORD), note()),
    }[kind]
    one, other = (explain(branch, item, label, device="cpu") for label in (LABEL, OTHER))
    np.testing.assert_allclose(one.values, -other.values, atol=1e-5)
    assert one.strength.max() == 1
    assert other.strength.max() < 0.5


@pytest.mark.parametrize("kind", ["film", "sound", "note"])
def test_contributions_add_up_to_the_evidence_less_that_of_the_blank(kind: str) -> None:
    branch, item, blank = {
        "film": (film_branch(), film(), None),
        "sound": (sound_branch(), sound(), 0.0),
        "note": (note_branch(WORD), note(), 0.0),
    }[kind]
    found = explain(branch, item, LABEL, device="cpu", method="integrated_gradients")
    if blank is None:  # a blurred film keeps its mean
        assert abs(found.values.sum()) < 0.05 * np.abs(found.values).sum()
        return
    base = float(branch.config.calibration[LABEL]["bias"]) + np.log(0.75 / 0.25)
    assert found.values.sum() == pytest.approx(found.evidence - base, rel=0.05)


@pytest.mark.parametrize("kind", ["film", "sound", "note"])
def test_a_true_explanation_beats_random_and_a_moved_map(kind: str) -> None:
    branch, item = {
        "film": (film_branch(), film()),
        "sound": (sound_branch(), sound()),
        "note": (note_branch(WORD), note()),
    }[kind]
    for method in METHODS[branch.network.kind]:
        found = assess(branch, item, LABEL, device="cpu", method=method)
        assert found.own.gain > 0
        assert found.own.gain > found.random.gain
        assert found.own.gain > found.moved.gain
        assert found.own.deletion[0] == pytest.approx(found.own.insertion[-1])
        assert found.own.deletion[-1] == pytest.approx(found.own.insertion[0])
