"""The default explanation of an item over three forward passes and one backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from benchmarks.measure import Options, Row, ratio
from benchmarks.records import sources
from multimodal import Engine, read_case
from multimodal.case import Item
from multimodal.explain import explain, offered
from multimodal.prepare import prepare
from multimodal.zoo import LoadedBranch


def rows(options: Options) -> Iterator[Row]:
    """One item of each modality whose bundle offers an explanation; preparing it counts for the explanation only."""
    engine = Engine(device=options.device)
    case = read_case(sources(0), isolated=False)
    for item in (case.images[0], case.audios[0], case.texts[0]):
        (branch,) = engine.branches(item.modality)
        if not offered(branch.config):
            continue
        label = next(iter(branch.config.calibration))
        yield ratio(
            f"{item.modality}: explanation over 3 forward + 1 backward",
            lambda item=item, branch=branch, label=label: explain(branch, item, label, device=options.device),
            _passes(branch, item),
            options.pairs,
            "<= 1.0",
        )


def _passes(branch: LoadedBranch, item: Item) -> Callable[[], None]:
    """Forward three times, and once back to the input; of a note to its embedded tokens."""
    network, x = branch.network, prepare(item, branch.preparation, branch.tokenizer)

    def differentiable() -> tuple[torch.Tensor, torch.Tensor]:
        if x.is_floating_point():
            leaf = x.clone().requires_grad_()
            return leaf, network(leaf)[1]
        leaf = network.encoder.get_input_embeddings()(x).detach().requires_grad_()
        mask = network.mask(x)
        states = network.encoder(inputs_embeds=leaf, attention_mask=mask.long()).last_hidden_state
        return leaf, network.head(network.pool(states, mask))

    def work() -> None:
        with torch.inference_mode():
            network(x)
            network(x)
        leaf, logits = differentiable()
        torch.autograd.grad(logits[:, 0].sum(), leaf)

    return work
