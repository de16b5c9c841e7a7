from __future__ import annotations

import asyncio
import base64

from multimodal.errors import BusyError, EmptyCaseError
from tests.serve.conftest import until
from tests.serve.files import NOTE


def cases(*names: str) -> list[tuple[str, tuple[str, bytes]]]:
    return [("case", (name, NOTE)) for name in names]


def finished(client, job_id: str) -> dict:
    until(lambda: client.get(f"/v1/jobs/{job_id}").json()["state"] == "done")
    return client.get(f"/v1/jobs/{job_id}").json()


def test_a_job_answers_every_case_in_order_and_a_bad_one_with_its_error(api):
    with api() as client:
        started = client.post(
            "/v1/jobs", files=[*cases("a.txt", "b.txt"), ("case", ("torn.png", b"\x89PNG\r\n\x1a\n")), *cases("d.txt")]
        )
        job = finished(client, started.json()["job_id"])
        later = client.get(f"/v1/jobs/{job['job_id']}", params={"since": 3}).json()
    assert started.status_code == 202
    assert started.headers["location"] == f"/v1/jobs/{job['job_id']}"
    assert (job["total"], job["done"], job["failed"]) == (4, 4, 1)
    assert [result["case_id"] for result in job["results"]] == ["a", "b", "torn.png", "d"]
    assert job["results"][2]["error"]["code"] == "empty_case"
    assert job["results"][0]["labels"]
    assert later["results"] == job["results"][3:]


def test_records_of_a_job_can_be_json(api, double):
    file = {"name": "n.txt", "content_base64": base64.b64encode(NOTE).decode()}
    body = {"cases": [{"case_id": "x", "files": [file], "age": 50}], "models": {"fusion": "late"}}
    with api(double) as client:
        finished(client, client.post("/v1/jobs", json=body).json()["job_id"])
    (asked,) = double.asked
    assert (asked.case_id, asked.patient.age, asked.models, asked.sources) == (
        "x",
        50,
        {"fusion": "late"},
        (("n.txt", NOTE),),
    )


def test_progress_shows_results_up_to_the_first_that_is_missing(api, double):
    hold = asyncio.Event()
    double.answer = lambda question: hold.wait() if question.sources[0][0] == "b.txt" else None
    with api(double, job_parallel=2) as client:
        job_id = client.post("/v1/jobs", files=cases("a.txt", "b.txt", "c.txt")).json()["job_id"]
        until(lambda: client.get(f"/v1/jobs/{job_id}").json()["done"] == 2)
        job = client.get(f"/v1/jobs/{job_id}").json()
        client.portal.call(hold.set)
        assert finished(client, job_id)["done"] == 3
    assert job["state"] == "running"
    assert [result["case_id"] for result in job["results"]] == ["a.txt"]


def test_requests_go_first_and_a_job_waits(api, double):
    turns = iter([BusyError("Full."), BusyError("Full."), None])

    def answer(question):
        turn = next(turns)
        if turn is not None:
            raise turn

    double.answer = answer
    with api(double) as client:
        job = finished(client, client.post("/v1/jobs", files=cases("a.txt")).json()["job_id"])
    assert (job["failed"], len(double.asked)) == (0, 3)


def test_whatever_breaks_on_a_case_the_others_go_on(api, double):
    def answer(question):
        if question.sources[0][0] == "a.txt":
            raise ValueError("canary")
        raise EmptyCaseError("Nothing.")

    double.answer = answer
    with api(double) as client:
        job = finished(client, client.post("/v1/jobs", files=cases("a.txt", "b.txt")).json()["job_id"])
    assert [result["error"]["code"] for result in job["results"]] == ["error", "empty_case"]
    assert "canary" not in str(job)


def test_a_job_that_is_deleted_stops_and_is_forgotten(api, double):
    double.answer = lambda question: asyncio.sleep(30)
    with api(double, job_parallel=1) as client:
        job_id = client.post("/v1/jobs", files=cases("a.txt", "b.txt")).json()["job_id"]
        until(lambda: len(double.asked) == 1)
        assert client.delete(f"/v1/jobs/{job_id}").status_code == 204
        until(double.gave_up.is_set)
        gone = client.get(f"/v1/jobs/{job_id}")
        assert client.delete(f"/v1/jobs/{job_id}").status_code == 404
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert len(double.asked) == 1


def test_jobs_are_bounded_in_cases_number_bytes_and_time(api, double):
    double.answer = lambda question: asyncio.sleep(30) if question.sources[0][0] == "slow.txt" else None
    with api(double, job_cases=2, jobs=2, job_keep_s=60) as client:
        assert client.post("/v1/jobs", files=cases("a", "b", "c")).status_code == 413
        first = client.post("/v1/jobs", files=cases("slow.txt")).json()["job_id"]
        second = client.post("/v1/jobs", files=cases("a.txt")).json()["job_id"]
        finished(client, second)
        third = client.post("/v1/jobs", files=cases("slow.txt"))
        assert third.status_code == 202
        assert client.get(f"/v1/jobs/{second}").status_code == 404, "the oldest that was done makes place"
        assert client.get(f"/v1/jobs/{first}").status_code == 200
        assert client.post("/v1/jobs", files=cases("a.txt")).status_code == 429
        for job_id in (first, third.json()["job_id"]):
            client.delete(f"/v1/jobs/{job_id}")
    with api(double, pending_bytes=2000, body_bytes=2000, shutdown_s=0.1) as client:
        double.ready = True
        client.post("/v1/jobs", files=[("case", ("slow.txt", bytes(1500)))])
        until(lambda: "multimodal_pending_body_bytes 0.0" in client.get("/metrics").text)
        full = client.post("/v1/jobs", files=[("case", ("slow.txt", bytes(1500)))])
    assert full.status_code == 429
    double.ready = True
    with api(double, job_keep_s=0) as client:
        job_id = client.post("/v1/jobs", files=cases("a.txt")).json()["job_id"]
        until(lambda: client.get(f"/v1/jobs/{job_id}").status_code == 404)
