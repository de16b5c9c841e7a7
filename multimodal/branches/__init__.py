"""Networks of one modality: tensor in, embedding and logits out."""

from __future__ import annotations

from multimodal.branches.base import Branch, Spec, architectures, create, register

__all__ = ["Branch", "Spec", "architectures", "create", "register"]
