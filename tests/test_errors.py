"""Every code is documented, and every documented code exists and is expected by some test."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from multimodal.errors import MultimodalError
from multimodal.formats import LIMITS
from multimodal.formats.limits import PREFIX

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "errors.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| (.+?) \|(.*)\|$", re.MULTILINE)
ABSTRACT = {"input", "model", "service"}
BY_NAME = {"foreign_input": "FOREIGN"}  # given as a constant


def tree(root: type[MultimodalError] = MultimodalError) -> dict[str, str]:
    """Class of every error of the package, by code."""
    found = {root.code: root.__name__}
    for child in root.__subclasses__():
        if child.__module__.startswith("multimodal."):
            found |= tree(child)
    return found


@cache
def notices() -> frozenset[str]:
    """Codes of the notices that the package gives, as they stand in its source."""
    found = set(BY_NAME)
    for path in (ROOT / "multimodal").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(first := node.args[0], ast.Constant):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in ("Notice", "flag", "refuse") and isinstance(first.value, str):
                    found.add(first.value)
    return frozenset(found)


@cache
def of_http() -> frozenset[str]:
    """Codes that the server gives for the framework's own refusals."""
    source = (ROOT / "multimodal" / "serve" / "answers.py").read_text(encoding="utf-8")
    return frozenset(re.findall(r'\d{3}: "(\w+)"', source))


@cache
def expectations() -> str:
    """All tests but this one."""
    paths = (path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def documented() -> dict[str, tuple[str, str]]:
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len({code for code, *_ in rows}) == len(rows)
    return {code: (means.strip(), advice.strip()) for code, means, advice in rows}


def test_every_code_is_documented_and_none_that_does_not_exist() -> None:
    assert set(documented()) == set(tree()) | notices() | of_http()


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    for code, (means, advice) in documented().items():
        assert means.endswith("."), code
        assert code in ABSTRACT or advice.endswith((".", "(below).")), code


@pytest.mark.parametrize("code", sorted(set(tree()) - ABSTRACT))
def test_every_error_is_reached_by_a_test(code: str) -> None:
    assert re.search(rf"(?:raises\(|, ){tree()[code]}\b|[\"'|]{code}\b", expectations())


@pytest.mark.parametrize("code", sorted(notices()))
def test_every_notice_is_reached_by_a_test(code: str) -> None:
    assert re.search(rf"[\"'|]{code}[\"'|]|\b{BY_NAME.get(code, code)}\b", expectations())


def test_settings_of_the_decoding_are_documented_with_their_defaults() -> None:
    stated = dict(re.findall(rf"`{PREFIX}(\w+)` \| ([\d]+)", DOCUMENT.read_text(encoding="utf-8")))
    limits = {name: getattr(LIMITS, name.lower()) for name in stated}
    limits["DECODE_BYTES"] //= 1 << 30
    assert {name: int(value) for name, value in stated.items()} == limits
    assert len(stated) == 4
