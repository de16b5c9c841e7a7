"""The micro-batcher before a network of known cost: a + b n seconds for n items."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks.measure import Options, Row, ratio, seconds, summary
from multimodal.case import Text
from multimodal.engine import Batcher, ItemOutput
from multimodal.errors import MultimodalError
from multimodal.labels import Modality
from multimodal.zoo import LoadedBranch, defaults, find, load_branch

A, B, MOST, ITEMS, CLIENTS = 0.05, 0.005, 32, 256, 64
COMPANY = 8
WORDS = ("cough", "fever", "pain", "normal", "chest", "heart")


def rows(options: Options) -> Iterator[Row]:
    """Ideal over actual time of many clients at once, and whether anybody got another's answer.

    Only notes of about one length go through together, so notes of three lengths make three queues of one.
    """
    branch = load_branch(find("text", defaults()["text"]))
    draw = np.random.default_rng(0)
    ideal, wrong = ITEMS / MOST * (A + B * MOST), 0
    for what, goal, lengths in (("of one length", ">= 0.80", (4,)), ("of three lengths", "", (4, 12, 20))):
        notes = [Text(f"{i}.txt", "", " ".join(draw.choice(WORDS, lengths[i % len(lengths)]))) for i in range(ITEMS)]
        with Batcher(torch.device("cpu"), run=_instant, most=dict.fromkeys(Modality, 1), wait_s=0) as alone:
            expected = [_ask(alone, branch, note).logits for note in notes]
        shares = []
        for _ in range(max(3, options.pairs // 3)):
            with Batcher(torch.device("cpu"), run=_slow, most=dict.fromkeys(Modality, MOST), wait_s=0.05) as batcher:
                answers: list[ItemOutput] = []
                shares.append(ideal / seconds(lambda: answers.extend(_ask_all(batcher, branch, notes))))  # noqa: B023
            pairs = zip(answers, expected, strict=True)
            wrong += sum(not np.array_equal(answer.logits, right) for answer, right in pairs)
        yield summary(f"ideal over actual time, {ITEMS} notes {what} of {CLIENTS} clients", shares, goal)
    yield Row("answers other than alone", wrong, wrong, wrong, 2 * ITEMS, "<= 0")
    yield from _company(options)


def _company(options: Options) -> Iterator[Row]:
    """What company is worth to the real networks on a CPU, in one thread."""
    from multimodal.engine.onnx import sample

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for kind in Modality:
            branch = load_branch(find(kind, defaults()[kind]))
            x = torch.cat([sample(branch.preparation)] * (COMPANY // 2))
            together, alone = partial(_pass, branch, (x,)), partial(_pass, branch, torch.split(x, 1))
            what = f"{kind}, {branch.config.arch} on the CPU: {COMPANY} windows in one batch over one by one"
            yield ratio(what, together, alone, options.pairs)
    finally:
        torch.set_num_threads(threads)


def _pass(branch: LoadedBranch, batches: Sequence[Tensor]) -> None:
    with torch.inference_mode():
        for batch in batches:
            branch.network(batch)


def _ask(batcher: Batcher, branch: LoadedBranch, note: Text) -> ItemOutput:
    (answer,) = batcher.score(branch, [note], torch.device("cpu"))
    if isinstance(answer, MultimodalError):
        raise answer
    return answer


def _ask_all(batcher: Batcher, branch: LoadedBranch, notes: Sequence[Text]) -> list[ItemOutput]:
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(lambda note: _ask(batcher, branch, note), notes))


def _instant(branch: LoadedBranch, items: Sequence[Tensor], device: torch.device) -> list[ItemOutput]:  # noqa: ARG001
    return [ItemOutput(np.zeros(1, np.float32), windows.double().sum(-1).numpy(), None, 1) for windows in items]


def _slow(branch: LoadedBranch, items: Sequence[Tensor], device: torch.device) -> list[ItemOutput]:
    time.sleep(A + B * len(items))
    return _instant(branch, items, device)
