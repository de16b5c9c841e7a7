"""How unsure a branch is: an ensemble of heads, each fitted on another bootstrap of its training patients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file

from multimodal.branches.bundle import checked_shapes, write_tensors
from multimodal.bundle import CONFIG, HEADS, BundleConfig
from multimodal.errors import BundleInvalidError

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Heads:
    """Linear heads over a branch's embedding, whose disagreement tells what the network has not learned.

    Deep ensembles (Lakshminarayanan, Pritzel and Blundell, NeurIPS 2017) of the last layer alone, so that one pass
    through the network serves all. Each card holds their disagreement against Monte-Carlo dropout at finding errors.

    Attributes:
        weight: (H, L, D)
        bias: (H, L)
    """

    weight: FloatArray
    bias: FloatArray

    def logits(self, embedding: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """What each head says: (D,) to (H, L)."""
        return np.asarray(self.weight.astype(np.float64) @ np.asarray(embedding, np.float64) + self.bias)

    def spread(self, embedding: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Standard deviation of each label's logit over the heads: (D,) to (L,)."""
        return np.asarray(self.logits(embedding).std(axis=0))


def read_heads(folder: Path, config: BundleConfig) -> Heads | None:
    """The heads of a bundle, or None where its config names none.

    Raises:
        BundleInvalidError: If they are missing, malformed or not those that the config names.
    """
    if not config.abstention:
        return None
    if type(config.abstention.get("limit")) is not float:
        raise BundleInvalidError("Expected the `limit` of the abstention to be a number.", file=CONFIG)
    path, size = folder / HEADS, (len(config.labels), config.embedding_dim)
    given = checked_shapes(path, config.abstention.get("sha256"), config)
    count = (given.get("bias") or (0,))[0]
    if count < 2 or given != {"weight": (count, *size), "bias": (count, size[0])}:
        raise BundleInvalidError("The heads do not fit the bundle's labels and embedding.", file=HEADS)
    tensors = load_file(path)
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise BundleInvalidError("The heads hold NaN or infinity.", file=HEADS)
    return Heads(tensors["weight"], tensors["bias"])


def write_heads(folder: Path, heads: Heads) -> str:
    """Write the heads beside a bundle's weights.

    Returns:
        The sha256 of the file.
    """
    return write_tensors(folder / HEADS, {"weight": torch.tensor(heads.weight), "bias": torch.tensor(heads.bias)})
