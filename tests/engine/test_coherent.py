"""No label is told as less likely than a kind of it, and what is measured stays as the models give it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from multimodal.case import Diagnosis, LabelResult
from multimodal.engine import Engine
from multimodal.engine.coherent import agreed, with_kinds
from multimodal.labels import KINDS, LABELS, NO_FINDING
from tests.engine.diagnoses import codes
from tests.engine.tiny import full_case

WHOLE, LEAK, NARROW = "valvular_heart_disease", "mitral_regurgitation", "mitral_stenosis"


def broken(probabilities: Mapping[str, float]) -> list[str]:
    """The kinds that are more likely than their whole."""
    return [
        kind
        for whole, kinds in KINDS.items()
        for kind in kinds
        if {whole, kind} <= set(probabilities) and probabilities[kind] > probabilities[whole]
    ]


def answers(diagnosis: Diagnosis) -> list[Mapping[str, float]]:
    """Every set of probabilities that a reader may look at."""
    fused = {result.label: result.probability for result in diagnosis.labels}
    return [fused, *diagnosis.by_modality.values(), *diagnosis.by_subset.values()]


@pytest.mark.parametrize("seed", range(4))
def test_an_answer_agrees_with_itself_everywhere(seed: int) -> None:
    case = full_case(seed)
    measured, told = Engine(coherent=False).diagnose(case), Engine().diagnose(case)
    assert any(map(broken, answers(measured))), "these networks are random, so nothing ties a disease to its kinds"
    assert not any(map(broken, answers(told)))
    fused = {result.label: result for result in told.labels}
    assert fused[NO_FINDING].probability <= 1 - fused[WHOLE].probability + 1e-12
    for label, shares in told.shares.items():
        assert sum(shares.values()) == pytest.approx(logit(fused[label].probability), abs=1e-6)
    changed = {r.label for r in measured.labels if r.probability != pytest.approx(fused[r.label].probability)}
    assert changed <= {*KINDS, NO_FINDING}
    assert ("raised_to_kind" in codes(told.warnings)) is bool(changed & set(KINDS))
    assert "raised_to_kind" not in codes(measured.warnings)


def result(label: str, probability: float, *, present: bool | None, threshold: float = 0.2) -> LabelResult:
    held = {True: (1,), False: (0,), None: (0, 1)}[present]
    return LabelResult(label, LABELS[label].title, probability, present, threshold, held, spread=probability)


def test_a_reader_is_told_why_and_finds_the_whole_first() -> None:
    before = {WHOLE: logit(0.24), LEAK: logit(0.51)}
    results = [result(LEAK, 0.51, present=True), result(WHOLE, 0.51, present=False)]
    told, (why,) = with_kinds(results, before)
    assert [r.label for r in told] == [WHOLE, LEAK]
    assert (told[0].present, told[0].set, told[0].spread) == (True, (1,), 0.51)
    assert "Heart valve disease is told as 51" in why.message
    assert "24" in why.message
    assert "leaking mitral valve, which is a kind of it" in why.message


@pytest.mark.parametrize(("kind", "words"), [(True, "taken to be there"), (None, "left open")])
def test_a_verdict_follows_that_on_a_kind(kind: bool | None, words: str) -> None:
    before = {WHOLE: logit(0.12), NARROW: logit(0.07)}
    told, (why,) = with_kinds([result(WHOLE, 0.12, present=False), result(NARROW, 0.07, present=kind)], before)
    assert told[0].present is kind
    assert told[0].spread == 0.12, "how unsure the networks are of the whole itself"
    assert words in why.message


def test_nothing_is_said_where_nothing_changed() -> None:
    results = [result(WHOLE, 0.6, present=True), result(NARROW, 0.3, present=None)]
    told, why = with_kinds(results, {WHOLE: logit(0.6), NARROW: logit(0.3)})
    assert list(told) == results
    assert why == []


def test_a_set_prevalence_is_not_told_of_a_whole_that_hangs_on_a_kind() -> None:
    case = full_case()
    for engine in (Engine(prevalence={WHOLE: 0.11}), Engine(prevalence={WHOLE: 0.99})):
        warnings = engine.diagnose(case).warnings
        assert len(codes(warnings) & {"raised_to_kind", "prevalence_set"}) == 1


@given(st.dictionaries(st.sampled_from(list(LABELS)), st.floats(-30, 30)))
def test_only_what_must_give_way_moves(log_odds: dict[str, float]) -> None:
    settled = agreed(log_odds)
    assert not broken(settled)
    assert agreed(settled) == settled
    assert {name for name in log_odds if settled[name] != log_odds[name]} <= {*KINDS, NO_FINDING}
    for whole in KINDS.keys() & log_odds:
        assert settled[whole] >= log_odds[whole]
        if settled[whole] > log_odds[whole] and NO_FINDING in log_odds:
            assert expit(settled[NO_FINDING]) <= 1 - expit(settled[whole]) + 1e-12
