"""Notes as PDF: the text that they hold, through pypdf. A scanned page holds none."""

from __future__ import annotations

import hashlib
import time
from io import BytesIO

from pypdf import PdfReader

from multimodal.case import Notice, Text
from multimodal.errors import UnsupportedError
from multimodal.formats.guard import guarded
from multimodal.formats.limits import Limits
from multimodal.formats.text import note


def read_pdf(data: bytes, name: str, limits: Limits) -> Text:
    """Read the text of a PDF.

    Args:
        data: The file.
        name: Its name as the user gave it.
        limits: What it may claim and hold.

    Raises:
        CorruptFileError: If it is damaged.
        UnsupportedError: If it is encrypted or holds no text.
    """
    notices: list[Notice] = []
    pages: list[str] = []
    characters = 0
    stop = time.monotonic() + limits.pdf_seconds
    with guarded(name, "PDF"):
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted:
            raise UnsupportedError("The PDF is protected by a password; save it without.", file=name)
        total = len(reader.pages)
        while len(pages) < total and characters <= limits.text_characters:
            if len(pages) == limits.pdf_pages or time.monotonic() > stop:
                message = f"Only the first {len(pages)} of {total} pages of the PDF were read."
                notices.append(Notice("truncated", message, name))
                break
            pages.append(reader.pages[len(pages)].extract_text())
            characters += len(pages[-1])
    text = "\n".join(pages)
    if not text.strip():
        raise UnsupportedError("The PDF holds no text; a scanned page has to be typed or recognised first.", file=name)
    return note(text, name, hashlib.sha256(data).hexdigest(), limits, notices)
