"""The decoding process: confines itself, then reads files for its parent until the parent is gone.

Started by :mod:`multimodal.formats.isolation.pool` as an interpreter of its own, without
torch and with no more of the environment than it needs.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from multimodal.errors import DecoderError, InputError, LimitError
from multimodal.formats import identity
from multimodal.formats.isolation import wire
from multimodal.formats.limits import Limits
from multimodal.formats.reader import Kind, Reading, read_with_patient

if sys.platform != "win32":
    import fcntl
    import resource

READY = b"\x06"
_GRACE_S = 1.0  # the parent's clock strikes first; this one is for a parent that is gone

Decode = Callable[[bytes, str, Kind | None, Limits], Reading]


def serve(decode: Decode = read_with_patient) -> None:
    """Answer what comes in on standard input, on standard output, until there is no more.

    Args:
        decode: Reads one file. Only a caller in Python can give another one: no argument,
            variable or message of the process names it.
    """
    source = os.fdopen(os.dup(0), "rb")
    sink = FileIO(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a codec prints is no answer
    at_rest = _confine()
    sink.write(READY)
    while (question := wire.asked(source)) is not None:
        data, name, kind, limits, salt = question
        identity.take_salt(salt)
        try:
            with _bounded(sink.fileno(), at_rest, limits):
                reading = decode(data, name, kind, limits)
        except InputError as error:
            wire.refuse(sink, error)
        except MemoryError:
            wire.refuse(sink, LimitError("The file needs more memory than the limit allows.", file=name))
        except Exception as error:
            message = f"The file cannot be decoded: the reader failed ({type(error).__name__})."
            wire.refuse(sink, DecoderError(message, file=name))
        else:
            wire.reply(sink, reading)


def _confine() -> int:
    """Give up what decoding doesn't need; return the address space in use, in bytes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this process
    if sys.platform == "win32":
        return 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the patient's file
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # nothing is written to any disk
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@contextmanager
def _bounded(lifeline: int, at_rest: int, limits: Limits) -> Iterator[None]:
    """Bound memory and time, and let the kernel end the process with its parent, whatever a codec is doing.

    The lifeline is the pipe of the answers: the parent reads from it only what was sent before the question
    came. On the pipe of the questions, the signal of the last write may come after all of it was read.
    """
    if sys.platform == "win32":
        yield
        return
    if at_rest:
        resource.setrlimit(resource.RLIMIT_AS, (at_rest + limits.decode_bytes, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_REAL, limits.decode_seconds + _GRACE_S)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        yield
    finally:
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags)
        signal.setitimer(signal.ITIMER_REAL, 0)
