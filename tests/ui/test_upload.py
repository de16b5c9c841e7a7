"""What a reader gives on the Diagnose page: files, samples and a new case, without a browser."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from multimodal.labels import Site
from multimodal.ui import upload
from tests.ui.conftest import NOTE, record
from tests.ui.made import Double
from tests.ui.reading import button, give, headline, shown


def test_a_server_that_answers_is_named_where_files_are_given(
    app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIMODAL_SERVER", "http://<b>elsewhere</b>")
    app.run()
    assert not app.exception
    assert "Data leaves this machine: the server http://&lt;b&gt;elsewhere&lt;/b&gt; answers." in shown(app)
    assert "Data stays on this machine" not in shown(app)


def test_a_sample_case_is_one_click_away_and_named_as_a_phantom(app: AppTest, double: Double) -> None:
    app.run()
    button(app, "Pneumonia").click()
    app.run()
    assert not app.exception
    assert "Phantom drawn with: <b>pneumonia</b>. Not a real patient." in shown(app)
    assert shown(app).count("Research use only, not a medical device.") == 1
    assert "Pneumonia" in headline(app)
    assert [tab.label for tab in app.tabs] == ["Film", "Sound (2)", "Note"]
    assert len(double.calls) == 1


def test_a_film_a_sound_and_a_note_at_once(app: AppTest, double: Double) -> None:
    give(app.run(), record())
    assert not app.exception
    (case,) = double.calls
    assert [item.name for item in case.items] == ["film.png", "beats.wav", "note.txt"]
    assert case.audios[0].site is Site.HEART
    assert re.fullmatch("[0-9a-f]{12}", case.case_id), "a file's name may be the patient's"
    assert "Film + sound" in shown(app)
    assert [tab.label for tab in app.tabs] == ["Film", "Sound", "Note"]


def test_files_are_added_to_the_record(app: AppTest, double: Double) -> None:
    give(app.run(), record()[:1])
    give(app, record()[2:])
    assert [item.name for item in double.calls[-1].items] == ["film.png", "note.txt"]


def test_files_that_a_slow_browser_sends_again_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given = SimpleNamespace(name="note.txt", getvalue=lambda: NOTE)
    state = {"intake": 0, "files-0": [given], "microphone-1": given}
    monkeypatch.setattr(upload.st, "session_state", state)
    for take, turn in ((upload._take_files, 0), (upload._take_sound, 1)):
        take(turn)
        assert [data for _, data in state.pop("pending")] == [NOTE]
        take(turn)  # with another click, before the browser knows that the widget is gone
        assert "pending" not in state


def test_one_bad_file_is_named_and_the_rest_stays(app: AppTest, double: Double) -> None:
    give(app.run(), [("bro*ken*.dcm", b"\0" * 128 + b"DICM?", "application/dicom"), *record()[2:]])
    assert not app.exception
    assert "<b>bro*ken*.dcm</b>: " in shown(app)
    assert [item.name for item in double.calls[0].items] == ["note.txt"]
    assert shown(app).count("bro*ken*.dcm") == 1


def test_what_holds_of_several_files_is_said_once(app: AppTest, double: Double) -> None:
    bad = [(name, b"\0" * 128 + b"DICM?", "application/dicom") for name in ("one.dcm", "two.dcm")]
    give(app.run(), [*bad, *record()[2:]])
    assert not app.exception
    assert "<b>one.dcm</b>, <b>two.dcm</b>: " in shown(app)
    assert shown(app).count('<li class="refused">') == 1


def test_only_bad_files_leave_the_page_empty_with_the_reason(app: AppTest, double: Double) -> None:
    give(app.run(), [("notes.bin", bytes(range(256)), "application/octet-stream")])
    assert not app.exception
    assert 0 <= shown(app).index("notes.bin") < shown(app).index("Phantoms: ")  # above what a phone scrolls to
    assert double.calls == []
    assert len(app.file_uploader) == 1


def test_a_bad_addition_keeps_the_record(app: AppTest, double: Double) -> None:
    give(app.run(), record()[2:])
    before = headline(app)
    give(app, [("x.bin", bytes(range(256)), "application/octet-stream")])
    assert "x.bin" in shown(app)
    assert headline(app) == before


def test_a_new_case_forgets_the_old_one(app: AppTest, double: Double) -> None:
    give(app.run(), record())
    button(app, "New case").click()
    app.run()
    assert "record" not in app.session_state
    assert "memory" not in app.session_state
    assert "mm-answer" not in shown(app)


def test_two_readers_never_see_each_other(double: Double) -> None:
    from tests.ui.conftest import HOME

    one, other = (AppTest.from_file(str(HOME), default_timeout=240).run() for _ in range(2))
    give(one, [("one.txt", b"canary-one: the patient has a cough", "text/plain")])
    give(other, [("other.txt", b"canary-other: the patient has a fever", "text/plain")])
    one.run()
    assert "canary-one" in shown(one)
    assert "canary-other" not in shown(one)
    assert "canary-one" not in shown(other)
