"""Diagnose: one patient's record in, one answer with its evidence out."""

from __future__ import annotations

from multimodal.ui.page import diagnose

diagnose()
