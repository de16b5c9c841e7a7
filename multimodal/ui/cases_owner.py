"""Whose worklist it is."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import streamlit as st

from multimodal.store import Store, Worklist, database_url
from multimodal.ui import access, where
from multimodal.ui.door import LOOPBACK, server_address

LOCAL = "local"
"""The owner where nobody signs in, because only this machine can reach the app."""

SHARED = "shared"
"""The owner where everybody enters by one token: they share a worklist, as they share the token."""


def worklist() -> Worklist | None:
    """The reader's own cases; None where it can't be told whose they are.

    Raises:
        MultimodalError: If the database can't be opened.
    """
    key = owner(st.user.to_dict(), server_address(), by_token=access.entered())
    return None if key is None else _store(database_url()).worklist(key)


def owner(user: Mapping[str, object], address: str, *, by_token: bool = False) -> str | None:
    """The key under which a reader's cases are kept.

    Args:
        user: Claims of who is signed in, as Streamlit gives them.
        address: What the server listens on.
        by_token: Whether the reader entered by the server's token.

    Returns:
        A hash of issuer and subject, so that the database holds no name or address of a person; :data:`LOCAL`
        without sign-in on loopback; :data:`SHARED` by token; None where others can reach the server and neither
        was asked for.
    """
    if user.get("is_logged_in"):
        identity = (user.get("iss"), user.get("sub") or user.get("email"))
        return sha256(repr(identity).encode()).hexdigest()
    if address in LOOPBACK:
        return LOCAL
    return SHARED if by_token else None


def kept_where() -> str:
    """Where the reader's cases are kept, in words."""
    shared = owner(st.user.to_dict(), server_address(), by_token=access.entered()) == SHARED
    return where.stays(server_address(), database_url(), shared=shared)


@st.cache_resource(show_spinner=False, max_entries=1)
def _store(url: str) -> Store:
    """The connections are shared; what they fetch is not."""
    return Store(url)
