"""Where a record goes and where a case is kept, in words that are true of the server, the database and the address."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from multimodal.ui.door import LOOPBACK


def goes(address: str, server: str = "") -> str:
    """Whether a record leaves the machine that the app runs on.

    Args:
        address: What the app listens on.
        server: The server that answers in place of the app; empty for none.

    >>> goes("127.0.0.1")
    'Data stays on this machine.'
    >>> goes("127.0.0.1", "https://ward.example")
    'Data leaves this machine: the server https://ward.example answers.'
    """
    here = _here(address)
    if server and _host(server) not in LOOPBACK:
        return f"Data leaves {here}: the server {server} answers."
    if server:
        return f"Data goes to the server {server} on {here}, which answers."
    return f"Data stays on {here}." if address in LOOPBACK else f"Data goes to {here}, and no further."


def stays(address: str, database: str, *, shared: bool = False) -> str:
    """Where saved cases are.

    Args:
        address: What the app listens on.
        database: URL of the database.
        shared: Whether all who know the token share one list.

    >>> stays("127.0.0.1", "sqlite:////data/cases.db")
    'Cases stay on this machine, in a database that only you can read.'
    >>> stays("127.0.0.1", "postgresql://me@ward.example/cases")
    'Cases leave this machine: the database on ward.example keeps them.'
    """
    here = _here(address)
    elsewhere = database_host(database)
    if elsewhere:
        words = f"Cases leave {here}: the database on {elsewhere} keeps them."
    elif shared:
        words = f"Cases stay on {here}."
    elif address in LOOPBACK and database.startswith("sqlite"):
        return f"Cases stay on {here}, in a database that only you can read."
    else:
        words = f"Cases stay on {here}, in its database."
    return f"{words} All who know the token see them." if shared else words


def database_host(database: str) -> str:
    """The other machine that a database runs on; empty for this one.

    A PostgreSQL URL names its host before the path or as a parameter; without one the driver takes ``PGHOST``, and
    without that a socket of this machine (PostgreSQL documentation, 34.1.2 and 34.15).

    >>> database_host("postgresql://me@/cases?host=/run/postgresql")
    ''
    """
    try:
        url = make_url(database)
    except (ArgumentError, ValueError):
        return ""
    if url.get_backend_name() != "postgresql":
        return ""
    given = url.host or url.query.get("host") or os.environ.get("PGHOST", "")
    hosts = given.split(",") if isinstance(given, str) else given
    return ", ".join(host for host in hosts if host and host not in LOOPBACK and not host.startswith(("/", "@")))


def _here(address: str) -> str:
    return "this machine" if address in LOOPBACK else "the machine that runs this app"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
