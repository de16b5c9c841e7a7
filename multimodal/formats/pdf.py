"""Notes as PDF: the text that they hold, through pypdf. A scanned page holds none."""

from __future__ import annotations

import hashlib
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import NoReturn

from pypdf import PdfReader

from multimodal.case import Notice, Text
from multimodal.errors import LimitError, UnsupportedError
from multimodal.formats.guard import guarded
from multimodal.formats.limits import Limits
from multimodal.formats.text import note

_AGAIN_S = 0.1
"""Until the next try to stop: what is raised in a garbage collector's callback is lost."""


class _OutOfTimeError(BaseException):
    """Raised in the middle of pypdf, which catches any plain exception and goes on."""


def read_pdf(data: bytes, name: str, limits: Limits) -> Text:
    """Read the text of a PDF.

    Args:
        data: The file.
        name: Its name as the user gave it.
        limits: What it may claim and hold.

    Raises:
        CorruptFileError: If it is damaged.
        UnsupportedError: If it is encrypted or holds no text.
        LimitError: If not even its first page is read in the time allowed.
    """
    notices: list[Notice] = []
    pages: list[str] = []
    characters = 0
    total = 0
    try:
        with guarded(name, "PDF"), _bounded(limits.pdf_seconds):
            reader = PdfReader(BytesIO(data))
            if reader.is_encrypted:
                raise UnsupportedError("The PDF is protected by a password; save it without.", file=name)
            total = len(reader.pages)
            while len(pages) < min(total, limits.pdf_pages) and characters <= limits.text_characters:
                pages.append(reader.pages[len(pages)].extract_text())
                characters += len(pages[-1])
    except _OutOfTimeError:
        if not pages:
            message = f"Reading the PDF took longer than {limits.pdf_seconds:g} seconds and was stopped."
            raise LimitError(message, file=name) from None
    if len(pages) < total and characters <= limits.text_characters:
        message = f"Only the first {len(pages)} of {total} pages of the PDF were read."
        notices.append(Notice("truncated", message, name))
    text = "\n".join(pages)
    if not text.strip():
        raise UnsupportedError("The PDF holds no text; a scanned page has to be typed or recognised first.", file=name)
    return note(text, name, hashlib.sha256(data).hexdigest(), limits, notices)


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Stop after so much computing, whatever pypdf is doing; in a main thread, such as that of a decoding process."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, _AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _stop(*_: object) -> NoReturn:
    raise _OutOfTimeError
