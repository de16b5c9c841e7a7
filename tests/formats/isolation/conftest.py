from __future__ import annotations

from collections.abc import Iterator

import pytest

from multimodal.formats import LIMITS
from multimodal.formats.isolation import Pool
from tests.formats.isolation.harm import HARM, NOTE


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(2, HARM)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MULTIMODAL_TOKEN", "SECRET")
        made.read(NOTE, "n.txt", None, LIMITS)  # started
    yield made
    made.close()
