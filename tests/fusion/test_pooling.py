from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit, logit
from scipy.stats import norm

from multimodal.fusion import FusionInput, Late, create, fuse, late, subsets
from multimodal.labels import LABELS, NO_FINDING, Modality

NAMES = tuple(LABELS)
PRIOR = torch.tensor([logit(LABELS[name].prevalence) for name in NAMES], dtype=torch.float64)


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def given(answers: dict[str, dict[str, float]]) -> FusionInput:
    """One case from the branches' probabilities, already at the reference prevalence."""
    evidence = torch.full((1, 3, len(NAMES)), torch.nan, dtype=torch.float64)
    speaks = torch.zeros(1, 3, len(NAMES), dtype=torch.bool)
    present = torch.tensor([[m in answers for m in Modality]])
    for i, modality in enumerate(Modality):
        for name, p in answers.get(modality, {}).items():
            j = NAMES.index(name)
            evidence[0, i, j] = logit(p) - PRIOR[j]
            speaks[0, i, j] = True
    return FusionInput({}, evidence, speaks, present)


def fused(answers: dict[str, dict[str, float]]) -> dict[str, float]:
    log_odds, heard = fuse(Late(NAMES), given(answers), PRIOR, NAMES)
    return {n: float(torch.sigmoid(z)) for n, z, h in zip(NAMES, log_odds[0], heard[0], strict=True) if h}


def test_late_by_hand():
    # q = 0.2 (odds 1/4). A film trained at q_m = 0.5 says 0.8: odds ratio 4. A note trained at 0.2 says 0.5: odds 1
    # against 1/4, ratio 4. Fused odds 1/4 * 4 * 4 = 4, so p = 0.8. Weighted (1, 1/2): 1/4 * 4 * 2 = 2, so p = 2/3.
    evidence = torch.tensor([[[logit(0.8) - logit(0.5)], [torch.nan], [logit(0.5) - logit(0.2)]]])
    speaks = torch.tensor([[[True], [True], [True]]])
    present = torch.tensor([[True, False, True]])
    assert expit(logit(0.2) + late(evidence, speaks, present).item()) == pytest.approx(0.8)
    weight = torch.tensor([[1.0], [1.0], [0.5]])
    assert expit(logit(0.2) + late(evidence, speaks, present, weight).item()) == pytest.approx(2 / 3)


@pytest.mark.parametrize("q", [0.05, 0.3, 0.7])
def test_late_is_bayes_for_independent_gaussians(q):
    """Branches calibrated at prevalences of their own, moved to q, give the posterior of the joint density."""
    rng = np.random.default_rng(0)
    shift, trained_at = np.array([0.7, 1.5, 2.0]), np.array([0.5, 0.1, 0.6])
    y = rng.random(400) < q
    x = rng.normal(size=(400, 3)) + y[:, None] * shift
    log_ratio = norm.logpdf(x, loc=shift) - norm.logpdf(x)
    branch = expit(logit(trained_at) + log_ratio)
    evidence = torch.tensor(logit(branch) - logit(trained_at)).unsqueeze(-1)
    ones = torch.ones(400, 3, dtype=torch.bool)
    pooled = expit(logit(q) + late(evidence, ones.unsqueeze(-1), ones)[:, 0].numpy())

    sick = q * np.prod(norm.pdf(x, loc=shift), axis=1)
    well = (1 - q) * np.prod(norm.pdf(x), axis=1)
    np.testing.assert_allclose(pooled, sick / (sick + well), rtol=1e-9)


def test_only_what_a_member_speaks_of_is_answered():
    answer = fused({"image": {"cardiomegaly": 0.7, "pneumonia": 0.4}, "audio": {"murmur": 0.9}})
    assert answer == pytest.approx({"cardiomegaly": 0.7, "pneumonia": 0.4, "murmur": 0.9})


def test_an_absent_label_of_an_absent_modality_does_not_count():
    both = given({"image": {"pneumonia": 0.4}, "text": {"pneumonia": 0.9}})
    without = FusionInput({}, both.evidence, both.speaks, torch.tensor([[True, False, False]]))
    log_odds, _ = fuse(Late(NAMES), without, PRIOR, NAMES)
    assert torch.sigmoid(log_odds[0, NAMES.index("pneumonia")]).item() == pytest.approx(0.4)


def test_no_finding_is_at_most_the_least_modality():
    answer = fused({"image": {NO_FINDING: 0.9}, "audio": {NO_FINDING: 0.3}, "text": {NO_FINDING: 0.95}})
    assert answer[NO_FINDING] == pytest.approx(0.3)


def test_no_finding_is_at_most_one_less_the_largest_condition():
    answer = fused({"image": {NO_FINDING: 0.9, "pneumonia": 0.2, "atelectasis": 0.99}, "audio": {"heart_failure": 0.6}})
    assert answer[NO_FINDING] == pytest.approx(0.4)  # a finding is no condition and does not bound it


def test_no_finding_is_not_pooled():
    answer = fused({"image": {NO_FINDING: 0.8}, "text": {NO_FINDING: 0.8}})
    assert answer[NO_FINDING] == pytest.approx(0.8)


def test_a_head_of_few_labels_pools_the_others():
    head = create("concat", labels=["pneumonia"], embedding_dims={Modality.IMAGE: 2})
    torch.nn.init.ones_(head.readout)
    case = given({"image": {"pneumonia": 0.4, "cardiomegaly": 0.6}, "text": {"pneumonia": 0.15}})
    case = FusionInput({Modality.IMAGE: torch.ones(1, 2)}, case.evidence, case.speaks, case.present)
    log_odds, _ = fuse(head, case, PRIOR, NAMES)
    p = torch.sigmoid(log_odds[0])
    assert p[NAMES.index("cardiomegaly")].item() == pytest.approx(0.6)
    assert p[NAMES.index("pneumonia")].item() != pytest.approx(0.4, abs=1e-3)


def test_seven_subsets_in_order():
    names = ["+".join(m for m in Modality if m in s) for s in subsets(Modality)]
    assert names == ["image", "audio", "text", "image+audio", "image+text", "audio+text", "image+audio+text"]
