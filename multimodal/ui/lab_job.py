"""Work in the background that a page can watch and stop. No Streamlit."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

from multimodal.errors import MultimodalError

T = TypeVar("T")

Tell = Callable[[str, float], None]
"""Hears what is being done and the share of it that is done."""


class Job(Generic[T]):
    """One piece of work in a thread of its own.

    Args:
        work: Called with a :data:`Tell`, which it calls often: that is where it is stopped.

    Attributes:
        problem: Why there is no result, in one sentence; None while it runs, if there is one, and if it was stopped.
        stopped: Whether it was stopped and so has no result.
    """

    def __init__(self, work: Callable[[Tell], T]) -> None:
        self.problem: str | None = None
        self.stopped = False
        self._work = work
        self._result: T | None = None
        self._stop = Event()
        self._lock = Lock()
        self._progress = ("Starting", 0.0)
        self._thread = Thread(target=self._run, name="lab", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> tuple[str, float]:
        """What is being done, and the share between 0 and 1 that is done."""
        with self._lock:
            words, done = self._progress
        return ("Stopping after this step" if self.stopping else words), done

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    @property
    def result(self) -> T | None:
        """What it came to; None while it runs, and if it was stopped or failed."""
        return None if self.running else self._result

    def stop(self) -> None:
        """Stop at the next step."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._result = self._work(self._tell)
        except _StoppedError:
            self.stopped = True
        except MultimodalError as error:
            self.problem = str(error)
        except Exception as error:  # the thread has nobody to raise to
            self.problem = f"The program failed ({type(error).__name__})."

    def _tell(self, words: str, done: float) -> None:
        if self._stop.is_set():
            raise _StoppedError
        with self._lock:
            self._progress = (words, min(1.0, max(0.0, done)))


class _StoppedError(Exception):
    """The reader has stopped the work."""
