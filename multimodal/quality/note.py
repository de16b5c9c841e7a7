"""What is wrong with a note."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from multimodal.case import Notice, Text

MIN_WORDS = 2
"""A single word is a label rather than a note; two, as in "Chest pain", are a real indication."""
JUDGED_WORDS = 4
"""Words needed before content can be judged."""
CUT_WORDS, CUT_SENTENCES = 15, 2
"""Words and finished sentences needed before a note can be seen to break off."""
FOREIGN_SHARE = 0.08
"""Share of common words of other languages; running text of those has 0.2 and more."""
OTHER_ORGANS = 2
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
_CHEST = (
    r"airspace|airway|angina|aort|ards|asthma|atelecta|atri|auscult|breath|bronch|cardi|chest|copd|cough|crackle|cxr|"
    r"diastol|dyspn|emphys|heart|hilar|lobe|lung|mediastin|mitral|murmur|pacemaker|parenchym|perihilar|pleur|"
    r"pneumo|pulmon|respir|rhonch|rib|shortness|sob\b|sputum|systol|tachy|tb\b|thora|tubercul|valv|ventric|wheez"
)
_OTHER = (
    r"abdom|ankle|appendi|bowel|brain|breast|colon|cranial|elbow|femor|femur|foot|gallbladder|hand|hip|humer|kidney|knee|"
    r"liver|lumbar|mammogra|menisc|ovar|ovary|pancrea|patell|pelvi|prostat|renal|shoulder|sinus|skull|spleen|tibia|"
    r"toe|uter|wrist"
)
_CLINICAL = re.compile(
    rf"\b(?:{_CHEST}|{_OTHER}|ache|acute|bilat|blood|cancer|chronic|cirrh|clear|clinic|complain|congest|consolidat|ct\b|"
    r"diabet|diagnos|disease|dizz|doctor|ed[ae]ma|effus|evaluat|exam|exertion|fail|fatigue|fever|fibro|findings|focal|"
    r"fracture|granulom|hemo|hiv|hospital|hyper|hypo|infect|infiltrat|injur|intensive|intubat|mass|medic|nausea|"
    r"nodul|normal|numb|oedema|opaci|oxygen|pain|patient|preop|radiogra|scar|screening|sepsis|sick|smok|stenos|"
    r"stroke|surg|sweat|symptom|syncop|transplant|trauma|tube|vascul|vomit|weak|weight|x-?ray|year)",
    re.IGNORECASE,
)
_OF_CHEST = re.compile(rf"\b(?:{_CHEST})", re.IGNORECASE)
_OF_OTHER = re.compile(rf"\b(?:{_OTHER})", re.IGNORECASE)
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
    if len(words) < MIN_WORDS:
        short = flag("note_short", "The note is a single word; add the indication or the findings.")
        yield replace(short, refused=_CLINICAL.search(note.text) is None)
    if len(words) >= CUT_WORDS and _breaks_off(note.text.rstrip()):
        yield flag("note_cut", "The note seems to break off in the middle of a sentence; give all of it.")
    if len(words) >= JUDGED_WORDS and not _CLINICAL.search(note.text):
        yield flag("note_not_clinical", "The note holds no clinical words; check that it is the right file.")
    elif len(_OF_OTHER.findall(note.text)) >= OTHER_ORGANS and not _OF_CHEST.search(note.text):
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
