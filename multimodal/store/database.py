"""Where the worklist is kept: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_data_path
from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from multimodal.errors import MissingExtraError, StoreError, UsageError
from multimodal.store.schema import VERSION, Base, VersionRow
from multimodal.store.worklist import Worklist

DATABASE_VARIABLE = "MULTIMODAL_DATABASE"
"""Names the database as a URL, such as ``postgresql://user@host/name`` or ``sqlite:////folder/cases.db``."""

WAIT_S = 15
"""How long a writer waits for another one, in seconds."""

_CREATING = 0x6D6D6463
"""Key of the PostgreSQL advisory lock under which the tables are made."""

# FULL, because a review is a person's word and must outlive a power cut, and one fsync a review costs nothing;
# secure_delete, because deleted means gone; temp_store, so that sorting leaves nothing in a temporary file.
_PRAGMAS = (
    f"busy_timeout = {1000 * WAIT_S}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "temp_store = MEMORY",
)
# By the beginning of SQLite's error name or by SQLSTATE.
_TOLD = {
    "SQLITE_FULL": "The disk is full; nothing was changed.",
    "SQLITE_READONLY": "The database may only be read; nothing was changed.",
    "SQLITE_BUSY": "Another program has kept the database busy; try again.",
    "SQLITE_CORRUPT": "The database file is damaged.",
    "SQLITE_NOTADB": "The file named as the database is none.",
    "SQLITE_CANTOPEN": "The database file can't be opened.",
    "53100": "The disk is full; nothing was changed.",
    "25006": "The database may only be read; nothing was changed.",
}


def database_url(environment: Mapping[str, str] | None = None) -> str:
    """The database that the environment names, else a file in the user's own data folder."""
    given = (os.environ if environment is None else environment).get(DATABASE_VARIABLE)
    return given or f"sqlite:///{user_data_path('multimodal-diagnosis', appauthor=False) / 'cases.db'}"


class Store:
    """An open database; safe to share between threads and users, since it only hands out worklists.

    Args:
        url: The database; by default that of :func:`database_url`. A SQLite file that doesn't
            exist is created, readable by its user alone.

    Raises:
        UsageError: If the URL is none of SQLite or PostgreSQL.
        MissingExtraError: If PostgreSQL is asked for without its driver.
        StoreError: If the database can't be opened, or a newer version has written it.
    """

    def __init__(self, url: str | None = None) -> None:
        parsed = _parsed(url or database_url())
        with told():
            self._engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise

    def worklist(self, owner: str) -> Worklist:
        """The cases of one owner, and nobody else's."""
        return Worklist(self, owner)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session on one unchanging view of the database."""
        with told(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are kept together at its end, or not at all."""
        # SQLite: the lock is taken at the start, so that two writers wait for each other instead of one failing.
        with told(), Session(self._engine.execution_options(begin="IMMEDIATE")) as session, session.begin():
            yield session

    def scrub(self) -> None:
        """Leave nothing of what was deleted in the files.

        SQLite has overwritten it in the database (``secure_delete``), but the write-ahead log still holds
        the old pages until it is emptied. On PostgreSQL deleted rows lie in the server's files until its
        next VACUUM, and in its archives as long as the server's owner keeps those.
        """
        with told():
            if self._engine.dialect.name == "sqlite":
                connection = self._engine.raw_connection()
                try:
                    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                finally:
                    connection.close()
            else:
                with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connected:
                    connected.execute(text("VACUUM cases, case_labels, case_models, case_inputs"))

    def _prepare(self) -> None:
        """Make the tables in a new database; refuse a newer one."""
        with self._engine.connect() as connection:
            version = _version(connection)
        if version is None:
            with self._engine.execution_options(begin="IMMEDIATE").begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({_CREATING})"))
                version = _version(connection)
                if version is None:
                    Base.metadata.create_all(connection)
                    connection.execute(insert(VersionRow).values(version=VERSION))
                    version = VERSION
        if version > VERSION:
            raise StoreError(
                f"A newer version of this program has written the database (tables {version}, known here: {VERSION})."
            )


@contextmanager
def told() -> Iterator[None]:
    """Tell what went wrong in a plain sentence; a library's own message quotes the data.

    Raises:
        StoreError: Instead of any error of the database.
    """
    try:
        yield
    except DBAPIError as error:
        name = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""
        reason = next((words for code, words in _TOLD.items() if name.startswith(code)), None)
        raise StoreError(reason or "The database can't be reached, read or written.") from None
    except (SQLAlchemyError, sqlite3.Error):
        raise StoreError("The database can't be read or written.") from None
    except OSError as error:
        raise StoreError(f"The database file can't be created ({error.strerror}).") from None


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(VersionRow.__tablename__):
        return None
    return connection.execute(select(VersionRow.version)).scalar()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        backend = ""
    if backend not in ("sqlite", "postgresql") or (backend == "sqlite" and parsed.database in (None, "", ":memory:")):
        raise UsageError(f"Expected {DATABASE_VARIABLE} to be sqlite:///FILE or postgresql://USER@HOST/NAME.")
    return parsed


def _sqlite(url: URL) -> Engine:
    file = Path(url.database or "").expanduser()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    engine = create_engine(URL.create("sqlite", database=str(file)), hide_parameters=True)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, not where the driver guesses
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True)
    except ImportError:
        raise MissingExtraError('PostgreSQL needs a driver: pip install "multimodal-diagnosis[postgres]".') from None
