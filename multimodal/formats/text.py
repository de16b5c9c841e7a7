"""Clinical notes: bytes to text, whatever the encoding, and the headed parts of a report."""

from __future__ import annotations

import codecs
import hashlib
import re

from multimodal.case import Notice, Section, Text
from multimodal.errors import CorruptFileError, UnknownFormatError
from multimodal.formats.limits import Limits

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BYTES_A_CHARACTER = 4
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
# Zero-width characters, marks and overrides of direction, tags: they show nothing and can hide anything.
_HIDDEN = re.compile(r"[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_UNKNOWN = "This is none of what is read here: DICOM, PNG, JPEG, WAV, FLAC, MP3, OGG, PDF or plain text."
_CONTROL_SHARE = 0.01

# Heading as written -> title of the section.
_HEADINGS = {
    "indication": "indication",
    "indications": "indication",
    "clinical indication": "indication",
    "clinical information": "indication",
    "reason for exam": "indication",
    "reason for examination": "indication",
    "reason for visit": "chief complaint",
    "presenting complaint": "chief complaint",
    "chief complaint": "chief complaint",
    "clinical history": "history",
    "history": "history",
    "history of present illness": "history",
    "hpi": "history",
    "past history": "past medical history",
    "past medical history": "past medical history",
    "medical history": "past medical history",
    "medications": "medications",
    "allergies": "allergies",
    "family history": "family history",
    "social history": "social history",
    "review of systems": "review of systems",
    "vitals": "vitals",
    "vital signs": "vitals",
    "vitals reviewed": "vitals",
    "examination": "examination",
    "exam": "examination",
    "physical exam": "examination",
    "physical examination": "examination",
    "auscultation": "examination",
    "technique": "technique",
    "comparison": "comparison",
    "findings": "findings",
    "results": "results",
    "impression": "impression",
    "conclusion": "impression",
    "opinion": "impression",
    "assessment": "assessment",
    "assessment and plan": "assessment",
    "plan": "plan",
    "recommendation": "plan",
    "recommendations": "plan",
}
_NAMES = "|".join(sorted(_HEADINGS, key=len, reverse=True))
_HEADING = re.compile(
    # alone on its line, or at its start and followed by a colon, or in capitals anywhere and followed by one
    rf"^[ \t]*(?P<line>(?i:{_NAMES}))[ \t]*(?::|$)|\b(?P<inline>{_NAMES.upper()})[ \t]*:",
    re.MULTILINE,
)


def read_text(data: bytes, name: str, limits: Limits) -> Text:
    """Read a note.

    Args:
        data: The file.
        name: Its name as the user gave it.
        limits: What it may hold; characters beyond the limit are cut off with a notice.

    Raises:
        CorruptFileError: If it holds nothing but white space.
        UnknownFormatError: If it is no text.
    """
    notices: list[Notice] = []
    most = limits.text_characters * _BYTES_A_CHARACTER
    text, guessed = _decode(data[:most])
    if len(_CONTROL.findall(text)) > _CONTROL_SHARE * len(text) or (guessed and _CONTROL.search(text)):
        raise UnknownFormatError(_UNKNOWN, file=name)
    if guessed:
        notices.append(Notice("encoding_guessed", "The note isn't in UTF-8; some letters may be wrong.", name))
    return note(text, name, hashlib.sha256(data).hexdigest(), limits, notices, truncated=len(data) > most)


def note(text: str, name: str, sha256: str, limits: Limits, notices: list[Notice], *, truncated: bool = False) -> Text:
    """Make a note of decoded text: cut to the limit, without hidden characters, sections found.

    Args:
        text: Decoded, of any line ends.
        name: The file's name as the user gave it.
        sha256: Of the file.
        limits: How many characters are kept.
        notices: What is known of it already.
        truncated: Whether its end was left out before.

    Raises:
        CorruptFileError: If nothing but white space is left.
    """
    if truncated or len(text) > limits.text_characters:
        text = text[: limits.text_characters]
        message = f"Only the first {limits.text_characters:,} characters of the note were read."
        notices = [*notices, Notice("truncated", message, name)]
    clean = _HIDDEN.sub("", _CONTROL.sub("", text))
    if len(clean) != len(text):
        notices = [*notices, Notice("hidden_characters", "Invisible characters were removed from the note.", name)]
    clean = clean.replace("\r\n", "\n").replace("\r", "\n")
    if not clean.strip():
        raise CorruptFileError("The note holds no text.", file=name)
    return Text(name=name, sha256=sha256, text=clean, sections=find_sections(clean), notices=tuple(notices))


def find_sections(text: str) -> tuple[Section, ...]:
    """Find the headed parts of a report or a clinic note.

    >>> text = "INDICATION: Cough. FINDINGS: Clear lungs."
    >>> [(s.title, text[s.start : s.end]) for s in find_sections(text)]
    [('indication', 'Cough.'), ('findings', 'Clear lungs.')]
    """
    headings = list(_HEADING.finditer(text))
    sections = []
    for index, heading in enumerate(headings):
        start = heading.end()
        end = headings[index + 1].start() if index + 1 < len(headings) else len(text)
        body = text[start:end]
        start, end = end - len(body.lstrip()), start + len(body.rstrip())
        title = _HEADINGS[(heading["line"] or heading["inline"]).lower()]
        if start < end:
            sections.append(Section(title, start, end))
    return tuple(sections)


def _decode(data: bytes) -> tuple[str, bool]:
    """Text, and whether its encoding was guessed."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), False
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        text = ""
    if text and text.count("\0") * 4 < len(text):
        return text, False
    if data.count(b"\0") * 4 >= len(data):
        little = data[1::2].count(b"\0") > data[::2].count(b"\0")
        return data.decode("utf-16-le" if little else "utf-16-be", "replace"), False
    return data.decode("cp1252", "replace"), True
