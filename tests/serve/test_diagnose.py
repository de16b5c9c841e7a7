from __future__ import annotations

import asyncio
import base64
import io
import json
import tempfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from multimodal.case import Diagnosis, Patient
from multimodal.engine import Engine, Ticket, inference
from multimodal.errors import BusyError, UnavailableError
from multimodal.formats import read_case
from multimodal.formats.parcel import MEDIA_TYPE, pack
from multimodal.serve import LocalService, Question, Settings
from tests.engine.tiny import full_case
from tests.serve.conftest import until
from tests.serve.files import NOTE, film_png, parts, record


def content(text: str) -> dict:
    answer = json.loads(text)
    assert answer.pop("elapsed_ms") > 0
    return answer


def engine_says(sources, patient=None, **engine) -> dict:
    case = read_case(sources, patient=patient, isolated=False)
    return content(Engine(device="cpu", **engine).diagnose(case).to_json())


def sources(seed: int = 0) -> list[tuple[str, bytes]]:
    return [(f"{kind}:{name}", data) for kind, name, data in record(seed)]


def test_every_form_of_a_record_gets_the_engines_own_answer(api):
    expected = engine_says(sources(), Patient(60, "F"))
    coded = [
        {"name": name, "kind": kind, "content_base64": base64.b64encode(data).decode()} for kind, name, data in record()
    ]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a.txt", NOTE)
    case = full_case(1)
    with api() as client:
        form = client.post("/v1/diagnose", files=parts(), data={"age": "60", "sex": "F"})
        named = client.post("/v1/diagnose", files=[("file", ("note:n.txt", NOTE))])
        body = client.post("/v1/diagnose", json={"files": coded, "age": 60, "sex": "F"})
        zipped = client.post("/v1/diagnose", files=[("file", ("case.zip", archive.getvalue()))])
        sent = client.post("/v1/diagnose", content=pack(case, {}), headers={"Content-Type": MEDIA_TYPE})
    assert content(form.text) == expected
    assert content(body.text) == expected
    assert content(sent.text) == content(Engine(device="cpu").diagnose(case).to_json())
    assert named.json()["items"][0]["modality"] == "text"
    assert zipped.json()["items"][0]["name"] == "case.zip/a.txt"
    assert zipped.json()["case_id"] == "case"
    assert form.headers["content-type"] == "application/json"


def test_models_and_prevalence_are_per_request(api):
    choice, prevalence = {"image": "other_image", "fusion": "late"}, {"pneumonia": 0.4}
    expected = engine_says(sources(), models=choice, prevalence=prevalence)
    with api() as client:
        data = {"model": ["image=other_image", "fusion=late"], "prevalence": "pneumonia=0.4"}
        swapped = client.post("/v1/diagnose", files=parts(), data=data)
        default = client.post("/v1/diagnose", files=parts())
    assert content(swapped.text) == expected
    assert content(default.text) == engine_says(sources())


@pytest.mark.parametrize("name", ["no_such", "hf:org/name@main", "../image/tiny_image", "tiny_image+no_such"])
def test_only_listed_bundles_are_loaded(api, name):
    with api() as client:
        answer = client.post("/v1/diagnose", files=parts(), data={"model": f"image={name}"})
        unlikely = client.post("/v1/diagnose", files=parts(), data={"prevalence": "pneumonia=2"})
    assert answer.status_code == 404
    assert answer.json()["code"] == "bundle_not_found"
    assert (unlikely.status_code, unlikely.json()["code"]) == (400, "usage")


def test_a_bad_file_is_told_and_the_rest_is_scored(api):
    with api() as client:
        answer = client.post("/v1/diagnose", files=[*parts(), ("film", ("torn.png", film_png()[:200]))])
        nothing = client.post("/v1/diagnose", files=[("file", ("torn.png", film_png()[:200]))])
    assert answer.status_code == 200
    assert [w["item"] for w in answer.json()["warnings"] if w["refused"]] == ["torn.png"]
    assert nothing.status_code == 422
    assert nothing.json()["code"] == "empty_case"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"json": {"files": []}}, 400, "usage"),
        ({"json": {"files": [{"name": "a", "content_base64": "**Jane**"}]}}, 400, "usage"),
        ({"json": {"files": [{"name": "a", "content_base64": "QQ=="}], "age": "Jane"}}, 400, "usage"),
        ({"json": {"files": [{"name": "a", "content_base64": "QQ=="}], "jane": 1}}, 400, "usage"),
        ({"json": {"files": [{"name": "a", "content_base64": "QQ=="}], "models": {"jane": "x"}}}, 400, "usage"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "usage"),
        ({"content": b"Jane", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported"),
        ({"content": b"Jane", "headers": {"Content-Type": MEDIA_TYPE}}, 422, "corrupt_file"),
        ({"content": b"Jane", "headers": {"Content-Type": "multipart/form-data"}}, 400, "usage"),
        ({"files": parts(), "data": {"age": "200"}}, 400, "usage"),
        ({"files": parts(), "data": {"sex": "Jane"}}, 400, "usage"),
        ({"files": parts(), "data": {"model": "Jane"}}, 400, "usage"),
        ({"files": [("jane", ("a", b"x"))]}, 400, "usage"),
        ({"data": {"age": "60"}, "files": {}}, 415, "unsupported"),
    ],
)
def test_what_is_not_of_the_form_is_refused_without_quoting_it(api, double, request_, status, code):
    with api(double) as client:
        answer = client.post("/v1/diagnose", **request_)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message", "file"}
    assert answer.json()["code"] == code
    assert "jane" not in answer.text.lower().replace("jane:", "").replace("models.jane", "")


def test_nothing_of_an_upload_touches_the_disk(api, double, monkeypatch):
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda self: pytest.fail("written to disk"))
    with api(double) as client:
        answer = client.post("/v1/diagnose", files=[("film", ("big.png", bytes(5 << 20)))])
    assert answer.status_code == 200
    assert double.asked[0].size == 5 << 20


def test_many_at_once_each_get_their_own(api):
    alone = {i: engine_says(sources(i), Patient(age=30 + i)) for i in range(6)}
    with api() as client, ThreadPoolExecutor(12) as threads:

        def ask(i: int) -> dict:
            data = {"age": str(30 + i % 6)}
            return content(client.post("/v1/diagnose", files=parts(i % 6), data=data).text)

        for i, answer in enumerate(threads.map(ask, range(24))):
            assert answer == alone[i % 6]


class Held:
    """Holds every forward pass until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.entered = threading.Event(), threading.Event()
        forward = inference._forward

        def held(*args, **kwargs):
            self.entered.set()
            assert self.go.wait(10)
            return forward(*args, **kwargs)

        monkeypatch.setattr(inference, "_forward", held)


@pytest.fixture
def question() -> Question:
    return Question(sources=(("note:n.txt", NOTE),))


def test_a_full_service_refuses_and_frees_its_places(monkeypatch, question):
    async def scenario() -> None:
        service = LocalService(Settings(device="cpu", pending=2, threads=1))
        await service.start()
        held = Held(monkeypatch)
        asked = [asyncio.create_task(service.diagnose(question, Ticket(10))) for _ in range(2)]
        await asyncio.to_thread(held.entered.wait, 10)
        with pytest.raises(BusyError):
            await service.diagnose(question, Ticket(10))
        held.go.set()
        assert len({d.case_id for d in await asyncio.gather(*asked)}) == 1
        await asyncio.to_thread(until, lambda: service.load.pending == 0)
        assert isinstance(await service.diagnose(question, Ticket(10)), Diagnosis)
        await service.stop()

    asyncio.run(scenario())


def test_stopping_finishes_what_was_accepted_and_takes_no_more(monkeypatch, question):
    async def scenario() -> None:
        service = LocalService(Settings(device="cpu"))
        with pytest.raises(UnavailableError):
            await service.diagnose(question, Ticket(10))
        await service.start()
        held = Held(monkeypatch)
        accepted = asyncio.create_task(service.diagnose(question, Ticket(10)))
        await asyncio.to_thread(held.entered.wait, 10)
        stopping = asyncio.create_task(service.stop())
        await asyncio.sleep(0.05)
        with pytest.raises(UnavailableError):
            await service.diagnose(question, Ticket(10))
        held.go.set()
        await stopping
        assert (await accepted).items[0].used

    asyncio.run(scenario())


def test_a_slow_answer_is_a_timeout_and_its_place_comes_back(api, monkeypatch):
    monkeypatch.setattr("multimodal.serve.service.read_case", partial(read_case, isolated=False))  # at once
    with api(timeout_s=1.5, pending=1) as client:
        held = Held(monkeypatch)
        late = client.post("/v1/diagnose", files=parts())
        until(lambda: "multimodal_pending_cases 0.0" in client.get("/metrics").text)
        held.go.set()
    assert late.status_code == 504
    assert late.json()["code"] == "deadline"
