"""What came in: a strip of small tiles, each with its kind, its quality and a way to leave it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from multimodal.case import Audio, Case, Diagnosis, Image, Item, Notice
from multimodal.labels import Site
from multimodal.picture import data_uri, film_thumbnail, waveform_svg
from multimodal.ui.patient import patient
from multimodal.ui.record import SITE_WORDS, Record, bare, became, chosen_case, keyed_items, kind_of, plain
from multimodal.ui.theme import Palette
from multimodal.ui.viewer import visible
from multimodal.verdict import together

T = TypeVar("T")

WIDTH = 192
"""Of a tile, in pixels: a film, two sounds and a note fit beside the sidebar of a small laptop."""

GUESSED = "site_guessed"
"""A kind that was guessed is told where it can be corrected, and is no fault of the sound."""

_UNSAID = ""
"""Stands among the kinds of a sound for one that nobody named: None would be no choice to the browser."""

FITTING = 4
"""How many tiles stand side by side there; of more it is said that they go on."""


def strip(case: Case, colours: Palette, diagnosis: Diagnosis | None) -> None:
    """Draw the tiles and keep the reader's corrections in the session; an answer tells what became of each item."""
    if counted := count_html(case.items):
        st.html(counted)
    with row("tiles"):
        for key, item in keyed_items(case):
            with st.container(border=True, width=WIDTH, gap="xsmall", key=f"tile-{key}"):
                _tile(key, item, colours, diagnosis)


def row(key: str) -> DeltaGenerator:
    """Where tiles stand side by side."""
    return st.container(horizontal=True, wrap=False, gap="small", key=key)


def count_html(items: Sequence[Item]) -> str:
    """How many there are, where they go on beyond the page; else empty."""
    if len(items) <= FITTING:
        return ""
    return f'<p class="mm-muted">{_counted(items)}: scroll sideways for all of them.</p>'


def arrived(item: Item, colours: Palette, number: int) -> None:
    """Draw the tile of an item that was just read, before there is anything to correct.

    Args:
        item: Any.
        colours: The palette.
        number: Of the tile.
    """
    with st.container(border=True, width=WIDTH, gap="xsmall", key=f"tile-arriving-{number}"):
        st.html(tile_html(item, _notices(item, None), out=False, colours=colours))
        with st.container(key=f"foot-arriving-{number}"):
            st.html(f'<span class="mm-muted">{escape(kind_of(item))}</span>')


def forget(case: Case | None = None) -> None:
    """Forget what was worked out for tiles, all but that of a case."""
    looks = _looks()
    kept = set() if case is None else {item.sha256 for item in case.items}
    for known in [known for known in looks if known[0] not in kept]:
        del looks[known]


def corrected(record: Record) -> Case:
    """The case as the reader corrected it, on whichever page it is looked at."""
    return chosen_case(record.case, sites=_sites(), left_out=_left_out(), patient=patient(record))


def _left_out() -> set[str]:
    """Keys of the items that the reader took out."""
    keys: set[str] = st.session_state.setdefault("left_out", set())
    return keys


def _sites() -> dict[str, Site | None]:
    """The reader's word on where sounds were recorded, by item key."""
    chosen: dict[str, Site | None] = st.session_state.setdefault("sites", {})
    return chosen


def tile_html(item: Item, notices: Sequence[Notice], *, out: bool, colours: Palette) -> str:
    """One tile's picture, name and quality mark as safe markup."""
    name = escape(visible(item.name))
    return (
        f'<div class="mm-tile{" left-out" if out else ""}">{_thumbnail(item, colours)}'
        f'<div class="name" title="{name}" dir="auto">{name}</div>{_mark(notices, out)}</div>'
    )


def _tile(key: str, item: Item, colours: Palette, diagnosis: Diagnosis | None) -> None:
    out = key in _left_out()
    st.html(tile_html(item, _notices(item, diagnosis), out=out, colours=colours))
    name = plain(visible(item.name))
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall", key=f"foot-{key}"):
        if isinstance(item, Audio):
            guess = _guess(item, diagnosis)
            words: dict[str, str] = {site or _UNSAID: word for site, word in {**SITE_WORDS, None: guess}.items()}
            st.selectbox(
                f"Kind of {bare(visible(item.name))}",
                list(words),
                index=list(words).index(_sites().get(key, item.site) or _UNSAID),
                format_func=words.__getitem__,
                key=f"kind-{key}-{guess}",  # the browser would go on to show the words of before
                label_visibility="collapsed",
                on_change=_set_site,
                args=(key, f"kind-{key}-{guess}"),
                disabled=out,
            )
        else:
            st.html(f'<span class="mm-muted">{escape(kind_of(item))}</span>')
        st.button(
            f"{'Put back' if out else 'Leave out'} {name}",
            key=f"leave-{key}",
            icon=":material/undo:" if out else ":material/close:",
            help="Put back" if out else "Leave out",
            type="tertiary",
            on_click=_toggle,
            args=(key,),
        )


def _notices(item: Item, diagnosis: Diagnosis | None) -> tuple[Notice, ...]:
    """What is wrong with an item: what the answer says of it, or as much as can be told before there is one."""
    if diagnosis is not None and became(item, diagnosis) is not None:
        about = [notice for notice in (*diagnosis.quality, *diagnosis.warnings) if notice.item == item.name]
        return tuple(notice for notice in about if notice.code != GUESSED)
    return (*item.notices, *_worked_out(item, "quality", lambda: _checked(item)))


def _checked(item: Item) -> tuple[Notice, ...]:
    from multimodal.quality import check

    return check(item)


def _worked_out(item: Item, what: str, work: Callable[[], T]) -> T:
    """What a tile needs of an item, worked out once a session: a film is large, and every click draws the page anew."""
    looks, known = _looks(), (item.sha256, item.name, what)
    if known not in looks:
        looks[known] = work()
    made: T = looks[known]
    return made


def _looks() -> dict[tuple[str, str, str], Any]:
    looks: dict[tuple[str, str, str], Any] = st.session_state.setdefault("looks", {})
    return looks


def _guess(item: Audio, diagnosis: Diagnosis | None) -> str:
    """What a sound of unknown site was taken for: ``Heart sound?``."""
    result = diagnosis and became(item, diagnosis)
    return f"{SITE_WORDS[Site(result.site)]}?" if result and result.used and result.site else SITE_WORDS[None]


def _thumbnail(item: Item, colours: Palette) -> str:
    return _worked_out(item, f"picture {colours.surface}", lambda: _drawn(item, colours))


def _drawn(item: Item, colours: Palette) -> str:
    if isinstance(item, Image):
        uri = data_uri(film_thumbnail(item), "image/jpeg")
        return f'<div class="thumb film"><img src="{uri}" alt="Thumbnail of the film"></div>'
    if isinstance(item, Audio):
        uri = data_uri(waveform_svg(item, colours.modalities[item.modality]).encode(), "image/svg+xml")
        alt = f"Waveform, {item.seconds:.1f} seconds"
        return f'<div class="thumb wave"><img src="{uri}" alt="{alt}" style="object-fit:fill"></div>'
    return f'<div class="thumb words" dir="auto">{escape(visible(item.text.strip()[:160]))}</div>'


def _mark(notices: Sequence[Notice], out: bool) -> str:
    if out:
        return '<div class="mark out"><i></i><span>Left out</span></div>'
    if not notices:
        return '<div class="mark"><i></i><span>Good quality</span></div>'
    told = together(notices)
    words = escape(visible(" ".join(message for message, _, _ in told)))
    _, _, refused = told[0]
    label = "Not used: " if refused else ""
    return f'<div class="mark warn" title="{words}"><i></i><span>{label}{words}</span></div>'


def _counted(items: Sequence[Item]) -> str:
    """``3 films, 8 sounds, 1 note``."""
    counts = Counter("film" if isinstance(i, Image) else "sound" if isinstance(i, Audio) else "note" for i in items)
    nouns = [(counts[noun], noun) for noun in ("film", "sound", "note") if counts[noun]]
    return ", ".join(f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in nouns)


def _toggle(key: str) -> None:
    _left_out().symmetric_difference_update({key})


def _set_site(key: str, widget: str) -> None:
    told: str = st.session_state[widget]
    _sites()[key] = Site(told) if told else None
