"""A whole case, from files to diagnosis, over the bare decoding and the bare networks that it cannot do without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO

import soundfile
import torch
from pydicom import dcmread, uid
from torch import Tensor

from benchmarks.measure import Options, Row, ratio
from benchmarks.records import anew, full_size, sources
from multimodal import Engine, read_case
from multimodal.case import Diagnosis, Item
from multimodal.engine.device import precision, resolve
from multimodal.formats import Kind
from multimodal.prepare import prepare

Sources = Sequence[tuple[str, bytes]]
GOAL = "<= 1.10"


def rows(options: Options) -> Iterator[Row]:
    """With the phantoms' small film, with a full-size one, and of decoded cases only: what the networks leave over.

    A case is decoded in a child process, as users' files are.
    """
    engine = Engine(device=options.device)
    engine.warm_up()
    small = sources(0)
    large = [("film:film.dcm", full_size(0, uid.JPEGLSLossless)), *small[1:]]
    for what, given in (("a small film", small), ("a full-size JPEG-LS film", large)):
        yield ratio(
            f"{what}, two sounds, a note: whole case over bare decode + forward",
            _whole(engine, given),
            _bare(engine, given, options.device),
            options.pairs,
            GOAL,
        )
        yield ratio(
            f"{what}, two sounds, a note: whole case, decoded in a child over decoded in process",
            _whole(engine, given),
            _whole(engine, given, isolated=False),
            options.pairs,
        )
    case = read_case(small, isolated=False)
    yield ratio(
        "32 decoded cases: networks alone over the engine (share of the model-only rate)",
        _forward(engine, [item for _ in range(32) for item in case.items], options.device),
        lambda: engine.diagnose_many([anew(case) for _ in range(32)]),
        max(3, options.pairs // 5),
    )


def _whole(engine: Engine, given: Sources, *, isolated: bool = True) -> Callable[[], Diagnosis]:
    return lambda: engine.diagnose(read_case(given, isolated=isolated))


def _bare(engine: Engine, given: Sources, device: str) -> Callable[[], None]:
    run = _forward(engine, read_case(given, isolated=False).items, device)

    def work() -> None:
        for name, data in given:
            kind = Kind(name.partition(":")[0])
            if kind is Kind.FILM:
                _ = dcmread(BytesIO(data)).pixel_array
            elif kind is Kind.NOTE:
                data.decode()
            else:
                soundfile.read(BytesIO(data))
        run()

    return work


def _forward(engine: Engine, items: Sequence[Item], device: str) -> Callable[[], None]:
    target = resolve(device)
    ready: list[tuple[torch.nn.Module, Tensor]] = []
    for item in items:
        for branch in engine.branches(item.modality):
            windows = prepare(item, branch.preparation, branch.tokenizer)
            ready.append((branch.network, windows.to(target)))

    def work() -> None:
        with torch.inference_mode(), precision(target):
            for network, windows in ready:
                network(windows)
        if target.type == "cuda":
            torch.cuda.synchronize()

    return work
