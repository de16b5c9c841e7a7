"""ONNX Runtime in torch's place on a CPU: ``Engine(backend="onnx")``, with the ``onnx`` extra.

A network is exported at its first use and kept in the user's cache, under the sha256 of its weights. What is exported
is a graph of operators, not code; it is never part of a bundle, and whenever it is opened it must say what torch says.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path
from torch import Tensor

from multimodal.branches import Branch
from multimodal.case import Item
from multimodal.engine.inference import ItemOutput, Network, attempt, forward, watched
from multimodal.errors import MissingExtraError, ModelError, MultimodalError
from multimodal.labels import Modality
from multimodal.prepare import AudioPreparation, ImagePreparation, Preparation
from multimodal.zoo import LoadedBranch

try:
    import onnx
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f'The onnx backend needs {error.name}: pip install "multimodal-diagnosis[onnx]".'
    ) from error

TOLERANCE, TOLERANCE_INT8 = 1e-3, 0.1
"""Greatest difference of a logit from torch's, as exported and with eight-bit weights: 0.025 in probability. The first
also holds for what a detector goes by, as a share of the greatest."""
QUANTIZED = ["MatMul", "Gemm"]
"""Operators whose weights become eight bits, in text branches only: a CNN gets slower by it, and ONNX Runtime leaves
the LSTM that torch exports as it is."""


class OnnxBackend:
    """Runs branches by ONNX Runtime, in one thread each: what is run side by side is the items.

    Args:
        int8: Whether text branches run with eight-bit weights where their answers stay within ``TOLERANCE_INT8``;
            where they do not, they run as exported.
        folder: Where exported networks are kept; by default the user's cache.
    """

    def __init__(self, *, int8: bool = False, folder: Path | None = None) -> None:
        self._int8 = int8
        self._folder = folder or user_cache_path("multimodal-diagnosis", appauthor=False) / "onnx"
        self._networks: dict[tuple[str, str], Network] = {}
        self._lock = threading.Lock()

    def score(
        self, branch: LoadedBranch, items: Sequence[Item], device: torch.device
    ) -> list[ItemOutput | MultimodalError]:
        """As :func:`multimodal.engine.inference.attempt`, for :meth:`Engine.through`."""
        return attempt(branch, items, device, network=self.network(branch))

    def forward(
        self, branch: LoadedBranch, items: Sequence[Tensor], device: torch.device
    ) -> list[ItemOutput | ModelError]:
        """As :func:`multimodal.engine.inference.forward`, for a :class:`Batcher`."""
        return forward(branch, items, device, network=self.network(branch))

    def network(self, branch: LoadedBranch) -> Network:
        """A branch's forward pass, exported if that has not been done before.

        Raises:
            ModelError: If it cannot be exported, or does not say what torch says.
        """
        key = branch.config.kind, branch.config.sha256
        with self._lock:
            if key not in self._networks:
                self._networks[key] = self._opened(branch)
            return self._networks[key]

    def _opened(self, branch: LoadedBranch) -> Network:
        path = self._folder / f"{branch.config.sha256}-watched-torch{torch.__version__.partition('+')[0]}.onnx"
        if not path.exists():
            _write(path, partial(_export, branch.network))
        if self._int8 and branch.network.kind is Modality.TEXT:
            small = path.with_suffix(".int8.onnx")
            if not small.exists():
                _write(small, partial(_quantize, path))
            network = _session(small)
            if max(_differences(branch.network, network)) <= TOLERANCE_INT8:
                return network
        network = _session(path)
        if (difference := max(_differences(branch.network, network))) > TOLERANCE:
            raise ModelError(
                f"ONNX Runtime answers otherwise than torch for {branch.config.kind}/{branch.config.name} "
                f"(by {difference:.2g}); delete {path.name} from the cache or use the torch backend."
            )
        return network


def _write(path: Path, make: Callable[[Path], Any]) -> None:
    """Let ``make`` write a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    os.close(handle)
    try:
        make(Path(name))
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


class _Watched(torch.nn.Module):
    """What is exported: the statistics that a detector goes by come with the answer, so that torch need not run too."""

    def __init__(self, network: Branch) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        if self.network.kind is Modality.TEXT:  # its detector goes by words
            embedding, logits = self.network(x)
            return embedding, logits
        return watched(self.network, x)


def _export(network: Branch, path: Path) -> None:
    """Write a network as ONNX, for any number of windows and any length of a note."""
    dynamic = torch.export.Dim.DYNAMIC
    shape = {0: dynamic, 1: dynamic} if network.kind is Modality.TEXT else {0: dynamic}
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    try:
        quiet.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _Watched(network).eval(),
                (sample(network.preparation),),
                path,
                dynamic_shapes=(shape,),
                external_data=False,
                verbose=False,
            )
        onnx.checker.check_model(path)
    except Exception as error:  # whatever the exporter meets in a network
        raise ModelError(
            f"The {network.kind} branch {network.arch} cannot be exported ({type(error).__name__})."
        ) from error
    finally:
        quiet.setLevel(level)


def _quantize(whole: Path, path: Path) -> None:
    """Write an exported network with eight-bit weights."""
    model = onnx.load(whole)
    del model.graph.value_info[:]  # the exporter's shapes are those of the weights before they are transposed
    add_pre_process_metadata(model)  # the exporter has folded constants; more is advised on the root logger
    quantize_dynamic(model, path, op_types_to_quantize=QUANTIZED, weight_type=QuantType.QInt8)


def _session(path: Path) -> Network:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors have no common class
        raise ModelError(f"The exported network {path.name} cannot be opened; delete it from the cache.") from error
    name = session.get_inputs()[0].name

    def run(x: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.from_numpy(array) for array in session.run(None, {name: x.numpy()}))

    return run


def _differences(network: Branch, other: Network) -> Iterator[float]:
    """Over a sample: the greatest of a logit, and of a statistic as a share of the greatest."""
    x = sample(network.preparation)
    with torch.inference_mode():
        _, logits, *statistics = _Watched(network)(x)
    _, other_logits, *other_statistics = other(x)
    yield float((logits - other_logits).abs().max())
    for one, its in zip(statistics, other_statistics, strict=True):
        yield float((one - its).abs().max() / one.abs().max())


def sample(preparation: Preparation) -> Tensor:
    """(2, ...) windows of noise, as a branch would get them."""
    random = torch.Generator().manual_seed(0)
    match preparation:
        case ImagePreparation(size=size):
            return torch.randn(2, 1, size, size, generator=random)
        case AudioPreparation() as settings:
            frames = 1 + settings.window_samples // settings.hop_length
            return torch.randn(2, settings.n_mels, frames, generator=random)
    return torch.randint(5, 64, (2, 24), generator=random)
