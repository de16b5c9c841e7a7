"""What the app says of where data goes and stays is true of its address, its server and its database."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from multimodal.ui.where import database_host, goes, stays
from tests.ui.conftest import HOME
from tests.ui.made import Double
from tests.ui.reading import shown

LITE = "sqlite:////data/cases.db"


@pytest.mark.parametrize(
    ("address", "server", "words"),
    [
        ("127.0.0.1", "", "Data stays on this machine."),
        ("0.0.0.0", "", "Data goes to the machine that runs this app, and no further."),
        ("127.0.0.1", "http://localhost:8000", "Data goes to the server http://localhost:8000 on this machine"),
        ("127.0.0.1", "http://[::1]:8000", "Data goes to the server http://[::1]:8000 on this machine"),
        ("127.0.0.1", "https://ward.example", "Data leaves this machine: the server https://ward.example answers."),
        ("127.0.0.1", "https://localhost.ward.example", "Data leaves this machine"),
        ("", "http://10.0.0.5:8000", "Data leaves the machine that runs this app"),
        ("127.0.0.1", "http://[broken", "Data leaves this machine"),
    ],
)
def test_where_a_record_goes(address: str, server: str, words: str) -> None:
    assert goes(address, server).startswith(words)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (LITE, ""),
        ("postgresql://me@ward.example:5432/cases", "ward.example"),
        ("postgresql+psycopg://me:secret@10.0.0.5/cases", "10.0.0.5"),
        ("postgresql://me@localhost/cases", ""),
        ("postgresql://me@/cases?host=/run/postgresql", ""),
        ("postgresql://me@/cases?host=ward.example", "ward.example"),
        ("postgresql://me@/cases?host=127.0.0.1&host=ward.example", "ward.example"),
        ("postgresql://me@/cases?host=127.0.0.1,ward.example", "ward.example"),
        ("postgresql:///cases", ""),
        ("no url", ""),
    ],
)
def test_which_machine_keeps_the_cases(url: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    assert database_host(url) == host


def test_the_driver_s_own_host_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "ward.example")
    assert database_host("postgresql:///cases") == "ward.example"
    assert database_host(LITE) == ""


def test_who_else_sees_the_cases_is_said() -> None:
    assert "only you" in stays("127.0.0.1", LITE)
    assert "only you" not in stays("0.0.0.0", LITE)
    assert "only you" not in stays("127.0.0.1", "postgresql://me@localhost/cases")
    assert "All who know the token see them." in stays("0.0.0.0", LITE, shared=True)
    assert "secret" not in stays("127.0.0.1", "postgresql://me:secret@ward.example/cases")


def test_the_pages_say_it(app: AppTest, double: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIMODAL_DATABASE", f"sqlite:///{tmp_path / 'cases.db'}")
    monkeypatch.setenv("MULTIMODAL_SERVER", "https://ward.example")
    app.run()
    assert "Data leaves this machine: the server https://ward.example answers." in shown(app)
    cases = AppTest.from_file(str(HOME), default_timeout=240).switch_page("cases.py").run()
    assert not cases.exception
    assert "Data leaves this machine: the server https://ward.example answers." in shown(cases)  # beside the batch
    assert "Cases stay on this machine, in a database that only you can read." in shown(cases)
