"""Notices in plain words; nothing a file brought is markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from multimodal.case import Notice
from multimodal.ui.viewer import visible
from multimodal.verdict import together

_NAMED = 3
"""How many files a notice names."""


def notices_html(notices: Sequence[Notice], place: str = "") -> str:
    """A list of notices as safe markup; empty without any.

    Args:
        notices: What to say.
        place: Name of the place on the page, for a link that leads there.
    """
    if not notices:
        return ""
    entries = "".join(
        f'<li class="{"refused" if refused else ""}">{_names(items)}{escape(visible(message))}</li>'
        for message, items, refused in together(notices)
    )
    return f'<div role="status" id="{place}"><ul class="mm-notices">{entries}</ul></div>'


def _names(items: Sequence[str]) -> str:
    """The files a notice is about, the first by name and all of them on hover."""
    named = ", ".join(f"<b>{escape(visible(item))}</b>" for item in items[:_NAMED])
    every = escape(visible(", ".join(items)))
    more = f' <abbr title="{every}">and {len(items) - _NAMED} more</abbr>' if len(items) > _NAMED else ""
    return f"{named}{more}: " if named else ""
