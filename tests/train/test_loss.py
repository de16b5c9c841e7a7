from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from multimodal.train.loss import class_weights, masked_bce, site_loss

ONES = torch.ones(2)
NAN = float("nan")


def test_without_unknowns_it_is_torchs_own() -> None:
    logits, targets = torch.randn(5, 2), torch.randint(2, (5, 2)).float()
    weight = torch.tensor([2.0, 0.5])
    torch.testing.assert_close(
        masked_bce(logits, targets, ONES, weight), binary_cross_entropy_with_logits(logits, targets, pos_weight=weight)
    )


def test_an_unknown_cell_neither_counts_nor_pulls() -> None:
    logits = torch.randn(3, 2, requires_grad=True)
    targets = torch.tensor([[1.0, NAN], [0.0, 1.0], [NAN, NAN]])
    loss = masked_bce(logits, targets, ONES, ONES)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[targets.isnan()].tolist() == [0, 0, 0]
    assert (logits.grad[~targets.isnan()] != 0).all()
    known = binary_cross_entropy_with_logits(logits[~targets.isnan()], targets[~targets.isnan()])
    torch.testing.assert_close(loss, known)


def test_nothing_known_is_no_loss() -> None:
    logits = torch.randn(2, 2, requires_grad=True)
    loss = masked_bce(logits, torch.full((2, 2), NAN), ONES, ONES)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_rare_positives_and_rarely_known_labels_weigh_more() -> None:
    targets = torch.tensor([[1.0, 1.0], [0.0, NAN], [0.0, NAN], [0.0, 0.0], [0.0, NAN]])
    labels, positives = class_weights(targets, torch.full((5,), 0.2))
    assert labels[1] > labels[0]
    torch.testing.assert_close(positives, torch.tensor([2.0, 1.0]))


def test_the_site_counts_only_where_it_is_known() -> None:
    log_odds, site = torch.tensor([3.0, -3.0, 9.0]), torch.tensor([1.0, 0.0, NAN])
    torch.testing.assert_close(site_loss(log_odds, site), torch.tensor(3.0).neg().exp().log1p())
