"""The one place where the readers meet a foreign parser."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from multimodal.errors import CorruptFileError, LimitError, MultimodalError

# Warning filters and log levels belong to the process: two overlapping changes would leave one behind.
_PROCESS_WIDE = threading.RLock()
_LOGGERS = tuple(map(logging.getLogger, ("pydicom", "pypdf")))
_NOBODY = logging.NullHandler()


@contextmanager
def guarded(file: str, what: str) -> Iterator[None]:
    """Keep what a library says of a hostile file inside.

    Its warnings and log lines are dropped, because they quote the file and with it the
    patient, and its exceptions become one error that doesn't. One file at a time in a
    process: see :mod:`multimodal.formats.isolation` for several.

    Args:
        file: Name of the file, as the user gave it.
        what: What is being read, such as "DICOM pixel data".

    Raises:
        CorruptFileError: If the library raised anything.
        LimitError: If memory ran out.
    """
    with _PROCESS_WIDE, warnings.catch_warnings(), _silent_logs():
        warnings.simplefilter("ignore")
        with typed(file, what):
            yield


@contextmanager
def typed(file: str, what: str) -> Iterator[None]:
    """Turn whatever is raised into one error of the tree; for a library that neither warns nor logs.

    Args:
        file: Name of the file, as the user gave it.
        what: What is being read, such as "zip archive".

    Raises:
        CorruptFileError: If the library raised anything.
        LimitError: If memory ran out.
    """
    try:
        yield
    except MultimodalError:
        raise
    except MemoryError:
        raise LimitError(f"The {what} needs more memory than there is.", file=file) from None
    except BaseException as error:
        # A panic in a decoder written in Rust is no Exception; Ctrl-C isn't one either.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise CorruptFileError(f"The {what} cannot be decoded: the file seems damaged.", file=file) from None


@contextmanager
def _silent_logs() -> Iterator[None]:
    """Let what the libraries log reach nobody.

    Their levels are left alone: to set one makes every logger of the process forget what it knows, and with torch
    loaded there are hundreds.
    """
    heard = [(logger.handlers, logger.propagate) for logger in _LOGGERS]
    for logger in _LOGGERS:
        logger.handlers, logger.propagate = [_NOBODY], False
    try:
        yield
    finally:
        for logger, (handlers, propagate) in zip(_LOGGERS, heard, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
