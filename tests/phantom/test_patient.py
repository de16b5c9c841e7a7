"""The latent patient: determinism, the truth of its labels, and the stated frequencies."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimodal.errors import UsageError
from multimodal.labels import LABELS
from multimodal.phantom import draw_patient
from multimodal.phantom.patient import DISEASES, FINDINGS, LESIONS, PRIOR, finding_probability
from multimodal.phantom.signs import SIGN, draw_signs

seeds = st.integers(0, 2**31)


@given(seeds)
def test_same_seed_same_patient(seed: int) -> None:
    assert draw_patient(seed) == draw_patient(seed)
    assert draw_signs(draw_patient(seed)) == draw_signs(draw_patient(seed))


@given(seeds, st.sampled_from(list(PRIOR)))
def test_truth_is_consistent(seed: int, condition: str) -> None:
    patient = draw_patient(seed, condition)
    labels = patient.labels
    assert list(labels) == list(LABELS)
    assert labels[condition] == 1
    assert 0 <= patient.severity <= 1
    assert 1 <= patient.age <= 90
    if condition == "no_finding":
        assert sum(labels.values()) == 1
        assert patient.severity == 0
    else:
        assert labels["no_finding"] == 0
    lesions = any(labels[lesion] for lesion in LESIONS)
    assert labels["valvular_heart_disease"] == lesions
    assert labels["murmur"] == (lesions or "flow_murmur" in patient.facts)
    assert labels["crackles"] == ("fine_crackles" in patient.facts or "coarse_crackles" in patient.facts)


@given(seeds)
def test_lesions_are_heard_only_where_they_are(seed: int) -> None:
    patient = draw_patient(seed)
    for key, strength in draw_signs(patient).items():
        sign = SIGN[key]
        assert 0 <= strength <= 1
        if sign.false == 0 and patient.facts.isdisjoint(sign.causes):
            assert strength == 0


def test_conditions_come_as_often_as_stated() -> None:
    drawn = Counter(draw_patient(seed).condition for seed in range(3000))
    for condition, share in PRIOR.items():
        assert drawn[condition] / 3000 == pytest.approx(share, abs=0.03)


@given(st.sampled_from(sorted(FINDINGS)), st.sets(st.sampled_from(DISEASES)), st.floats(0, 1))
def test_more_disease_never_makes_a_finding_rarer(finding: str, diseases: set[str], severity: float) -> None:
    p = finding_probability(finding, frozenset(diseases), severity)
    assert 0 <= p < 1
    assert p <= finding_probability(finding, frozenset(DISEASES), severity)
    assert finding_probability(finding, frozenset(), severity) == 0


@pytest.mark.parametrize(("seed", "condition"), [(-1, None), (0, "gout")])
def test_refuses_what_it_cannot_draw(seed: int, condition: str | None) -> None:
    with pytest.raises(UsageError):
        draw_patient(seed, condition)
