"""Who may enter: anybody on this machine; from elsewhere, who signs in or knows the token."""

from __future__ import annotations

import hmac
import os
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from threading import Lock

import streamlit as st

from multimodal.ui.door import LOOPBACK, server_address

TOKEN_VARIABLE = "MULTIMODAL_APP_TOKEN"  # noqa: S105 - the name of it
"""Names the secret that opens the app from other machines where nobody signs in."""

SHORTEST_TOKEN = 20
_ENTERED = "entered"


class Gate(StrEnum):
    """What stands before the app."""

    OPEN = "open"
    SIGN_IN = "sign in"
    TOKEN = "token"  # noqa: S105 - a word
    SHUT = "shut"


def gate(address: str, *, can_sign_in: bool, token: str) -> Gate:
    """What stands before an app that listens on ``address``.

    >>> gate("127.0.0.1", can_sign_in=False, token="")
    <Gate.OPEN: 'open'>
    >>> gate("0.0.0.0", can_sign_in=False, token="short")
    <Gate.SHUT: 'shut'>
    """
    if can_sign_in:
        return Gate.SIGN_IN
    if address in LOOPBACK:
        return Gate.OPEN
    return Gate.TOKEN if len(token) >= SHORTEST_TOKEN else Gate.SHUT


class Attempts:
    """Counts wrong tokens over all sessions, since a guesser can open as many as he likes.

    Args:
        most: Wrong tokens allowed ...
        seconds: ... within this time.
        clock: Tells the time.
    """

    def __init__(self, most: int = 10, seconds: float = 60, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._wrong: deque[float] = deque(maxlen=most)
        self._lock = Lock()

    def wait(self) -> float:
        """Seconds until the next try is looked at; 0 for at once."""
        with self._lock:
            if len(self._wrong) < self._most:
                return 0.0
            return max(0.0, self._wrong[0] + self._seconds - self._clock())

    def right(self, given: str, token: str) -> bool:
        """Whether the token is right, told in the same time however much of it is."""
        found = hmac.compare_digest(given.encode(), token.encode())
        if not found:
            with self._lock:
                self._wrong.append(self._clock())
        return found


def entered() -> bool:
    """Whether this session gave the token."""
    return bool(st.session_state.get(_ENTERED))


def require() -> None:
    """Let the reader in, or draw what stands before the app and stop there."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    # Without [auth] in the secrets, Streamlit's user knows of no signing in.
    kind = gate(server_address(), can_sign_in="is_logged_in" in st.user, token=token)
    if kind is Gate.OPEN or (kind is Gate.SIGN_IN and st.user.is_logged_in) or entered():
        return
    st.title("Multimodal Diagnosis")
    if kind is Gate.SIGN_IN:
        st.write("Others can reach this server. Sign in to go on.")
        st.button("Sign in", type="primary", on_click=st.login)
    elif kind is Gate.TOKEN:
        _ask(token)
    else:
        st.error(
            "Others can reach this server, and nothing tells who may use it. Let it listen on 127.0.0.1, set up "
            f"sign-in ([auth] in the secrets), or set {TOKEN_VARIABLE} to {SHORTEST_TOKEN} characters or more."
        )
    st.stop()


def _ask(token: str) -> None:
    attempts = _attempts()
    with st.form("token", width=480):
        given = st.text_input("Token", type="password", max_chars=200, autocomplete="off")
        asked = st.form_submit_button("Enter", type="primary")
    if not asked:
        return
    if wait := attempts.wait():
        st.error(f"Too many wrong tokens. Try again in {wait:.0f} seconds.")
    elif attempts.right(given, token):
        st.session_state[_ENTERED] = True
        st.rerun()
    else:
        st.error("That is not the token.")


@st.cache_resource(show_spinner=False)
def _attempts() -> Attempts:
    """One count for the whole server."""
    return Attempts()
