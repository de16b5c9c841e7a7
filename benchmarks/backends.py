"""ONNX Runtime over torch, branch by branch, on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.measure import Options, Row, Skipped, ratio
from multimodal.errors import MissingExtraError
from multimodal.labels import Modality
from multimodal.zoo import LoadedBranch, defaults, find, load_branch


def rows(options: Options) -> Iterator[Row]:
    """One forward pass of two windows; the time of ONNX Runtime over that of torch, both in one thread."""
    try:
        from multimodal.engine.onnx import OnnxBackend, sample
    except MissingExtraError as error:
        raise Skipped(str(error)) from error
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for kind in Modality:
            branch = load_branch(find(kind, defaults()[kind]))
            x = sample(branch.preparation)
            for name, int8 in (("onnx", False), ("onnx-int8", True)):
                if int8 and kind is not Modality.TEXT:
                    continue
                network = OnnxBackend(int8=int8).network(branch)
                yield ratio(
                    f"{kind}: {name} over torch",
                    partial(network, x),
                    partial(_torch, branch, x),
                    10 * options.pairs,
                )
    finally:
        torch.set_num_threads(threads)


def _torch(branch: LoadedBranch, x: torch.Tensor) -> None:
    with torch.inference_mode():
        branch.network(x)
