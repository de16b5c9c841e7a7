"""How long an answer is waited for, and whether it is still wanted."""

from __future__ import annotations

import math
import threading
import time

from multimodal.errors import AbandonedError, DeadlineError


class Ticket:
    """One request's deadline; safe to share between threads.

    Args:
        seconds: From now until the answer is worth nothing.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._gone = threading.Event()

    @property
    def left(self) -> float:
        """Seconds that are left; never below 0."""
        return max(0.0, self._end - time.monotonic())

    def give_up(self) -> None:
        """Say that nobody waits any more."""
        self._gone.set()

    def check(self) -> None:
        """Raise unless the answer is still wanted.

        Raises:
            AbandonedError: If nobody waits any more.
            DeadlineError: If the time is up.
        """
        if self._gone.is_set():
            raise AbandonedError("Nobody waits for this answer any more.")
        if self.left <= 0:
            raise DeadlineError(f"There was no answer within {self.seconds:g} seconds.")
