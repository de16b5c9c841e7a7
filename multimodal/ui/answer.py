"""The answer in words as markup; the words are those of :mod:`multimodal.verdict`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from types import MappingProxyType

from multimodal.verdict import REACH_MEANING, Answer, Band, answer, band, percent, reach, reach_words

__all__ = ["REACH_MEANING", "Answer", "Band", "answer", "answer_html", "band", "percent", "reach", "reach_words"]

_PHRASES: Mapping[str, Band] = MappingProxyType(
    {
        "very likely": Band.VERY_LIKELY,
        "likely": Band.LIKELY,
        "possible": Band.POSSIBLE,
        "can't be ruled out": Band.POSSIBLE,
        "not enough to say": Band.UNKNOWN,
    }
)
_PHRASE = re.compile(f"({'|'.join(_PHRASES)})", re.IGNORECASE)


def answer_html(words: Answer) -> str:
    """The answer as safe markup: each fixed word carries its meaning on hover."""
    headline = "".join(
        f'<abbr title="{escape(_PHRASES[part.lower()].meaning)}">{escape(part)}</abbr>'
        if part.lower() in _PHRASES
        else escape(part)
        for part in _PHRASE.split(words.headline)
    )
    detail = "".join(f"<p>{escape(sentence)}</p>" for sentence in words.detail)
    return f'<div class="mm-answer"><h2>{headline}</h2>{detail}</div>'
