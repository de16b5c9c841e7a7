"""A clinical note becomes token ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Encoding, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from multimodal.case import Text
from multimodal.errors import BundleInvalidError

PAD, UNKNOWN, CLASSIFY, SEPARATE, MASK = SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_PAD_NAMES = (PAD, "<pad>")


@dataclass(frozen=True)
class TextPreparation:
    """How notes are prepared for one text branch.

    Attributes:
        max_tokens: Tokens of a window, special tokens included.
        overlap: Tokens that a window repeats from the one before.
        max_windows: Windows read of a long note, from its start.
    """

    max_tokens: int = 192
    overlap: int = 32
    max_windows: int = 8

    def __post_init__(self) -> None:
        if not (8 <= self.max_tokens <= 8192 and 0 <= self.overlap < self.max_tokens and 1 <= self.max_windows <= 64):
            raise BundleInvalidError(f"Expected usable text preparation settings, but got {self}.")


def prepare_text(text: Text, settings: TextPreparation, tokenizer: Tokenizer) -> Tensor:
    """Note to network input.

    Args:
        text: The note.
        settings: The branch's own.
        tokenizer: The branch's own.

    Returns:
        (W, T) int64: token ids of W windows, filled up with the pad id to the longest of them.
    """
    ids = [torch.tensor(window.ids) for window in encode(clean(text.text), settings, tokenizer)]
    return pad_sequence(ids, batch_first=True, padding_value=pad_id(tokenizer))


def encode(cleaned: str, settings: TextPreparation, tokenizer: Tokenizer) -> list[Encoding]:
    """Overlapping windows of a cleaned note, each with special tokens and with offsets into ``cleaned``.

    Args:
        cleaned: The note as :func:`clean` gives it.
        settings: Tokens of a window, their overlap, and how many windows at most.
        tokenizer: The branch's own.
    """
    room = settings.max_tokens - tokenizer.num_special_tokens_to_add(False)
    encoding = tokenizer.encode(cleaned, add_special_tokens=False)
    encoding.truncate(room, stride=min(settings.overlap, room - 1))
    windows = [encoding, *encoding.overflowing][: settings.max_windows]
    return [tokenizer.post_process(window) for window in windows]


def clean(text: str) -> str:
    r"""The note as a tokenizer should see it.

    Compatibility forms are folded (NFKC), control, zero-width and bidirectional characters dropped, runs of blanks
    become one blank and runs of line breaks one line break.

    >>> clean("Ｈeart\u200b  size \t normal.\r\n\n Lungs clear.")
    'Heart size normal.\nLungs clear.'
    """
    return clean_aligned(text)[0]


def clean_aligned(text: str) -> tuple[str, tuple[int, ...]]:
    """:func:`clean`, and for each character of the result the index in ``text`` that it comes from."""
    pairs = [
        (character, start)
        for start, cluster in _clusters(text)
        for character in unicodedata.normalize("NFKC", cluster)
        if character.isspace() or unicodedata.category(character)[0] != "C"
    ]
    folded = "".join(character for character, _ in pairs)
    cleaned: list[tuple[str, int]] = []
    for match in re.finditer(r"\s+|\S+", folded):
        run = pairs[match.start() : match.end()]
        if not match[0].isspace():
            cleaned += run
        elif cleaned and match.end() < len(folded):
            cleaned.append(("\n" if re.search(r"[\n\r\v\f\x85\u2028\u2029]", match[0]) else " ", run[0][1]))
    return "".join(character for character, _ in cleaned), tuple(start for _, start in cleaned)


def _clusters(text: str) -> Iterable[tuple[int, str]]:
    """Each visible character with the combining marks that follow it, and its index."""
    start, cluster = 0, ""
    for index, character in enumerate(text):
        if not character.isspace() and unicodedata.category(character)[0] == "C":
            continue
        if cluster and unicodedata.category(character)[0] != "M":
            yield start, cluster
            cluster = ""
        if not cluster:
            start = index
        cluster += character
    if cluster:
        yield start, cluster


def train_tokenizer(texts: Iterable[str], vocab_size: int = 4096) -> Tokenizer:
    """A WordPiece tokenizer learned from notes, lower-cased, with BERT's special tokens and the pad id 0.

    Args:
        texts: Notes of training patients, and of no others.
        vocab_size: Most tokens that it may hold.

    Returns:
        The tokenizer.
    """
    notes = [clean(text) for text in texts]
    learner = _word_pieces(models.WordPiece(unk_token=UNKNOWN))
    normalise = learner.normalizer.normalize_str
    # The learner numbers the "##" characters as it comes across them and breaks ties by number: given in
    # order, the same notes make the same tokenizer.
    inner = [
        f"##{character}" for character in sorted({c for note in notes for c in normalise(note) if not c.isspace()})
    ]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, min_frequency=2, special_tokens=[*SPECIAL_TOKENS, *inner], show_progress=False
    )
    learner.train_from_iterator(notes, trainer)
    tokenizer = _word_pieces(models.WordPiece(learner.get_vocab(), unk_token=UNKNOWN))
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLASSIFY} $A {SEPARATE}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (CLASSIFY, SEPARATE)],
    )
    return tokenizer


def _word_pieces(model: models.WordPiece) -> Tokenizer:
    """A WordPiece tokenizer that reads lower case, and each digit by itself."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)]
    )
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer.json, with its own truncation and padding switched off.

    Raises:
        BundleInvalidError: If the file is missing, is no tokenizer or has no pad token.
    """
    if not path.is_file():
        raise BundleInvalidError("The tokenizer is missing.", file=path.name)
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers raises plain Exception
        raise BundleInvalidError("The file is no tokenizer.", file=path.name) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    pad_id(tokenizer)
    return tokenizer


def pad_id(tokenizer: Tokenizer) -> int:
    """The id that fills up short windows.

    Raises:
        BundleInvalidError: If the tokenizer has no pad token.
    """
    ids: Sequence[int | None] = [tokenizer.token_to_id(name) for name in _PAD_NAMES]
    for found in ids:
        if found is not None:
            return found
    raise BundleInvalidError(f"Expected a tokenizer with a pad token ({' or '.join(_PAD_NAMES)}), but it has none.")
