"""Model cards: every bundle's measured numbers, data, limits and identity."""

from __future__ import annotations

from multimodal.ui.cards import cards

cards()
