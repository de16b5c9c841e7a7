"""What the reader has given and chosen: the record behind the page. Pure functions, no Streamlit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace

from multimodal.case import Audio, Case, Diagnosis, Image, Item, ItemResult, Patient
from multimodal.labels import LABELS, Site

Source = tuple[str, bytes]

_MARKUP = re.compile(r"[\\`*_{}\[\]()#+!|~$:<>^&]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>^&])")


@dataclass(frozen=True, eq=False)
class Record:
    """One record on the page.

    Attributes:
        sources: The files as given, (name, bytes).
        case: What was read from them.
        phantom: What a phantom was drawn with, in plain words; None for files.
    """

    sources: tuple[Source, ...]
    case: Case
    phantom: str | None = None


@dataclass(frozen=True)
class Choice:
    """Which networks answer, and under which assumptions.

    Attributes:
        models: (kind, bundle name) pairs.
        device: "auto", "cpu", "cuda" or "mps".
        prevalence: (label, share) pairs that replace the reference prevalence.
    """

    models: tuple[tuple[str, str], ...]
    device: str = "auto"
    prevalence: tuple[tuple[str, float], ...] = ()


def keyed_items(case: Case) -> Iterator[tuple[str, Item]]:
    """Every item with a key that is its own, even where a file was given twice."""
    seen: dict[str, int] = {}
    for item in case.items:
        count = seen[item.sha256] = seen.get(item.sha256, 0) + 1
        yield f"{item.sha256[:16]}-{count}", item


def chosen_case(case: Case, *, sites: Mapping[str, Site | None], left_out: Set[str], patient: Patient) -> Case:
    """The case as the reader corrected it: sites set, items left out, age and sex given."""
    kept = [(key, item) for key, item in keyed_items(case) if key not in left_out]
    return replace(
        case,
        images=tuple(item for _, item in kept if isinstance(item, Image)),
        audios=tuple(replace(item, site=sites.get(key, item.site)) for key, item in kept if isinstance(item, Audio)),
        texts=tuple(item for _, item in kept if not isinstance(item, Image | Audio)),
        patient=patient,
    )


def fingerprint(case: Case, choice: Choice) -> str:
    """A hash of all that the answer depends on."""
    items = [(item.sha256, item.site if isinstance(item, Audio) else None) for item in case.items]
    return hashlib.sha256(repr((items, case.patient, choice)).encode()).hexdigest()


def became(item: Item, diagnosis: Diagnosis) -> ItemResult | None:
    """What an answer made of an item; None where the item is not among those that it was given."""
    return next((result for result in diagnosis.items if result.sha256 == item.sha256), None)


def kind_of(item: Item) -> str:
    """What an item is taken for, in plain words."""
    if isinstance(item, Image):
        return f"Film, {item.view}" if item.view else "Film"
    if isinstance(item, Audio):
        return SITE_WORDS[item.site]
    return "Note"


SITE_WORDS: Mapping[Site | None, str] = {Site.HEART: "Heart sound", Site.LUNG: "Lung sound", None: "Sound"}


def findable(name: str) -> str:
    """A label in plain words with the field's own, so that a list of labels finds either.

    >>> findable("atelectasis"), findable("murmur")
    ('Collapsed lung tissue (atelectasis)', 'Heart murmur')
    >>> findable("obstructive_airway_disease")
    'Obstructive airway disease (asthma, COPD, emphysema)'
    """
    title, term = LABELS[name].title, LABELS[name].term
    known = term.removeprefix(title).lstrip(": ").replace(" (", ", ").rstrip(")")
    return f"{title} ({known[0].lower()}{known[1:]})" if known else title


def bare(text: str) -> str:
    """Text for a hidden label, which a screen reader says as it stands: without what Markdown would take for markup.

    >>> bare("p0_heart *a*:red[b].wav")
    'p0 heart a red b .wav'
    """
    return " ".join(_MARKUP.sub(" ", text).split())


def plain(text: str) -> str:
    r"""Text for a widget's label: Markdown and directives taken literally.

    >>> plain("*a*:red[b]")
    '\\*a\\*\\:red\\[b\\]'
    """
    return _MARKDOWN.sub(r"\\\1", text)
