"""What each way of making a GPU faster is worth, network by network: the ground on which they are used, or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.measure import Options, Row, Skipped, ratio
from multimodal.engine.device import gathered, place, precision, resolve
from multimodal.engine.inference import BATCH_SIZE
from multimodal.labels import Modality
from multimodal.zoo import defaults, find, load_branch

Work = Callable[[], object]


def rows(options: Options) -> Iterator[Row]:
    """A full batch of each default network, with each of them over without; and a batch's way to the GPU."""
    device = resolve(options.device)
    if device.type != "cuda":
        raise Skipped("there is no CUDA device, or another was asked for")
    from multimodal.engine.onnx import sample

    for kind in Modality:
        branch = load_branch(find(kind, defaults()[kind]))
        windows = sample(branch.preparation)[:1].expand(BATCH_SIZE, *[-1] * (sample(branch.preparation).ndim - 1))
        contiguous = load_branch(find(kind, defaults()[kind])).network.to(device)
        place(branch.network, device)
        x = gathered([windows], BATCH_SIZE, device)
        usual = _timed(branch.network, x, device)
        tried: dict[str, tuple[Work, Work]] = {
            "the engine's precision over float32": (usual, _timed(branch.network, x)),
            "channels_last over contiguous": (usual, _timed(contiguous, x, device)),
            "a CUDA graph over none": (_graph(branch.network, x, device), usual),
            "torch.compile over none": (_timed(torch.compile(branch.network), x, device), usual),
            "to the GPU from pinned memory over any": (
                _synchronised(partial(gathered, [windows], BATCH_SIZE, device)),
                _synchronised(partial(_moved, windows, device)),
            ),
        }
        for what, (ours, other) in tried.items():
            yield ratio(f"{kind}, {branch.config.arch}: {what}", ours, other, options.pairs)


def _moved(windows: Tensor, device: torch.device) -> Tensor:
    return torch.cat([windows]).to(device)


def _timed(network: Callable[[Tensor], object], x: Tensor, device: torch.device | None = None) -> Work:
    """A pass in the engine's precision for a device, or else in float32."""

    def work() -> None:
        with torch.inference_mode(), precision(device or torch.device("cpu")):
            network(x)

    return _synchronised(work)


def _graph(network: nn.Module, x: Tensor, device: torch.device) -> Work:
    """A pass that was recorded once; each time its input is copied in and all its kernels start together."""
    graph, given = torch.cuda.CUDAGraph(), x.clone()
    aside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream(device))
    with torch.no_grad(), torch.autocast("cuda", dtype=torch.bfloat16, cache_enabled=False):
        with torch.cuda.stream(aside):
            for _ in range(3):
                network(given)
        torch.cuda.current_stream(device).wait_stream(aside)
        with torch.cuda.graph(graph):
            network(given)

    def work() -> None:
        given.copy_(x)
        graph.replay()

    return _synchronised(work)


def _synchronised(work: Work) -> Work:
    def whole() -> None:
        work()
        torch.cuda.synchronize()

    return whole
