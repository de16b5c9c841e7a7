"""The same inputs through the command line, the app's upload and the HTTP API: refused in the same words, quickly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from multimodal.case import Case, Diagnosis
from multimodal.cli import run
from multimodal.formats import read_case
from multimodal.ui import engine as app_engine
from tests.hostile.draw import NOTE
from tests.hostile.inputs import NOTED, READ, REFUSED, Input
from tests.ui.conftest import HOME, OPTIONS
from tests.ui.made import Double

fastapi = pytest.importorskip("fastapi", reason="the HTTP API needs the serve extra")
from fastapi.testclient import TestClient  # noqa: E402 - behind its extra

from multimodal.serve import Load, Question, Settings, create_app  # noqa: E402

SECONDS = 2.0
BODY_BYTES = 40 << 20
TOKEN = "T" * 32
KEY = {"Authorization": f"Bearer {TOKEN}"}
GOOD = ("good.txt", NOTE)


class Plain(Double):
    """The double, which tells what could not be read as the engine does."""

    def diagnose(self, case: Case) -> Diagnosis:
        notices = [notice for item in case.items for notice in item.notices]
        return replace(super().diagnose(case), quality=(*case.problems, *notices))


class Reading:
    """A service that reads and answers by the double, without networks."""

    ready, device = True, "cpu"
    load = Load(0, {}, {}, (0, 0))

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def models(self, choice: object) -> dict[str, object]:
        return {}

    async def diagnose(self, question: Question, ticket: object) -> Diagnosis:
        return Plain().diagnose(read_case(question.sources))


@pytest.fixture(scope="module", autouse=True)
def _started() -> None:
    read_case([GOOD])


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    settings = Settings(token=TOKEN, body_bytes=BODY_BYTES)
    with TestClient(create_app(Reading(), settings), headers=KEY) as made:  # type: ignore[arg-type]
        yield made


def told(given: Input) -> str:
    """What the library says of it."""
    case = read_case([(given.name, given.make()), GOOD])
    return case.problems[0].message


def timed(work: Callable[[], object]) -> None:
    begin = time.process_time()
    work()
    assert time.process_time() - begin < SECONDS


def clean(said: str) -> bool:
    return "SECRET" not in said and "Traceback" not in said


@pytest.mark.parametrize("given", REFUSED, ids=lambda given: given.what)
def test_the_command_line_refuses_in_one_line(given: Input, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / given.name
    path.write_bytes(given.make())
    codes: list[int] = []
    import multimodal.engine  # noqa: F401 - its import is no part of the refusal

    timed(lambda: codes.append(run(["diagnose", str(path)])))
    out, err = capsys.readouterr()
    assert (codes, out) == ([2], "")
    (line,) = err.splitlines()
    assert line.startswith("multimodal: ")
    assert given.name in line
    assert told(given) in line
    assert clean(err)


def test_the_command_line_tells_what_it_took_and_what_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("multimodal.engine.Engine", lambda *_, **__: Plain())
    expected = written(tmp_path, (*NOTED, *READ[:3], *REFUSED[::7]))
    assert run(["diagnose", *expected, "--json"]) == 0
    out, err = capsys.readouterr()
    found = {(entry["item"], entry["code"]) for entry in json.loads(out)["quality"]}
    for path, given in expected.items():
        if given.codes:
            assert {(Path(path).name, code) for code in given.codes.split("|")} & found, given.what
    assert clean(out + err)


def written(folder: Path, inputs: Sequence[Input]) -> dict[str, Input]:
    paths = {}
    for number, given in enumerate(inputs):
        path = folder / f"{number}{Path(given.name).suffix}"
        path.write_bytes(given.make())
        paths[str(path)] = given
    return paths


def test_the_app_takes_one_record_of_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    double = Plain()
    monkeypatch.setattr(app_engine, "load", lambda choice: double)
    monkeypatch.setattr(app_engine, "catalogue", lambda: app_engine.Catalogue(OPTIONS))
    app = AppTest.from_file(str(HOME), default_timeout=240).run()
    given = {f"{number}-bad{Path(one.name).suffix}": one for number, one in enumerate(REFUSED)}
    app.file_uploader[0].set_value([(name, one.make(), "application/octet-stream") for name, one in given.items()])
    app.run()
    assert not app.exception  # nothing in it can be read: the page stays empty, and says why
    assert double.calls == []
    app.file_uploader[0].set_value(
        [*((name, one.make(), "application/octet-stream") for name, one in given.items()), (*GOOD, "text/plain")]
    )
    app.run()
    assert not app.exception
    (case,) = double.calls
    assert [text.text for text in case.texts] == [NOTE.decode()]
    shown = "\n".join(element.proto.body for element in app.get("html"))
    for name, one in given.items():
        (problem,) = (problem for problem in case.problems if problem.item == name)
        assert problem.code in one.codes.split("|"), one.what
        assert name in shown, one.what
    assert clean(shown)


def test_the_app_shows_hostile_words_as_words(monkeypatch: pytest.MonkeyPatch) -> None:
    double = Plain()
    monkeypatch.setattr(app_engine, "load", lambda choice: double)
    monkeypatch.setattr(app_engine, "catalogue", lambda: app_engine.Catalogue(OPTIONS))
    app = AppTest.from_file(str(HOME), default_timeout=240).run()
    files = [(given.name, given.make(), "application/octet-stream") for given in (*NOTED, *READ)]
    app.file_uploader[0].set_value(files)
    app.run()
    assert not app.exception
    (case,) = double.calls
    assert case.problems == ()
    shown = "\n".join(body for element in app.get("html") if not (body := element.proto.body).startswith("<style>"))
    assert "<script>alert" not in shown
    assert "<b>bad</b>" not in shown
    assert "\u202e" not in shown
    assert clean(shown)


@pytest.mark.parametrize("given", [one for one in REFUSED if one.codes], ids=lambda given: given.what)
def test_the_server_refuses_in_json(given: Input, client: TestClient) -> None:
    data = given.make()
    answers: list[object] = []
    timed(lambda: answers.append(client.post("/v1/diagnose", files=[("file", (given.name, data))])))
    (answer,) = answers
    assert 400 <= answer.status_code < 500  # type: ignore[attr-defined]
    said = answer.json()  # type: ignore[attr-defined]
    assert said["code"] == "empty_case" or said["code"] in given.codes.split("|")
    assert clean(answer.text)  # type: ignore[attr-defined]


def test_the_server_reads_what_lies_beside(client: TestClient) -> None:
    for given in (*REFUSED[::5], *NOTED):
        data = given.make()
        if len(data) >= BODY_BYTES:
            continue  # refused as a whole, before it is read
        answer = client.post("/v1/diagnose", files=[("file", (given.name, data)), ("file", GOOD)])
        assert answer.status_code == 200
        codes = {entry["code"] for entry in answer.json()["quality"]}
        assert codes & set(given.codes.split("|")), given.what
        assert clean(answer.text)


def test_a_request_that_is_too_large_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/diagnose", files=[("file", ("a.txt", b"a" * (41 << 20)))])
    assert answer.status_code == 413
    assert clean(answer.text)


def test_without_the_token_nothing_is_read() -> None:
    with TestClient(create_app(Reading(), Settings(token=TOKEN))) as closed:  # type: ignore[arg-type]
        answer = closed.post("/v1/diagnose", files=[("file", GOOD)])
        assert answer.status_code == 401
        assert closed.post("/v1/diagnose", files=[("file", GOOD)], headers=KEY).is_success
