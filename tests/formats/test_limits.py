from __future__ import annotations

import pytest

from multimodal import formats
from multimodal.errors import LimitError, UsageError
from multimodal.formats import LIMITS, Limits, read
from tests.formats.files import film, png


def test_defaults_without_an_environment() -> None:
    assert Limits.from_environment({}) == LIMITS


def test_the_environment_sets_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIMODAL_LIMIT_PIXELS", "1000")
    monkeypatch.setenv("MULTIMODAL_LIMIT_PDF_SECONDS", "0.5")
    assert Limits.from_environment() == Limits(pixels=1000, pdf_seconds=0.5)
    with pytest.raises(LimitError):
        read(png(film()), "film.png")


@pytest.mark.parametrize("value", ["many", "", "-1", "0", "nan", "1.5"])
def test_a_limit_that_is_no_positive_number_is_an_error(value: str) -> None:
    with pytest.raises(UsageError, match="MULTIMODAL_LIMIT_PIXELS"):
        Limits.from_environment({"MULTIMODAL_LIMIT_PIXELS": value})


def test_every_public_name_exists() -> None:
    assert all(hasattr(formats, name) for name in formats.__all__)
