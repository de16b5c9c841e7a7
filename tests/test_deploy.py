"""The examples under deploy/: as far as they can be checked without a container engine or a cluster."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def serve_configs() -> dict[str, Any]:
    return {
        "ray.yaml": read("ray.yaml"),
        "rayservice.yaml": yaml.safe_load(read("rayservice.yaml")["spec"]["serveConfigV2"]),
    }


def test_one_machine_and_a_cluster_run_the_same_application() -> None:
    here, cluster = serve_configs().values()
    (alone,), (spread,) = here["applications"], cluster["applications"]
    assert alone == {name: value for name, value in spread.items() if name != "deployments"}
    assert (here["http_options"]["host"], cluster["http_options"]["host"]) == ("127.0.0.1", "0.0.0.0")


@pytest.mark.parametrize("name", ["ray.yaml", "rayservice.yaml"])
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_ray_takes_the_configuration(name: str) -> None:
    schema = pytest.importorskip("ray.serve.schema", reason="the ray extra is not installed")
    from multimodal.serve.ray import build

    (application,) = schema.ServeDeploySchema.model_validate(serve_configs()[name]).applications
    assert application.import_path == f"{build.__module__}:{build.__name__}"
    if application.deployments:
        assert {deployment.name for deployment in application.deployments} == {
            deployment.name for deployment in deployments(build({"device": "cpu"}))
        }


def deployments(application: Any) -> Iterator[Any]:
    """Of an application and all that it is bound to; each once."""
    found, waiting = {}, [application]
    while waiting:
        bound = waiting.pop()._bound_deployment
        if bound.name not in found:
            found[bound.name] = bound
            waiting += [value for value in bound.init_args if hasattr(value, "_bound_deployment")]
    yield from found.values()


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_on_one_machine_all_starts_on_two_cores_and_shares_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the ray extra is not installed")
    from multimodal.serve import ray

    without = [found.ray_actor_options for found in deployments(ray.build({"device": "cpu"}))]
    assert sum(options["num_cpus"] for options in without) <= 2
    assert not any(options.get("num_gpus") for options in without)
    monkeypatch.setattr(ray, "resolve", lambda device: torch.device("cuda"))
    shared = {found.name: found.ray_actor_options.get("num_gpus", 0) for found in deployments(ray.build({}))}
    assert {name for name, share in shared.items() if share} == {"Image", "Audio", "Text"}
    assert sum(shared.values()) <= 1


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_jobs_are_kept_in_one_place() -> None:
    pytest.importorskip("ray", reason="the ray extra is not installed")
    from multimodal.serve import ray

    (keeper,) = (found for found in deployments(ray.build({"device": "cpu"})) if found.name == "Jobs")
    assert keeper.num_replicas == 1
    (application,) = serve_configs()["rayservice.yaml"]["applications"]
    (jobs,) = (entry for entry in application["deployments"] if entry["name"] == "Jobs")
    assert "autoscaling_config" not in jobs


def test_the_fractions_of_a_gpu_fit_onto_one() -> None:
    (application,) = serve_configs()["rayservice.yaml"]["applications"]
    shares = [deployment["ray_actor_options"].get("num_gpus", 0) for deployment in application["deployments"]]
    assert 0 < sum(shares) <= 1


def test_only_the_app_can_be_reached_and_only_from_this_host() -> None:
    services = read("compose.yaml")["services"]
    assert "ports" not in services["server"]
    assert all(port.startswith("127.0.0.1:") for port in services["app"]["ports"])
    for name, secrets in {"server": ["MULTIMODAL_TOKEN"], "app": ["MULTIMODAL_TOKEN", "MULTIMODAL_APP_TOKEN"]}.items():
        for secret in secrets:
            assert services[name]["environment"][secret].startswith(f"${{{secret}:?")
        assert services[name]["cap_drop"] == ["ALL"]


def test_the_cluster_asks_for_tokens() -> None:
    config = read("rayservice.yaml")["spec"]["rayClusterConfig"]
    assert config["authOptions"] == {"mode": "token"}
    for group in (config["headGroupSpec"], *config["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert [entry["name"] for entry in container["env"]] == ["MULTIMODAL_TOKEN"]
        assert group["template"]["spec"]["securityContext"]["runAsNonRoot"]


def test_the_image_installs_extras_that_exist_and_runs_without_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.search(r"^# ([\w, ]+): what this image", text, re.MULTILINE)
    assert named is not None
    assert {*named[1].split(", "), *re.findall(r"ARG EXTRAS=(\w+)", text)} <= set(extras)
    assert re.search(r"^USER \d+$", text, re.MULTILINE)
