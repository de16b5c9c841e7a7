"""A note's tokens are those of its words, all of them, once or in an overlap."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from multimodal.case import Text
from multimodal.errors import BundleInvalidError
from multimodal.prepare.text import (
    SPECIAL_TOKENS,
    TextPreparation,
    clean,
    clean_aligned,
    encode,
    load_tokenizer,
    pad_id,
    prepare_text,
    train_tokenizer,
)

NOTES = ["Heart size is normal. The lungs are clear.", "Small left effusion, 12 mm. No pneumothorax."] * 3
SETTINGS = TextPreparation(max_tokens=16, overlap=4, max_windows=5)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(NOTES, vocab_size=300)


def note(text: str) -> Text:
    return Text("note", "", text)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("  heart \t size\u00a0normal ", "heart size normal"),
        ("one.\r\n\r\n two.", "one.\ntwo."),
        ("ﬁne Ⅳ １２", "fine IV 12"),
        ("a\u200bb\u202ec\u00add\x00e\ufefff", "abcdef"),
        ("re\u0301sume\u0301", "résumé"),
        ("\n \n", ""),
        ("", ""),
    ],
)
def test_clean(given: str, expected: str) -> None:
    assert clean(given) == expected


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_cleaned_text_holds_nothing_hidden_and_knows_where_it_came_from(text: str) -> None:
    cleaned, origins = clean_aligned(text)
    assert len(origins) == len(cleaned)
    assert list(origins) == sorted(origins)
    assert all(0 <= origin < len(text) for origin in origins)
    assert cleaned == cleaned.strip()
    assert not any(unicodedata.category(c)[0] == "C" and c != "\n" for c in cleaned)
    assert "  " not in cleaned
    assert "\n\n" not in cleaned


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=0x24F, exclude_categories=["Cs"]), max_size=80))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_a_short_note_is_one_window(tokenizer: Tokenizer) -> None:
    x = prepare_text(note("heart size"), SETTINGS, tokenizer)
    assert x.dtype == torch.int64
    assert [tokenizer.id_to_token(i) for i in x[0].tolist()] == ["[CLS]", "heart", "size", "[SEP]"]


def test_a_long_note_is_read_in_overlapping_windows(tokenizer: Tokenizer) -> None:
    text = "heart size is normal. " * 9
    windows = encode(clean(text), SETTINGS, tokenizer)
    assert all(len(window.ids) <= 16 for window in windows)
    pieces = [window.ids[1:-1] for window in windows]
    joined = pieces[0]
    for piece in pieces[1:]:
        assert piece[:4] == joined[-4:]
        joined = joined + piece[4:]
    assert joined == tokenizer.encode(clean(text), add_special_tokens=False).ids


def test_windows_are_filled_up_and_limited(tokenizer: Tokenizer) -> None:
    x = prepare_text(note("heart size is normal. " * 4), SETTINGS, tokenizer)
    assert x.shape == (2, 16)
    assert (x[1] == pad_id(tokenizer)).any()
    assert prepare_text(note("heart " * 500), SETTINGS, tokenizer).shape == (5, 16)


def test_offsets_point_into_the_note(tokenizer: Tokenizer) -> None:
    text = "The  LUNGS\u200b are\tclear."
    cleaned, origins = clean_aligned(text)
    window = encode(cleaned, SETTINGS, tokenizer)[0]
    start, end = window.offsets[window.tokens.index("lungs")]
    assert text[origins[start] : origins[end - 1] + 1] == "LUNGS"


def test_an_empty_note_is_a_window_of_special_tokens(tokenizer: Tokenizer) -> None:
    assert prepare_text(note(""), SETTINGS, tokenizer).shape == (1, 2)


def test_a_trained_tokenizer_keeps_its_size_and_its_special_tokens(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() <= 300
    assert [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == [0, 1, 2, 3, 4]
    assert tokenizer.encode("Heart").ids == tokenizer.encode("HEART").ids


def test_a_loaded_tokenizer_neither_cuts_nor_fills(tokenizer: Tokenizer, tmp_path: Path) -> None:
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.enable_truncation(3)
    copy.enable_padding(length=50)
    path = tmp_path / "tokenizer.json"
    copy.save(str(path))
    text = "the lungs are clear"
    assert load_tokenizer(path).encode(text).ids == tokenizer.encode(text).ids


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"model": {"type": "pickle"}}'])
def test_what_is_no_tokenizer_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(BundleInvalidError, match=r"tokenizer.json: The file is no tokenizer"):
        load_tokenizer(path)


def test_a_missing_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleInvalidError, match="missing"):
        load_tokenizer(tmp_path / "tokenizer.json")


def test_the_same_notes_make_the_same_tokenizer():
    notes = [
        "The cardiac silhouette is enlarged.",
        "Pleural effusion on the left, heart size normal.",
        "ab ba bc cb",
    ] * 2
    assert len({train_tokenizer(notes, 90).to_str() for _ in range(12)}) == 1
