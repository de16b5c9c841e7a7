"""Networks of one modality: tensor in, embedding and logits out."""

from __future__ import annotations

from multimodal.branches.base import Branch
from multimodal.branches.registry import Spec, architectures, create, default_options, register

__all__ = ["Branch", "Spec", "architectures", "create", "default_options", "register"]
