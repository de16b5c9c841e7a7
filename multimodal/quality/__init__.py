"""Is an item fit to be scored, and do the items of a record fit together.

A flag says what is wrong and what to do, and the item still counts. A refusal is for an item whose score would
mean nothing: a blank film, a silent recording, a note in another language; it takes the item out. The limits were
set on public training films, recordings and notes so that good ones are almost never struck; docs/quality.md holds
what they catch and what they strike wrongly on other patients.
"""

from __future__ import annotations

from multimodal.case import Audio, Image, Item, Notice, Text
from multimodal.quality.film import check_film
from multimodal.quality.note import check_note
from multimodal.quality.record import check_record
from multimodal.quality.sound import check_heart, check_sound

__all__ = ["check", "check_heart", "check_record"]


def check(item: Item) -> tuple[Notice, ...]:
    """What is wrong with an item.

    Args:
        item: Film, sound or note.

    Returns:
        Notices of the item, empty where nothing is wrong; ``refused`` where it must not be scored.
    """
    match item:
        case Image():
            found = check_film(item)
        case Audio():
            found = check_sound(item)
        case Text():
            found = check_note(item)
    return tuple(found)
