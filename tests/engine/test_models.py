"""Which bundles answer, and what follows from the choice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.special import logit

from multimodal import zoo
from multimodal.case import Case
from multimodal.engine import Engine
from multimodal.errors import BundleNotFoundError, UsageError
from multimodal.labels import LABELS, NO_FINDING, Modality, Site, labels_of
from multimodal.verdict import percent
from tests.engine.diagnoses import SUBSETS, codes, numbers, refusals
from tests.engine.tiny import film, full_case, note, save_branch, save_head, sound


def test_a_trained_head_is_not_late_pooling():
    late, gated = (Engine({"fusion": head}).diagnose(full_case()) for head in ("late", "tiny_gated"))
    assert late.by_modality == gated.by_modality
    assert late.by_subset["image+text"]["pneumonia"] != pytest.approx(
        gated.by_subset["image+text"]["pneumonia"], abs=1e-4
    )


@pytest.mark.parametrize("kind", ["image", "audio", "text"])
def test_a_swapped_branch_sends_the_head_home(kind):
    swapped = Engine({kind: f"other_{kind}"})
    diagnosis = swapped.diagnose(full_case())
    assert "fusion_fallback" in codes(diagnosis.warnings)
    assert diagnosis.models["fusion"].name == "late"
    late = Engine({kind: f"other_{kind}", "fusion": "late"}).diagnose(full_case())
    assert "fusion_fallback" not in codes(late.warnings)
    assert numbers(diagnosis) == numbers(late)


def test_an_ensemble_is_the_mean_in_log_odds():
    one, other, both = (
        Engine({"image": name}).diagnose(full_case())
        for name in ("tiny_image", "other_image", "tiny_image+other_image")
    )
    for label, p in both.by_modality["image"].items():
        mean = (logit(one.by_modality["image"][label]) + logit(other.by_modality["image"][label])) / 2
        assert logit(p) == pytest.approx(mean)
    assert "fusion_fallback" in codes(both.warnings)
    assert both.models["image"].name == "tiny_image+other_image"


def test_reference_prevalence_moves_all_answers_and_no_decision():
    usual = Engine({"fusion": "late"}).diagnose(full_case())
    rare = Engine({"fusion": "late"}, prevalence={"pneumonia": 0.01}).diagnose(full_case())
    step = logit(0.01) - logit(LABELS["pneumonia"].prevalence)
    for before, after in (
        (usual.by_modality["image"], rare.by_modality["image"]),
        *zip(usual.by_subset.values(), rare.by_subset.values(), strict=True),
    ):
        if "pneumonia" in before:
            assert logit(after["pneumonia"]) == pytest.approx(logit(before["pneumonia"]) + step)
    was, now = ({r.label: r for r in d.labels}["pneumonia"] for d in (usual, rare))
    assert (was.present, was.set) == (now.present, now.set)
    assert rare.shares["pneumonia"]["base"] == pytest.approx(logit(0.01))
    (told,) = [notice.message for notice in rare.warnings if notice.code == "prevalence_set"]
    assert told.startswith(f"{now.name} is at {percent(now.probability)} with the prevalence of {percent(0.01)} that")
    assert told.endswith(f"it would be at {percent(was.probability)}.")
    assert "prevalence_set" not in codes(usual.warnings)


def test_one_branch_decides_by_its_own_threshold_and_set():
    engine = Engine({"fusion": "late"})
    diagnosis = engine.diagnose(Case("c", images=(film(),)))
    config = engine.branches(Modality.IMAGE)[0].config
    for result in diagnosis.labels:
        prior = logit(LABELS[result.label].prevalence)
        assert logit(result.threshold) == pytest.approx(prior + config.calibration[result.label]["threshold"])
        evidence = float(logit(result.probability) - prior)
        if config.calibration[result.label]["conformal"] is None:
            assert result.set == (0, 1)
            assert result.present is (evidence >= 0.1)
        else:
            expected = tuple(answer for answer, holds in ((0, evidence <= 0.4), (1, evidence >= -0.3)) if holds)
            assert result.set == expected
            assert result.present is (None if expected == (0, 1) else evidence >= 0.1)


def test_a_head_is_read_by_the_calibration_of_the_modalities_that_speak(zoo_root):
    reading = {"scale": 0.5, "bias": float(logit(0.3)), "prevalence": 0.3, "threshold": -1.0, "conformal": None}
    patterns = ["image+text", "image+audio+text"]
    save_head(zoo_root, "halved", "late", {}, calibration={"pneumonia": dict.fromkeys(patterns, reading)})
    plain, halved = (Engine({"fusion": name}).diagnose(full_case()) for name in ("late", "halved"))
    prior = logit(LABELS["pneumonia"].prevalence)
    for subset in SUBSETS:
        before, after = (logit(d.by_subset[subset]["pneumonia"]) - prior for d in (plain, halved))
        assert after == pytest.approx(before / 2 if subset in patterns else before)
    result = next(r for r in halved.labels if r.label == "pneumonia")
    assert logit(result.threshold) == pytest.approx(prior - 1)


def test_engines_share_loaded_bundles():
    one, other = Engine(), Engine({"fusion": "late"})
    assert one.branches(Modality.IMAGE)[0].network is other.branches(Modality.IMAGE)[0].network


def test_a_branch_without_a_modality(tmp_path, monkeypatch):
    save_branch(tmp_path, "image", "only")
    (tmp_path / zoo.DEFAULTS).write_text('{"image": "only"}')
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (tmp_path,))
    diagnosis = Engine().diagnose(replace(full_case(), texts=(note(),)))
    assert list(diagnosis.by_subset) == ["image"]
    assert codes(refusals(diagnosis)) == {"no_branch"}
    assert diagnosis.models["fusion"].name == "late"


def test_a_site_that_a_branch_has_not_learned_is_left_out(zoo_root):
    heart = labels_of(Modality.AUDIO, Site.HEART)
    save_branch(zoo_root, "audio", "heart_only", calibrated=[name for name in heart if name != NO_FINDING])
    diagnosis = Engine({"audio": "heart_only"}).diagnose(Case("c", (film(),), (sound(0, Site.LUNG),)))
    assert codes(refusals(diagnosis)) == {"nothing_to_say"}
    assert list(diagnosis.by_subset) == ["image"]
    assert not diagnosis.items[1].used


def test_unusable_arguments_are_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="image, audio, text, fusion"):
        Engine({"films": "tiny_image"})
    with pytest.raises(BundleNotFoundError, match="tiny_image"):
        Engine({"image": "missing"})
    with pytest.raises(UsageError, match="between 0 and 1"):
        Engine(prevalence={"pneumonia": 1.0})
    with pytest.raises(UsageError, match="pneumonia"):
        Engine(prevalence={"flu": 0.1})
    with pytest.raises(UsageError, match="device"):
        Engine(device="tpu")
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (tmp_path,))
    with pytest.raises(BundleNotFoundError, match="no trained branch"):
        Engine()
