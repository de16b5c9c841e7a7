"""The description of the API says what the API does."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from multimodal.cli import app as command
from multimodal.cli import run
from multimodal.serve import create_app
from tests.serve.conftest import Double


@pytest.fixture(scope="module")
def description() -> dict:
    return create_app(Double()).openapi()


def references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_every_reference_leads_somewhere(description):
    for reference in references(description):
        node = description
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


def test_every_way_to_fail_has_one_form(description):
    for path, methods in description["paths"].items():
        for method, entry in methods.items():
            for status, answer in entry["responses"].items():
                if status.startswith(("4", "5")):
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Refusal"}, (path, method, status)


def test_the_examples_work(api, description):
    def example(name: str) -> dict:
        found = {}
        for key, schema in description["components"]["schemas"][name]["properties"].items():
            if "examples" in schema:
                found[key] = schema["examples"][0]
        return found

    record = {**example("OneRecord"), "files": [example("File")]}
    assert set(record) == {"case_id", "age", "sex", "models", "prevalence", "files"}
    with api() as client:
        answer = client.post("/v1/diagnose", json=record)
        models = client.get("/v1/models")
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == set(description["components"]["schemas"]["Diagnosis"]["properties"])
    assert set(models.json()) == set(description["components"]["schemas"]["Catalogue"]["properties"])


def test_what_can_answer_is_listed(api):
    with api() as client:
        told = client.get("/v1/models", params={"image": "other_image"}).json()
        unknown = client.get("/v1/models", params={"image": "no_such"})
    assert told["device"] == "cpu"
    assert told["answering"]["image"]["name"] == "other_image"
    assert told["answering"]["fusion"]["name"] == "late", "a swapped branch makes the trained head fall back"
    entries = {(entry["kind"], entry["name"]): entry for entry in told["bundles"]}
    assert entries["fusion", "tiny_gated"]["branches"]["image"] == entries["image", "tiny_image"]["sha256"]
    assert [key for key, entry in entries.items() if entry["default"]] == [
        *(("image", "tiny_image"), ("audio", "tiny_audio"), ("text", "tiny_text"), ("fusion", "tiny_gated"))
    ]
    assert unknown.status_code == 404


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "clinic.example"])
def test_listening_for_others_needs_a_token(monkeypatch, capsys, address):
    monkeypatch.delenv("MULTIMODAL_TOKEN", raising=False)
    assert run(["serve", "--address", address]) == 2
    assert "needs a token" in capsys.readouterr().err


def test_a_backend_is_one_that_there_is(capsys):
    assert run(["serve", "--device", "cpu", "--backend", "tensorrt"]) == 2
    assert "torch, onnx, onnx-int8" in capsys.readouterr().err


def test_a_short_or_missing_token_is_refused(tmp_path, capsys):
    (tmp_path / "token").write_text("short\n")
    assert run(["serve", "--token-file", str(tmp_path / "token")]) == 2
    assert "at least 20 characters" in capsys.readouterr().err
    assert run(["serve", "--token-file", str(tmp_path / "none")]) == 2


def test_the_server_is_started_with_what_was_asked_for(monkeypatch, tmp_path):
    import uvicorn

    started = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: started.update(options, app=app))
    (tmp_path / "token").write_text("a-token-of-thirty-two-characters\n")
    arguments = ["serve", "--address", "0.0.0.0", "--port", "9", "--device", "cpu", "--token-file"]
    assert CliRunner().invoke(command, [*arguments, str(tmp_path / "token")]).exit_code == 0
    assert (started["host"], started["port"], started["access_log"]) == ("0.0.0.0", 9, False)
    assert started["timeout_graceful_shutdown"] > 0
