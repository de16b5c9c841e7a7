"""Fusion: what the branches say, and which are there, to one answer; and each modality's share in it."""

from __future__ import annotations

from multimodal.fusion.heads import (
    CONTEXT_DIM,
    FusionHead,
    FusionInput,
    Late,
    architectures,
    create,
    drop_modalities,
    encode_patient,
    fuse,
    register,
)
from multimodal.fusion.pooling import conjoin, late, logit, spoken, subsets
from multimodal.fusion.shapley import shapley, shares
from multimodal.fusion.trained import Attention, Concat, Gated

__all__ = [
    "CONTEXT_DIM",
    "Attention",
    "Concat",
    "FusionHead",
    "FusionInput",
    "Gated",
    "Late",
    "architectures",
    "conjoin",
    "create",
    "drop_modalities",
    "encode_patient",
    "fuse",
    "late",
    "logit",
    "register",
    "shapley",
    "shares",
    "spoken",
    "subsets",
]
