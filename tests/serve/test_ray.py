"""The cluster on this machine: slow to start, so everything is asked of one."""

from __future__ import annotations

import asyncio
import json
import pickle
import shutil
import socket
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from multimodal import Diagnosis, Engine, read_case
from multimodal.engine import Ticket
from multimodal.errors import BusyError, CorruptFileError, DeadlineError, UnavailableError, UsageError
from multimodal.phantom import draw_patient, render
from multimodal.phantom.record import FILES
from multimodal.serve import Question, Settings
from multimodal.serve.settings import TOKEN

ray = pytest.importorskip("ray", reason="the ray extra is not installed")
cluster = pytest.importorskip("multimodal.serve.cluster", reason="the ray extra is not installed")
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]
SECRET = "a token of the cluster's tests"


@pytest.fixture(autouse=True)
def _tiny_zoo() -> None:
    """None: the cluster's processes have the bundles that ship."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from ray import serve

    from multimodal.serve.ray import build

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {TOKEN: SECRET, "OMP_NUM_THREADS": "1"}
    folder = tempfile.mkdtemp(prefix="ray-")  # short, since the names of sockets are
    ray.init(
        address="local",
        num_cpus=8,
        include_dashboard=False,
        object_store_memory=200 << 20,
        log_to_driver=False,
        runtime_env={"env_vars": environment},
        _temp_dir=folder,
    )
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(build({"device": "cpu"}))
        yield f"http://127.0.0.1:{port}"
    finally:
        serve.shutdown()
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def sources(seed: int = 0) -> list[tuple[str, bytes]]:
    files = render(draw_patient(seed)).files
    return [(f"{kind}:{name}", files[name]) for kind, name in FILES.items()]


def call(address: str, path: str, body: dict | None = None, token: str = SECRET, method: str | None = None) -> bytes:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    content = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{address}{path}", content, headers, method=method), timeout=120) as answer:
        return answer.read()


def post(address: str, body: dict, token: str = SECRET) -> bytes:
    return call(address, "/v1/diagnose", body, token)


def body(files: list[tuple[str, bytes]], **more: object) -> dict:
    return {"files": [{"name": name, "content_base64": b64encode(data).decode()} for name, data in files], **more}


@pytest.mark.parametrize("models", [{}, {"image": "small_cnn", "fusion": "late"}])
def test_the_cluster_answers_as_the_embedded_engine(address: str, models: dict[str, str]) -> None:
    here = Engine(models, device="cpu").diagnose(read_case(sources()))
    there = Diagnosis.from_json(post(address, body(sources(), models=models)).decode())
    assert there.models == here.models
    assert [notice.code for notice in there.warnings] == [notice.code for notice in here.warnings]
    for subset, labels in here.by_subset.items():
        assert there.by_subset[subset] == pytest.approx(labels, abs=1e-5)


def test_a_cluster_asks_for_its_token(address: str) -> None:
    with pytest.raises(HTTPError) as caught:
        post(address, body(sources()), token="another token that is wrong")
    assert caught.value.code == 401


def test_a_job_is_known_wherever_it_is_asked_for(address: str) -> None:
    cases = [body(sources(seed), case_id=f"case-{seed}") for seed in (0, 1)]
    job = json.loads(call(address, "/v1/jobs", {"cases": cases}))
    while job["state"] == "running":
        job = json.loads(call(address, f"/v1/jobs/{job['job_id']}"))
    assert [result["case_id"] for result in job["results"]] == ["case-0", "case-1"]
    assert not job["failed"]
    call(address, f"/v1/jobs/{job['job_id']}", method="DELETE")
    with pytest.raises(HTTPError) as caught:
        call(address, f"/v1/jobs/{job['job_id']}")
    assert caught.value.code == 404


@pytest.mark.parametrize(
    ("asked", "code"), [({"models": {"image": "no_such"}}, "bundle_not_found"), ({"prevalence": {"x": 0.5}}, "usage")]
)
def test_errors_keep_their_codes(address: str, asked: dict[str, object], code: str) -> None:
    with pytest.raises(HTTPError) as caught:
        post(address, body(sources(), **asked))
    assert json.loads(caught.value.read())["code"] == code


class Handle:
    """A deployment's handle, without a deployment."""

    def __init__(self, answer: object, seconds: float = 0.0, lost: int = 0) -> None:
        self._answer, self._seconds, self._lost = answer, seconds, lost

    async def remote(self, *_: object) -> object:
        await asyncio.sleep(self._seconds)
        if self._lost:
            self._lost -= 1
            raise ray.exceptions.ActorDiedError
        return self._answer


def ask(decode: object, fusion: object, seconds: float = 5.0, **limits: object) -> object:
    service = cluster.ClusterService(Settings(device="cpu", **limits))
    service._decode, service._fusion = decode, fusion
    return asyncio.run(service.diagnose(Question(sources=(("note.txt", b"cough"),)), Ticket(seconds)))


def test_an_error_of_a_deployment_is_raised_as_itself() -> None:
    error = pickle.loads(pickle.dumps(CorruptFileError("The film is cut short.", file="a.dcm")))
    with pytest.raises(CorruptFileError, match=r"a.dcm: The film is cut short"):
        ask(Handle(error), Handle("an answer"))
    assert ask(Handle("a case"), Handle("an answer")) == "an answer"


def test_a_cluster_that_is_too_slow_or_not_there_is_told() -> None:
    with pytest.raises(DeadlineError):
        ask(Handle("a case"), Handle("an answer", seconds=5.0), seconds=0.05)
    with pytest.raises(UnavailableError):
        ask(None, None)


def test_a_request_whose_worker_is_lost_is_asked_once_more() -> None:
    assert ask(Handle("a case", lost=1), Handle("an answer", lost=1)) == "an answer"
    with pytest.raises(UnavailableError, match="lost"):
        ask(Handle("a case"), Handle("an answer", lost=2))


def test_a_way_in_has_so_many_cases_in_hand_and_no_more() -> None:
    with pytest.raises(BusyError):
        ask(Handle("a case"), Handle("an answer"), pending=0)


def test_without_a_token_there_is_no_api(monkeypatch: pytest.MonkeyPatch) -> None:
    from multimodal.serve.ray import api

    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(UsageError, match=TOKEN):
        api()
    monkeypatch.setenv(TOKEN, SECRET)
    assert api().title == "Multimodal Diagnosis"
