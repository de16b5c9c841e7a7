"""The parent's side: a few decoding processes, started when they are needed and replaced when they are lost."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from contextlib import suppress
from io import RawIOBase
from threading import BoundedSemaphore, Lock, Timer
from typing import cast

from multimodal.errors import DecoderError, InputError, LimitError
from multimodal.formats import identity
from multimodal.formats.isolation import wire
from multimodal.formats.isolation.worker import READY
from multimodal.formats.limits import Limits
from multimodal.formats.reader import Kind, Reading, check_size

if sys.platform == "linux":
    import fcntl

# An interpreter that sees the modules of its parent, and nothing of its environment or main module.
_START = "import sys; sys.path[:] = sys.argv[1:]; "
_SERVE = "from multimodal.formats.isolation.worker import serve; serve()"
_START_SECONDS = 60.0
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_PIPE_BYTES = 1 << 20


class Pool:
    """Reads files in processes that it can lose; safe to share between threads.

    Args:
        processes: How many decode at the same time; each takes about 80 MB at rest.
        code: What a process runs, in Python; it calls ``worker.serve``.
    """

    def __init__(self, processes: int, code: str = _SERVE) -> None:
        self._code = code
        self._places = BoundedSemaphore(processes)
        self._lock = Lock()
        self._idle: list[_Child] = []

    def read(self, data: bytes, name: str, kind: Kind | None, limits: Limits) -> Reading:
        """Read one file, and what it says of the patient.

        Args:
            data: The file.
            name: Its name as the user gave it.
            kind: What the user says that it is; None for what its content says.
            limits: What it may claim, hold and take.

        Raises:
            InputError: As :func:`multimodal.formats.read` does.
            LimitError: Also if it takes more time or memory than the limits allow.
            DecoderError: If the decoder crashed, or cannot be started.
        """
        check_size(len(data), name, limits)
        with self._places:
            child = self._take(name)
            try:
                return child.read(data, name, kind, limits)
            finally:
                self._put_back(child, limits)

    def close(self) -> None:
        """End the processes that have nothing to do."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.stop()

    def _take(self, name: str) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.alive:
                    return child
                child.stop()
        try:
            return _Child(self._code)
        except OSError as error:
            raise DecoderError(f"No decoding process can be started ({error.strerror}).", file=name) from None

    def _put_back(self, child: _Child, limits: Limits) -> None:
        if not child.sound or child.files >= limits.decode_files:
            child.stop()
            return
        with self._lock:
            self._idle.append(child)


class _Child:
    """One decoding process.

    Attributes:
        files: How many it has answered for.
        sound: False from the start of a question until its answer is whole.
    """

    def __init__(self, code: str) -> None:
        kept = {key: value for key in _PASSED_ON if (value := os.environ.get(key)) is not None}
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter, and code of this package
            [sys.executable, "-I", "-c", _START + code, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, **_ONE_THREAD},
            bufsize=0,
        )
        self.files = 0
        self.sound = True
        self._ready = False
        self._late = False
        self._sink, self._source = cast(RawIOBase, self.process.stdin), cast(RawIOBase, self.process.stdout)
        _widen(self._sink, self._source)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def read(self, data: bytes, name: str, kind: Kind | None, limits: Limits) -> Reading:
        """Have it read a file; raises as :meth:`Pool.read` does."""
        self.sound = False
        self._start(name)
        clock = self._clock(limits.decode_seconds)
        try:
            wire.ask(self._sink, data, name, kind, limits, identity.salt())
            reading = wire.replied(self._source, limits)
        except (wire.BrokenFrameError, OSError):
            raise self._lost(name, limits) from None
        except MemoryError:
            raise LimitError("The decoded file needs more memory than there is.", file=name) from None
        except InputError:
            self._answered()
            raise
        finally:
            clock.cancel()
        self._answered()
        return reading

    def stop(self) -> None:
        """End it, whatever it does, and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        self._sink.close()
        self._source.close()

    def _start(self, name: str) -> None:
        if self._ready:
            return
        clock = self._clock(_START_SECONDS)
        self._ready = self._source.read(1) == READY
        clock.cancel()
        if not self._ready:
            raise DecoderError("The decoding process did not start.", file=name)

    def _clock(self, seconds: float) -> Timer:
        clock = Timer(seconds, self._expire)
        clock.daemon = True
        clock.start()
        return clock

    def _expire(self) -> None:
        self._late = True
        self.process.kill()

    def _answered(self) -> None:
        self.files += 1
        self.sound = not self._late

    def _lost(self, name: str, limits: Limits) -> InputError:
        if self._late:
            message = f"Decoding took longer than {limits.decode_seconds:g} seconds and was stopped."
            return LimitError(message, file=name)
        return DecoderError("The decoder crashed on this file, which seems damaged.", file=name)


def _widen(*pipes: RawIOBase) -> None:
    """Let a pipe hold a film or so at a time, where the system allows it."""
    if sys.platform == "linux":
        with suppress(OSError):
            for pipe in pipes:
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


_pools: dict[int, Pool] = {}


def shared() -> Pool:
    """The pool of this process; one that was forked off has its own."""
    return _pools.setdefault(os.getpid(), Pool(Limits.from_environment().decode_processes))


@atexit.register
def _close() -> None:
    if (pool := _pools.pop(os.getpid(), None)) is not None:
        pool.close()
