"""Cases: the worklist, each case opened again, reviewed and exported; batches."""

from __future__ import annotations

from multimodal.ui.cases import cases

cases()
