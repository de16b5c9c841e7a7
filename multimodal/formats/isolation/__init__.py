"""Decoding in processes that can be lost: a codec that crashes, hangs or eats memory costs its file only."""

from multimodal.formats.isolation.pool import Pool, shared

__all__ = ["Pool", "shared"]
