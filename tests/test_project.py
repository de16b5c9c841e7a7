"""What holds for the project as a whole: layers, sizes, documents, names."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import multimodal
from multimodal import errors

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 400


def tracked(*patterns: str) -> list[Path]:
    """Files of the project, as git sees them, or as they lie there in an unpacked release."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        folders = ("multimodal", "pages", "tests", "benchmarks")
        found = [
            ROOT / "app.py",
            *(path for folder in folders for path in (ROOT / folder).rglob("*.py")),
        ]
        return [path for path in found if path.exists()]
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def modules_with_examples() -> list[str]:
    sources = (ROOT / "multimodal").rglob("*.py")
    found = [path.relative_to(ROOT) for path in sources if ">>> " in path.read_text(encoding="utf-8")]
    return sorted(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in found)


def error_types(root: type[errors.MultimodalError] = errors.MultimodalError) -> list[type[errors.MultimodalError]]:
    return [root, *(found for child in root.__subclasses__() for found in error_types(child))]


def test_imports_point_one_way() -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout


def test_layers_have_no_exceptions() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

    for contract in settings["contracts"]:
        assert not contract.get("ignore_imports")
        assert not contract.get("exhaustive_ignores")


def test_no_module_imports_the_package_itself() -> None:
    pattern = re.compile(r"^\s*(import multimodal\s*(#|$)|from multimodal import)", re.MULTILINE)

    assert [path for path in tracked("multimodal/*.py") if pattern.search(path.read_text())] == []


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): n
        for path in tracked("*.py")
        if (n := len(path.read_text().splitlines())) > MAX_LINES
    }

    assert long == {}


def test_names_of_modules_say_what_they_hold() -> None:
    empty_words = {"utils", "util", "helpers", "helper", "common", "core", "manager", "misc"}

    assert [path for path in tracked("*.py") if path.stem in empty_words or path.parent.name in empty_words] == []


@pytest.mark.parametrize("name", multimodal.__all__)
def test_public_names_resolve(name: str) -> None:
    assert getattr(multimodal, name) is not None
    assert name in dir(multimodal)


def test_public_names_are_those_documented() -> None:
    assert set(multimodal.__all__) == {
        "LABELS",
        "Case",
        "Diagnosis",
        "Engine",
        "MultimodalError",
        "Patient",
        "__version__",
        "read",
        "read_case",
    }
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = multimodal.no_such_name


def test_packages_export_what_they_define() -> None:
    for path in tracked("multimodal/**/__init__.py"):
        module = import_module(".".join(path.parent.relative_to(ROOT).parts))
        missing = [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)]
        assert missing == [], path


def test_version_is_told_once_and_in_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == multimodal.__version__
    assert f"## [{multimodal.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_error_codes_are_unique_and_documented() -> None:
    codes = [error.code for error in error_types()]

    assert len(set(codes)) == len(codes)
    leaves = [error for error in error_types() if not error.__subclasses__()]
    assert errors.__doc__ is not None
    for error in leaves:
        assert re.search(rf"{error.__name__}\s+{error.code}\s+\S", errors.__doc__), error


def test_no_paths_of_a_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:home|root|Users|work|mnt|tmp)/\w+")
    texts = [path for path in tracked() if path.suffix in {".py", ".md", ".toml", ".yaml", ".json", ".css", ".js", ""}]
    found = {
        str(path.relative_to(ROOT)): hits
        for path in texts
        if path != Path(__file__) and (hits := pattern.findall(path.read_text(encoding="utf-8", errors="ignore")))
    }

    assert found == {}


@pytest.mark.parametrize("module", modules_with_examples())
def test_docstring_examples_print_what_they_say(module: str) -> None:
    result = doctest.testmod(import_module(module))

    assert result.attempted > 0
    assert result.failed == 0


def test_no_pickled_weights() -> None:
    assert [path for path in tracked() if path.suffix in {".pt", ".pth", ".bin", ".pkl", ".ckpt", ".npy", ".npz"}] == []


def test_the_readmes_backbone_is_one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from multimodal.branches import create, image, registry
    from multimodal.prepare import settings_from

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = readme.split("### A new backbone is one class", 1)[1].split("```python\n", 1)[1].split("```", 1)[0]
    monkeypatch.setattr(registry, "_REGISTRY", {kind: dict(archs) for kind, archs in registry._REGISTRY.items()})

    exec(compile(f"from __future__ import annotations\n{code}", "README.md", "exec"), dict(vars(image)))

    branch = create("image", "tiny_cnn", labels=["pneumonia", "no_finding"], preparation=settings_from("image", {}))
    embedding, logits = branch(torch.zeros(3, 1, 64, 64))
    assert embedding.shape == (3, 16)
    assert logits.shape == (3, 2)


def test_the_readme_starts_with_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert "pip install -e . && streamlit run app.py\n" in readme
    assert 'pip install -e ".[test]" && pytest\n' in readme
    assert "not a medical device" in readme
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", readme)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)
