"""Model lab: two choices of networks side by side, a head refitted, a bundle added."""

from __future__ import annotations

from multimodal.ui.lab import lab

lab()
