from __future__ import annotations

import codecs
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.case import Text
from multimodal.errors import CorruptFileError, LimitError, UnknownFormatError, UnsupportedError
from multimodal.formats import Limits, read
from multimodal.formats.text import find_sections
from tests.formats.files import endless_pdf, pdf

NOTE = "Température 39 °C, toux. Müdigkeit – seit 3 Tagen."


def text(data: bytes, **options: object) -> Text:
    item = read(data, "note.txt", **options)
    assert isinstance(item, Text)
    return item


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (NOTE.encode(), []),
        (codecs.BOM_UTF8 + NOTE.encode(), []),
        (codecs.BOM_UTF16_LE + NOTE.encode("utf-16-le"), []),
        (codecs.BOM_UTF16_BE + NOTE.encode("utf-16-be"), []),
        (codecs.BOM_UTF32_LE + NOTE.encode("utf-32-le"), []),
        (NOTE.encode("utf-16-le"), []),
        (NOTE.encode("utf-16-be"), []),
        (NOTE.encode("cp1252"), ["encoding_guessed"]),
        (NOTE.replace("toux", "to\0ux\u202e").encode() + 9 * NOTE.encode(), ["hidden_characters"]),
    ],
    ids=["utf-8", "utf-8 bom", "utf-16-le bom", "utf-16-be bom", "utf-32", "utf-16-le", "utf-16-be", "cp1252", "nul"],
)
def test_encodings(data: bytes, codes: list[str]) -> None:
    result = text(data)
    assert result.text.startswith(NOTE)
    assert [notice.code for notice in result.notices] == codes


def test_line_ends_are_one() -> None:
    assert text(b"a\r\nb\rc\n").text == "a\nb\nc\n"


@pytest.mark.parametrize("data", [b" \n\t ", codecs.BOM_UTF8, "\u200b\u200b".encode()])
def test_nothing_but_white_space_is_no_note(data: bytes) -> None:
    with pytest.raises(CorruptFileError):
        text(data)


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"\x01\x02\x03abc", b"\xff\x00\x81" * 50])
def test_binary_is_no_note(data: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        text(data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("letter", ["a", "é", "肺"])
def test_a_long_note_is_cut_and_says_so(letter: str, encoding: str) -> None:
    limits = Limits(text_characters=100)
    exact, longer = (text((letter * n).encode(encoding), limits=limits) for n in (100, 101))
    far_longer = text((letter * 5000).encode(encoding), limits=limits)
    assert exact.notices == ()
    for cut in (longer, far_longer):
        assert cut.text == letter * 100
        assert [notice.code for notice in cut.notices] == ["truncated"]


REPORT = """INDICATION: Cough, findings: none so far.
Comparison: None.
FINDINGS:
Clear lungs. No effusion.

IMPRESSION
1. Normal.
"""


def test_sections_of_a_report() -> None:
    result = text(REPORT.encode())
    assert [(part.title, result.text[part.start : part.end]) for part in result.sections] == [
        ("indication", "Cough, findings: none so far."),
        ("comparison", "None."),
        ("findings", "Clear lungs. No effusion."),
        ("impression", "1. Normal."),
    ]


@pytest.mark.parametrize(
    ("note", "titles"),
    [
        ("HISTORY OF PRESENT ILLNESS\n\nCough.\n\nASSESSMENT AND PLAN\n\nRest.", ["history", "assessment"]),
        ("Clinical indication: cough. CONCLUSION: normal", ["indication", "impression"]),
        ("Physical exam: clear.\nPlan: none.", ["examination", "plan"]),
        ("FINDINGS:\nIMPRESSION: normal", ["impression"]),
        ("The impression: that history repeats.", []),
    ],
)
def test_sections_of_other_notes(note: str, titles: list[str]) -> None:
    assert [part.title for part in find_sections(note)] == titles


@given(st.text(alphabet=st.sampled_from("FINDGSfindgs: \n\tIMPRESSION.é"), max_size=300))
def test_sections_lie_in_the_text_in_order(note: str) -> None:
    end = 0
    for part in find_sections(note):
        assert end <= part.start < part.end <= len(note)
        assert note[part.start : part.end] == note[part.start : part.end].strip()
        end = part.end


def test_pdf() -> None:
    result = text(pdf(["FINDINGS: Clear lungs.", "IMPRESSION: Normal."]))
    assert [part.title for part in result.sections] == ["findings", "impression"]
    assert result.notices == ()


def test_pdf_beyond_its_pages_is_cut_and_says_so() -> None:
    result = text(pdf(["Cough."], pages=5), limits=Limits(pdf_pages=2))
    assert result.text.count("Cough.") == 2
    assert [notice.code for notice in result.notices] == ["truncated"]


def test_pdf_without_text_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="no text"):
        text(pdf([]))


def test_damaged_pdf_is_refused() -> None:
    with pytest.raises(CorruptFileError):
        text(b"%PDF-1.4\nnothing of the sort")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # where it hits a collector's callback
def test_a_pdf_that_draws_without_end_is_stopped() -> None:
    begin = time.process_time()
    with pytest.raises(LimitError, match=r"longer than 0\.3 seconds"):
        read(endless_pdf(), "n.pdf", limits=Limits(pdf_seconds=0.3))
    assert time.process_time() - begin < 2
    assert isinstance(read(pdf(["Cough."]), "n.pdf"), Text)  # and its clock with it
