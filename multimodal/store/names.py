"""A diagnosis without the names of the user's files, which often name the patient."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from multimodal.case import Diagnosis, ItemResult, Notice

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_WORDS = {"image": "film", "audio": "sound", "text": "note"}


def neutral(diagnosis: Diagnosis, case_id: str) -> Diagnosis:
    """The diagnosis under another case id, its files numbered by what they are: ``film-1.dcm``, ``heart-1.wav``.

    Their hashes stay, so that a file can be told again by who has it.
    """
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    items = []
    for item in diagnosis.items:
        name = _numbered(_word(item), item.name, counts)
        names.setdefault(item.name, name)
        items.append(replace(item, name=name))
    for notice in (*diagnosis.quality, *diagnosis.warnings):
        if notice.item is not None and notice.item not in names:
            names[notice.item] = _numbered("file", notice.item, counts)
    return replace(
        diagnosis,
        case_id=case_id,
        items=tuple(items),
        quality=tuple(_renamed(notice, names) for notice in diagnosis.quality),
        warnings=tuple(_renamed(notice, names) for notice in diagnosis.warnings),
        explanations=tuple(_mapped(explanation, names) for explanation in diagnosis.explanations),
    )


def _word(item: ItemResult) -> str:
    return item.site or _WORDS.get(item.modality, "file")


def _numbered(word: str, name: str, counts: Counter[str]) -> str:
    counts[word] += 1
    suffix = PurePath(name).suffix.lower()
    return f"{word}-{counts[word]}{suffix if _SUFFIX.fullmatch(suffix) else ''}"


def _renamed(notice: Notice, names: Mapping[str, str]) -> Notice:
    message = notice.message
    for old in sorted(filter(None, names), key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", names[old], message)
    return replace(notice, message=message, item=notice.item and names[notice.item])


def _mapped(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _mapped(entry, names) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(entry, names) for entry in value]
    return names.get(value, value) if isinstance(value, str) else value
