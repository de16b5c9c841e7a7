"""Compare: fusion against single modalities, on one case and on a cohort."""

from __future__ import annotations

from multimodal.ui.compare import compare

compare()
