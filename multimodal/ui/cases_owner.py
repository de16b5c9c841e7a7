"""Whose worklist it is."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import streamlit as st

from multimodal.store import Store, Worklist, database_url

LOCAL = "local"
"""The owner where nobody signs in, because only this machine can reach the app."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def worklist() -> Worklist | None:
    """The reader's own cases; None where it can't be told whose they are.

    Raises:
        MultimodalError: If the database can't be opened.
    """
    key = owner(st.user.to_dict(), str(st.get_option("server.address") or ""))
    return None if key is None else _store(database_url()).worklist(key)


def owner(user: Mapping[str, object], address: str) -> str | None:
    """The key under which a reader's cases are kept.

    Args:
        user: Claims of who is signed in, as Streamlit gives them.
        address: What the server listens on.

    Returns:
        A hash of issuer and subject, so that the database holds no name or address of a person; :data:`LOCAL`
        without sign-in on loopback; None without sign-in where others can reach the server.
    """
    if user.get("is_logged_in"):
        identity = (user.get("iss"), user.get("sub") or user.get("email"))
        return sha256(repr(identity).encode()).hexdigest()
    return LOCAL if address in _LOOPBACK else None


@st.cache_resource(show_spinner=False, max_entries=1)
def _store(url: str) -> Store:
    """The connections are shared; what they fetch is not."""
    return Store(url)
