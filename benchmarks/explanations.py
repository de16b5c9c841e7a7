"""The default explanation of an item over three forward passes and one backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import torch

from benchmarks.measure import Options, Row, ratio
from benchmarks.records import sources
from multimodal import Engine, read_case
from multimodal.branches.text import TextBranch
from multimodal.case import Item
from multimodal.explain import explain, offered
from multimodal.prepare import prepare
from multimodal.zoo import LoadedBranch


def rows(options: Options) -> Iterator[Row]:
    """One item of each modality whose bundle offers an explanation.

    An explanation begins with the item as it was read; it is held against passes over the prepared item, and against
    passes that begin, once, with preparing it.
    """
    engine = Engine(device=options.device)
    case = read_case(sources(0), isolated=False)
    for item in (case.images[0], case.audios[0], case.texts[0]):
        (branch,) = engine.branches(item.modality)
        if not offered(branch.config):
            continue
        label = next(iter(branch.config.calibration))
        for what, passes in (
            (f"{item.modality}: explanation over 3 forward + 1 backward", _passes(branch, item)),
            (
                f"{item.modality}: explanation over preparing + 3 forward + 1 backward",
                _passes(branch, item, whole=True),
            ),
        ):
            yield ratio(
                what,
                partial(explain, branch, item, label, device=options.device),
                passes,
                options.pairs,
                "<= 1.0",
            )


def _passes(branch: LoadedBranch, item: Item, *, whole: bool = False) -> Callable[[], None]:
    """Forward three times, and once back to the input; of a note to its embedded tokens.

    Args:
        branch: On the device.
        item: Of its modality.
        whole: Whether the item is prepared each time.
    """
    network = branch.network
    device = next(network.parameters()).device

    def prepared() -> torch.Tensor:
        return prepare(item, branch.preparation, branch.tokenizer).to(device)

    once = prepared()

    def differentiable(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if not isinstance(network, TextBranch):
            leaf = x.clone().requires_grad_()
            return leaf, network(leaf)[1]
        embed = cast("torch.nn.Module", network.encoder.get_input_embeddings())  # type: ignore[operator]
        leaf = embed(x).detach().requires_grad_()
        mask = network.mask(x)
        states = network.encoder(inputs_embeds=leaf, attention_mask=mask.long()).last_hidden_state
        return leaf, network.head(network.pool(states, mask))

    def work() -> None:
        x = prepared() if whole else once
        with torch.inference_mode():
            network(x)
            network(x)
        leaf, logits = differentiable(x)
        torch.autograd.grad(logits[:, 0].sum(), leaf)

    return work
