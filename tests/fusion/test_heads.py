from __future__ import annotations

import pytest
import torch

from multimodal.case import Patient
from multimodal.errors import ArchitectureError, UsageError
from multimodal.fusion import architectures, create, drop_modalities, encode_patient, late
from multimodal.labels import LABELS, Modality

NAMES = tuple(LABELS)
DIMS = {Modality.IMAGE: 6, Modality.AUDIO: 4, Modality.TEXT: 5}
TRAINED = [arch for arch in architectures() if arch != "late"]


def batch(n: int, seed: int = 0) -> dict[str, object]:
    torch.manual_seed(seed)
    present = torch.rand(n, 3) < 0.6
    present[~present.any(dim=1), 0] = True
    return {
        "embeddings": {m: torch.randn(n, dim) for m, dim in DIMS.items()},
        "evidence": torch.randn(n, 3, len(NAMES)),
        "speaks": torch.rand(n, 3, len(NAMES)) < 0.7,
        "present": present,
        "context": torch.rand(n, 4),
    }


def head(arch: str, *, learned: bool, **options: object) -> torch.nn.Module:
    torch.manual_seed(1)
    result = create(arch, labels=NAMES, embedding_dims=DIMS, options=options).eval()
    if learned:
        torch.nn.init.normal_(result.readout)
    return result


@pytest.mark.parametrize("arch", architectures())
def test_starts_as_late_pooling(arch):
    given = batch(16)
    expected = late(given["evidence"], given["speaks"], given["present"])
    torch.testing.assert_close(head(arch, learned=False)(**given), expected, rtol=0, atol=0)


@pytest.mark.parametrize("arch", TRAINED)
def test_an_absent_slot_may_hold_anything(arch):
    network, given = head(arch, learned=True, context=True), batch(32)
    expected = network(**given)
    absent = ~given["present"]
    for i, m in enumerate(Modality):
        given["embeddings"][m][absent[:, i]] = torch.nan
        given["evidence"][absent[:, i], i] = torch.nan
    assert torch.equal(network(**given), expected)


@pytest.mark.parametrize("arch", TRAINED)
def test_no_nan_reaches_a_gradient(arch):
    network, given = head(arch, learned=True), batch(32)
    for i, m in enumerate(Modality):
        given["embeddings"][m][~given["present"][:, i]] = torch.nan
    network(**given).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("arch", TRAINED)
def test_a_modality_that_does_not_speak_of_a_label_does_not_move_it(arch):
    network, given = head(arch, learned=True), batch(16)
    given["present"][:] = True
    expected = network(**given)
    silent = ~given["speaks"][:, 1]
    given["embeddings"][Modality.AUDIO] = -given["embeddings"][Modality.AUDIO]
    moved = network(**given)
    torch.testing.assert_close(moved[silent], expected[silent])
    assert (moved - expected)[~silent].abs().max() > 0.1


@pytest.mark.parametrize("arch", TRAINED)
@pytest.mark.parametrize("context", [False, True])
def test_one_speaker_alone_is_corrected_by_the_patient_only(arch, context):
    network, given = head(arch, learned=True, context=context), batch(16)
    one = (given["speaks"] & given["present"].unsqueeze(-1)).sum(dim=1) == 1
    correction = network(**given) - late(given["evidence"], given["speaks"], given["present"])
    assert one.any()
    assert (correction[one] == 0).all().item() is not context
    assert (correction[~one & (given["speaks"] & given["present"].unsqueeze(-1)).any(dim=1)] != 0).any()


@pytest.mark.parametrize("arch", TRAINED)
def test_a_label_that_nobody_speaks_of_stays_at_the_prior(arch):
    network, given = head(arch, learned=True, context=True), batch(8)
    given["speaks"][:, :, 3] = False
    assert (network(**given)[:, 3] == 0).all()


@pytest.mark.parametrize("arch", TRAINED)
def test_learns_what_late_pooling_misses(arch):
    """An interaction: sick only when the film's and the note's first coordinates have the same sign."""
    torch.manual_seed(0)
    n = 256
    given = batch(n)
    given["present"][:], given["speaks"][:] = True, True
    given["evidence"] = torch.zeros(n, 3, len(NAMES))
    image, text = given["embeddings"][Modality.IMAGE], given["embeddings"][Modality.TEXT]
    target = (image[:, 0] * text[:, 0] > 0).float().unsqueeze(1).expand(n, len(NAMES))
    network = head(arch, learned=False, dropout=0.0).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    loss = torch.nn.BCEWithLogitsLoss()
    for _ in range(120):
        optimizer.zero_grad()
        value = loss(network(**given), target)
        value.backward()
        optimizer.step()
    assert value.item() < 0.5  # late pooling cannot leave log 2 = 0.69


@pytest.mark.parametrize("arch", TRAINED)
def test_context_counts_only_where_asked_for(arch):
    given = batch(8)
    with_it, without = head(arch, learned=True, context=True), head(arch, learned=True)
    other = {**given, "context": given["context"] + 1}
    assert not torch.allclose(with_it(**given), with_it(**other))
    assert torch.equal(without(**given), without(**other))


def test_an_unknown_patient_is_flagged_not_guessed():
    assert encode_patient(Patient()) == [0, 0, 0, 0]
    assert encode_patient(Patient(age=0, sex="M")) == [0, 1, 0, 1]
    assert encode_patient(Patient(age=63, sex="F")) == [0.63, 1, 1, 1]


def test_fitted_weights_of_late_pooling_leave_every_modality_half_of_its_say():
    given = batch(16)
    network = create("late", labels=NAMES)
    weights = torch.linspace(-1, 2, network.weight.numel()).view_as(network.weight)
    with torch.no_grad():
        network.weight.copy_(weights)
    expected = late(given["evidence"], given["speaks"], given["present"], weights.clamp(min=0.5))
    torch.testing.assert_close(network(**given), expected, rtol=0, atol=0)


def test_modality_dropout_leaves_at_least_one():
    present = batch(500)["present"]
    generator = torch.Generator().manual_seed(7)
    kept = drop_modalities(present, 0.5, generator)
    assert not (kept & ~present).any()
    assert kept.any(dim=1).all()
    several = present.sum(dim=1) == 3
    assert 1.4 < kept[several].sum(dim=1).float().mean() < 2.0  # 3 x 0.5, and never none
    assert torch.equal(drop_modalities(present, 0.0), present)


def test_unknown_names_are_refused_with_the_valid_ones():
    with pytest.raises(ArchitectureError, match="late, concat, gated, attention"):
        create("mean", labels=NAMES)
    with pytest.raises(UsageError, match="concat"):
        create("concat", labels=NAMES, embedding_dims=DIMS, options={"depth": 3})
