"""Each file of a record is shown as soon as it is read."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from multimodal.formats import record as reading
from multimodal.formats.limits import Limits
from multimodal.formats.reader import Kind, Reading, read_with_patient
from multimodal.ui import tiles
from tests.ui.conftest import record
from tests.ui.made import Double
from tests.ui.reading import give, shown


class Told:
    """Reads as the pool does, and keeps in which order files are read and shown."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.order: list[tuple[str, str]] = []
        show = tiles.arrived

        def arrived(item, colours, number):
            show(item, colours, number)
            self.order.append(("shown", item.name))

        monkeypatch.setattr(reading, "shared", lambda: self)
        monkeypatch.setattr(tiles, "arrived", arrived)

    def read(self, data: bytes, name: str, kind: Kind | None, limits: Limits) -> Reading:
        self.order.append(("read", name))
        return read_with_patient(data, name, kind, limits)


def test_a_file_is_shown_before_the_next_is_read(app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch)
    give(app.run(), [*record()[:2], ("broken.png", b"\x89PNG\r\n\x1a\n", "image/png"), record()[2]])
    assert not app.exception
    assert told.order == [
        ("read", "film.png"),
        ("shown", "film.png"),
        ("read", "beats.wav"),
        ("shown", "beats.wav"),
        ("read", "broken.png"),
        ("read", "note.txt"),
        ("shown", "note.txt"),
    ]
    assert "tile-arriving" not in str([block.proto for block in app.get("flex_container")]), "the page took its place"
    assert "broken.png" in shown(app)


def test_what_a_tile_needs_is_worked_out_once(app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    draw = tiles._drawn
    monkeypatch.setattr(tiles, "_drawn", lambda item, colours: made.append(item.name) or draw(item, colours))
    give(app.run(), record())
    app.run()
    assert made == ["film.png", "beats.wav", "note.txt"], "while it was read"
    assert {known[0] for known in app.session_state["looks"]} == {item.sha256 for item in double.calls[0].items}
    next(button for button in app.button if button.label == "New case").click()
    app.run()
    assert app.session_state["looks"] == {}, "and is forgotten with the record"
