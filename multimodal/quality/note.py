"""What is wrong with a note."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from multimodal.case import Notice, Text
from multimodal.quality.clinical import chest_words, clinical_words, is_masked, other_organs

MIN_WORDS = 2
"""A single word is a label rather than a note; two, as in "Chest pain", are a real indication."""
SPARSE = 60
"""Words for one clinical word, beyond which a text is no note; training notes have up to 33."""
CUT_WORDS, CUT_SENTENCES = 15, 2
"""Words and finished sentences needed before a note can be seen to break off."""
FOREIGN_SHARE = 0.08
"""Share of common words of other languages; running text of those has 0.2 and more."""
OTHER_WORDS = 2
"""Words on other parts of the body, without one on the chest, that make a note one on another organ."""

_ENGLISH = "the of and to is are was were with without there not for an or by has have this that which"
_FOREIGN = (
    "der das und ist nicht mit von zu den dem ein eine einer im sich auf bei wird kein keine seit le les des "
    "et est une du dans avec pour pas sur au aux sans depuis el los las del una con por se es sin muestra en "
    "la de que desde il lo gli della di un che non sono nel senza uma com em ao sem há dias het een van niet "
    "met voor zijn og det som på med av ikke och att är har inte för til af nie jest się od na dni oraz bez "
    "przez że je že ve bir için ile olan değil yang dan dengan tidak pada sejak và không có của được trong și "
    "nu este cu din pe ja ei sekä että és nem egy hogy"
)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_BROKEN = re.compile(r"(?:[,;(\[/-]|\b(?:a|an|and|are|at|by|for|from|has|in|is|no|of|on|or|the|to|was|were|with))$")


def check_note(note: Text) -> Iterator[Notice]:
    """What is wrong with a note; one reason where it is refused."""
    flag, refuse = partial(Notice, item=note.name), partial(Notice, item=note.name, refused=True)
    words = re.findall(r"[^\W\d_]+", note.text)
    if not words:
        yield refuse("note_empty", "The note holds no words.")
        return
    if _foreign(words):
        yield refuse("note_language", "The note does not look English; the models read English only: translate it.")
        return
    if clinical_words(note.text) * SPARSE < len(words):
        if len(words) >= MIN_WORDS and is_masked(note.text):
            yield flag("note_not_clinical", "The note holds no clinical words beside those that were taken out of it.")
            return
        yield refuse("note_not_clinical", "The note holds no clinical words, so it is left out; check the file.")
        return
    if len(words) < MIN_WORDS:
        yield flag("note_short", "The note is a single word; add the indication or the findings.")
    if len(words) >= CUT_WORDS and _breaks_off(note.text.rstrip()):
        yield flag("note_cut", "The note seems to break off in the middle of a sentence; give all of it.")
    if other_organs(note.text) >= OTHER_WORDS and not chest_words(note.text):
        yield flag("note_other_organ", "The note speaks of another part of the body than the chest; check the file.")


def _foreign(words: list[str]) -> bool:
    """Another script, or more small words of another language than English ones."""
    if sum(not word.isascii() for word in words) > len(words) / 2:
        return True
    lower = [word.lower() for word in words]
    english, other = (sum(map(frozenset(common.split()).__contains__, lower)) for common in (_ENGLISH, _FOREIGN))
    return other >= 2 and other > english and other > FOREIGN_SHARE * len(words)


def _breaks_off(text: str) -> bool:
    """Ends within a sentence, though the sentences before are finished.

    A last line of its own is often left without a full stop, and is no sign unless it ends in a comma or in a word
    that wants another.
    """
    if text[-1] in ".!?:)\"'%]" or len(_SENTENCE_END.findall(text)) < CUT_SENTENCES:
        return False
    last = _SENTENCE_END.split(text)[-1]
    return bool(_BROKEN.search(last.lower())) or ("\n" not in last.strip(" ") and ":" not in last)
