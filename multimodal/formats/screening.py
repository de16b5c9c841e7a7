"""Identifiers in a note, found by patterns: dates, numbers, phones, addresses, titled names, mail.

English notes, and what follows a pattern. A name without a title or a label, a place, an employer or a rare
story is not found. ``docs/threat-model.md`` says how much is found of a made-up set and how often a real note
is marked for nothing; nobody should take a screened note for an anonymous one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from phonenumbers import Leniency, PhoneNumberMatcher


class Found(StrEnum):
    """What a marked part of a note is taken for."""

    DATE = "date"
    NUMBER = "number"
    PHONE = "phone"
    ADDRESS = "address"
    NAME = "name"
    MAIL = "mail"


@dataclass(frozen=True)
class Mark:
    """A part of a note that may say who it is about.

    Attributes:
        start: Index of its first character.
        end: Index after its last character.
        found: What it is taken for.
    """

    start: int
    end: int
    found: Found


_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?:(?:19|20)\d\d|'\d\d)"
_DATES = (
    r"\b(?:19|20)\d\d(?P<a>[-/.])(?:0?[1-9]|1[0-2])(?P=a)(?:0?[1-9]|[12]\d|3[01])(?:[T ]\d\d:\d\d(?::\d\d)?)?\b",
    r"\b(?:0?[1-9]|[12]\d|3[01])(?P<b>[-/.])(?:0?[1-9]|[12]\d|3[01])(?P=b)(?:(?:19|20)\d\d|\d\d)\b(?!\.\d)",
    r"\b(?:19|20)(?:\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\b",
    rf"\b{_DAY}(?: of)?[ -]{_MONTH},?(?:[ -]{_YEAR})?\b",
    rf"\b{_MONTH} {_DAY}\b(?:,? {_YEAR}|, \d\d\b)?",
    r"\b[0-3]?\d(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:(?:19|20)?\d\d)\b",
    rf"\b{_MONTH},? (?:of )?{_YEAR}\b",
    r"(?<![\d/])(?:0?[1-9]|1[0-2])/(?:19|20)\d\d\b",
    r"\b(?:0[1-9]|[12]\d|3[01]) (?:0[1-9]|[12]\d|3[01]) (?:19|20)\d\d\b",
    r"\b(?:on|since|dated|until|seen|admitted|discharged|dob:?|date:) "
    r"(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|[12]\d|3[01])\b(?!/)",
)
_LABEL = (
    r"(?:MRN|URN|SSN|NHS|DOB|medical record|record|patient|hospital|hosp|account|acct|accession|chart|case"
    r"|visit|encounter|specimen|order|policy|insurance|member|medicare|passport|licen[cs]e|social security|study"
    r"|exam|report|unit)"
)
_NUMBERS = (
    rf"\b{_LABEL}\b\.?(?: (?:ID|number|num|no|nr))?\b[ .:#]{{0,4}}"
    r"(?P<v1>(?=[A-Z0-9/-]{0,12}\d)[A-Z0-9][A-Z0-9/-]{3,24})\b",
    r"\b(?:ID|number|no\.|nr\.)[ :#]{0,3}(?P<v2>(?=[A-Z-]{0,6}\d)[A-Z0-9-]{5,24})\b",
    r"\bMR[ #:]{0,3}(?P<v5>\d{5,10})\b",
    r"(?P<v3>\b\d{3}-\d{2}-\d{4}\b|\b\d{3} \d{3} \d{4}\b|(?<![\d.,])[A-Z]{0,3}-?\d{7,14}\b(?![.,]\d))",
)
_PHONES = (
    r"\b(?:tel|telephone|phone|ph|fax|mobile|cell|pager|call|reached)\b\.?:?(?: (?:at|on|no|number))?:? {0,2}"
    r"(?P<v4>\+?[\d(][\d ().x/-]{5,22}\d)",
    r"\b(?:pager|beeper|ext(?:ension)?)\b\.?:?(?: #| no\.?| number)? {0,2}(?P<v6>\d{3,7})\b|\bx\d{4,6}\b",
    r"(?<![\d./])(?:\+?1[-. ]|001[-. ])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?: ?(?:x|ext\.?) ?\d{1,6})?\b",
    r"(?<![\d./(])(?:\+\d{2} ?(?:\(0\) ?)?|\(0|0)\d{2,4}\)?[ -]?\d{3,4}[ -]?\d{3,4}\b(?![./]\d)",
)
_STREET = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Close"
    r"|Crescent|Gardens|Grove|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Row|Walk|Mews|Hill|Park|Green|Alley|Plaza)"
)
_FLAT = r"(?:Flat|Studio|Apt\.?|Suite|Unit|Room) ?#?\d{1,5}[A-Za-z]?"
_TOWN = r"[A-Z][\w'.-]{1,24}(?:[ -][A-Z][\w'.-]{1,24}){0,3}"
_POSTCODE = r"(?:[A-Z]{2} \d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\b"
_ADDRESSES = (
    rf"\b(?:{_FLAT},?\s)?(?:\d{{1,5}}[A-Za-z]?,? )?{_TOWN}(?:,? {_FLAT})?,\s{_TOWN}(?:,\s{_TOWN})?,?\s{_POSTCODE}",
    rf"\b\d{{1,5}}[A-Za-z]? {_TOWN}(?:,? {_FLAT})?,?\s{_TOWN},?\s{_POSTCODE}",
    rf"\b(?:{_FLAT},?\s)?\d{{1,5}}[A-Za-z]?,? {_TOWN} {_STREET}\b\.?(?:,? {_FLAT})?",
    rf"\b{_TOWN},? {_POSTCODE}",
    rf"\b{_POSTCODE}(?<=[A-Z]{{2}})",
    r"\b(?:(?:PSC|CMR|Unit) \d{1,5},? |P\.?O\.? )Box \d{1,6}\b(?:,?\s[AFD]PO A[AEP] \d{5})?",
    r"\b(?:US[A-Z]{1,3} [A-Z]\w{1,20},? )?[AFD]PO A[AEP] \d{5}\b",
)
_WORD = r"(?:(?:van|von|de|del|della|di|da|der|den|la|le|bin|al)[ -]){0,2}(?:[A-Z]'|Mc|Mac)?[A-Z][\w'’-]{0,24}[a-z'’]\b"
_INITIAL = r"(?:[A-Z]\. ?|[A-Z] ){0,3}"
_PERSON = rf"{_INITIAL}{_WORD}(?: {_INITIAL}{_WORD}){{0,2}}"
_CAPITALS = r"[A-Z][A-Z'-]{1,24}\b(?: [A-Z][A-Z'-]{1,24}\b)?"
_NAMES = (
    rf"\b(?:Dr|Mr|Mrs|Ms|Miss|Mx|Prof|Professor|Doctor|Sir|Dame|Lady|Rev|Nurse|Sister)\b\.? {{1,2}}"
    rf"(?P<n1>{_PERSON}|{_CAPITALS})",
    rf"\bDrs\.? (?P<n7>{_PERSON}(?:,? (?:and|&) {_PERSON})?)",
    rf"\b(?P<n8>{_WORD}, {_WORD}(?: [A-Z]\b\.?)?),? (?:M\.?D|R\.?N|D\.?O|MBBS|NP)\b",
    rf"\b(?:DR|MR|MRS|MS|PROF)\. {{1,2}}(?P<n2>{_CAPITALS}|{_PERSON})",
    r"\b(?:dr|mr|mrs|ms)\.? (?P<n3>[a-z][a-z'-]{2,20})\b",
    rf"\b(?i:patient(?:'s)? name|patient|name|surname|physician|doctor|consultant|attending|radiologist|gp"
    rf"|signed(?: by)?|dictated by|referred by|reported by|reviewed by|seen by|next of kin|nok|wife|husband|son"
    rf"|daughter|mother|father"
    rf"|cc)[:,] {{0,2}}(?P<n4>{_WORD}, {_WORD}|{_PERSON}|[A-Z][A-Z'-]{{1,24}}, [A-Z][A-Z'-]{{1,24}}\b|{_CAPITALS})",
    rf"\b(?P<n5>{_PERSON}),? (?:M\.?D|R\.?N|D\.?O|MBBS|FRC[PRS]|Ph\.?D|PA-C|NP)\b",
    rf"\b(?P<n6>{_PERSON}),? (?:is|was) an? (?:\w+ ){{0,3}}\d{{1,3}}[- ]year",
)
_MAIL = (r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}", r"\bhttps?://[^\s<>\"]{3,200}|\bwww\.[^\s<>\"]{3,200}")
_PATTERNS = (
    *((re.compile(pattern, re.IGNORECASE), Found.DATE) for pattern in _DATES),
    *((re.compile(pattern, re.IGNORECASE), Found.NUMBER) for pattern in _NUMBERS),
    *((re.compile(pattern, re.IGNORECASE), Found.PHONE) for pattern in _PHONES),
    *((re.compile(pattern), Found.ADDRESS) for pattern in _ADDRESSES),
    *((re.compile(pattern), Found.NAME) for pattern in _NAMES),
    *((re.compile(pattern), Found.MAIL) for pattern in _MAIL),
)
_REGIONS = ("US", "GB")
"""Where numbers without a country code are from."""


def screen(text: str) -> tuple[Mark, ...]:
    """Find what may identify a person, in order and without overlap.

    >>> [(text[m.start : m.end], str(m.found)) for text in ["Mr. Doe, seen on 3 March 2021."] for m in screen(text)]
    [('Doe', 'name'), ('3 March 2021', 'date')]
    """
    found = list(_marks(text))
    found += _again(text, {text[mark.start : mark.end] for mark in found if mark.found is Found.NAME})
    marks: list[Mark] = []
    for mark in sorted(found, key=lambda mark: (mark.start, -mark.end)):
        if marks and mark.start < marks[-1].end:
            marks[-1] = Mark(marks[-1].start, max(mark.end, marks[-1].end), marks[-1].found)
        else:
            marks.append(mark)
    return tuple(marks)


def screened(text: str) -> str:
    """The note with what was found replaced by what it is.

    >>> screened("Mr. Doe, MRN 123456, coughs.")
    'Mr. [name], MRN [number], coughs.'
    """
    parts, position = [], 0
    for mark in screen(text):
        parts += [text[position : mark.start], f"[{mark.found}]"]
        position = mark.end
    return "".join((*parts, text[position:]))


def _marks(text: str) -> Iterator[Mark]:
    for pattern, found in _PATTERNS:
        for match in pattern.finditer(text):
            part: str | int = match.lastgroup if match.lastgroup and match.lastgroup not in ("a", "b") else 0
            yield Mark(*match.span(part), found)
    for region in _REGIONS:
        for number in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
            yield Mark(number.start, number.end, Found.PHONE)


def _again(text: str, names: Collection[str]) -> Iterator[Mark]:
    """Every other place where a word of a found name stands."""
    words = {word for name in names for word in re.split(r"[^\w'’-]+", name) if len(word) > 2 and word[0].isupper()}
    if words:
        for match in re.finditer(rf"\b(?:{'|'.join(map(re.escape, sorted(words)))})\b", text):
            yield Mark(*match.span(), Found.NAME)
