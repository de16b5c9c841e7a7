"""A new database: SQLite always, PostgreSQL where MULTIMODAL_TEST_POSTGRES names one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from multimodal.store import Store, Worklist

POSTGRES = os.environ.get("MULTIMODAL_TEST_POSTGRES")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param(
            "postgresql",
            marks=pytest.mark.skipif(POSTGRES is None, reason="MULTIMODAL_TEST_POSTGRES names no database"),
        ),
    ]
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'cases.db'}"
        return
    import psycopg

    schema = f"test_{uuid4().hex}"
    with psycopg.connect(str(POSTGRES), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture
def mine(store: Store) -> Worklist:
    return store.worklist("me")
