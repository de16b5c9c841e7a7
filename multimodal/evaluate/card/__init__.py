"""The model card of a bundle: what it is for, what it learned from, what it reached, what to beware of.

A section is a function from the bundle's config to Markdown, in the file of its group, and one line of ``SECTIONS``
in :mod:`multimodal.evaluate.card.sections`.
"""

from __future__ import annotations

from multimodal.bundle import CARD
from multimodal.evaluate.card.sections import SECTIONS, render_card
from multimodal.evaluate.card.shortcuts import SHORTCUTS
from multimodal.evaluate.card.write import check_card, evaluation_title, write_card

__all__ = ["CARD", "SECTIONS", "SHORTCUTS", "check_card", "evaluation_title", "render_card", "write_card"]
