from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from multimodal.branches.image import SmallCNN
from multimodal.calibrate import LabelCalibration
from multimodal.case import Case, Diagnosis, Notice
from multimodal.engine import Engine, run
from multimodal.engine.answer import cautions
from multimodal.engine.statement import Statement
from multimodal.labels import LABELS, NO_FINDING, Group, Modality, Site, labels_of
from tests.engine.diagnoses import SUBSETS, codes, numbers
from tests.engine.tiny import film, full_case, sound

HEADS = ["late", "tiny_concat", "tiny_gated", "tiny_attention"]


def part(case: Case, subset: str) -> Case:
    names = subset.split("+")
    return replace(
        case,
        images=case.images if "image" in names else (),
        audios=case.audios if "audio" in names else (),
        texts=case.texts if "text" in names else (),
    )


@pytest.mark.parametrize("head", HEADS)
def test_every_number_keeps_the_contract(head):
    diagnosis = Engine({"fusion": head}).diagnose(full_case())
    fused = {result.label: result for result in diagnosis.labels}
    assert list(diagnosis.by_subset) == SUBSETS
    assert diagnosis.by_subset["image+audio+text"] == {label: result.probability for label, result in fused.items()}
    assert [r.probability for r in diagnosis.labels] == sorted((r.probability for r in diagnosis.labels), reverse=True)
    for subset, answers in diagnosis.by_subset.items():
        members = subset.split("+")
        assert set(answers) == set().union(*(diagnosis.by_modality[m] for m in members))
        least = min(diagnosis.by_modality[m][NO_FINDING] for m in members)
        conditions = [p for name, p in answers.items() if LABELS[name].group is Group.CONDITION and name != NO_FINDING]
        assert answers[NO_FINDING] == pytest.approx(min(least, 1 - max(conditions)))
    for label, shares in diagnosis.shares.items():
        assert shares["base"] == pytest.approx(logit(LABELS[label].prevalence))
        assert sum(shares.values()) == pytest.approx(logit(fused[label].probability), abs=1e-6)
        for modality, answers in diagnosis.by_modality.items():
            assert label in answers or shares[modality] == 0
    for result in diagnosis.labels:
        assert set(result.set) <= {0, 1}
        assert result.set
        if result.present is not None:
            assert result.present is (result.probability >= result.threshold)


def test_late_is_the_formula():
    (diagnosis,) = Engine({"fusion": "late"}, coherent=False).diagnose_many([full_case()])
    for label, p in diagnosis.by_subset["image+audio+text"].items():
        if label != NO_FINDING:
            prior = logit(LABELS[label].prevalence)
            said = [answers[label] for answers in diagnosis.by_modality.values() if label in answers]
            assert logit(p) == pytest.approx(prior + sum(logit(q) - prior for q in said))


def test_one_modality_answers_as_its_branch_does():
    diagnosis = Engine().diagnose(full_case())
    for modality in SUBSETS[:3]:
        own, alone = diagnosis.by_modality[modality], diagnosis.by_subset[modality]
        assert {n: p for n, p in alone.items() if n != NO_FINDING} == pytest.approx(
            {n: p for n, p in own.items() if n != NO_FINDING}
        )


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_subset_alone_answers_as_within_the_whole(subset):
    engine = Engine()
    whole, alone = engine.diagnose(full_case()), engine.diagnose(part(full_case(), subset))
    assert alone.by_subset[subset] == pytest.approx(whole.by_subset[subset], abs=1e-12)
    assert ("single_modality" in codes(alone.warnings)) is ("+" not in subset)


def test_neighbours_in_a_batch_change_nothing():
    engine = Engine()
    cases = [full_case(seed) for seed in range(3)]
    cases.append(replace(full_case(3), images=(film(7, size=90), film(8)), texts=()))
    cases.append(part(full_case(4), "text"))
    for case, together in zip(cases, engine.diagnose_many(cases), strict=True):
        assert numbers(together) == pytest.approx(numbers(engine.diagnose(case)), abs=1e-6)


def test_three_films_and_eight_heart_sounds():
    films, sounds = tuple(film(i) for i in range(3)), tuple(sound(i, seconds=2 + i) for i in range(8))
    diagnosis = Engine().diagnose(Case("many", films, sounds))
    assert len(diagnosis.items) == 11
    assert all(item.used for item in diagnosis.items)
    assert set(diagnosis.by_modality["audio"]) == set(labels_of(Modality.AUDIO, Site.HEART))


def test_windows_then_items_then_sites_are_averaged():
    engine = Engine({"fusion": "late"})
    (branch,) = engine.branches(Modality.AUDIO)
    sounds = (sound(0, seconds=9), sound(1), sound(2, Site.LUNG))
    one, two, lung = (output.logits for output in run(branch, sounds, "cpu"))
    answers = engine.diagnose(Case("c", audios=sounds)).by_modality["audio"]

    def expected(label: str, logits: np.ndarray) -> float:
        i = branch.config.labels.index(label)
        calibration = branch.config.calibration[label]
        prior = logit(LABELS[label].prevalence) - logit(calibration["prevalence"])
        return expit(prior + calibration["scale"] * logits[i] + calibration["bias"])

    assert answers["murmur"] == pytest.approx(expected("murmur", (one + two) / 2))
    assert answers["crackles"] == pytest.approx(expected("crackles", lung))
    assert answers[NO_FINDING] == pytest.approx(expected(NO_FINDING, ((one + two) / 2 + lung) / 2))


def test_the_site_is_the_users_word_else_the_branchs():
    engine = Engine()
    (branch,) = engine.branches(Modality.AUDIO)
    guessed = Site.LUNG if run(branch, [sound(0, None)], "cpu")[0].site_logit > 0 else Site.HEART
    diagnosis = engine.diagnose(Case("c", audios=(sound(0, None),)))
    assert diagnosis.items[0].site == guessed
    assert "site_guessed" in codes(diagnosis.warnings)
    told = engine.diagnose(Case("c", audios=(sound(0, Site.LUNG),)))
    assert told.items[0].site == "lung"
    assert "site_guessed" not in codes(told.warnings)
    assert set(told.by_modality["audio"]) == set(labels_of(Modality.AUDIO, Site.LUNG))


@pytest.mark.parametrize("guess", list(Site))
def test_what_is_taken_for_a_heart_is_asked_for_a_beat(guess: Site, monkeypatch: pytest.MonkeyPatch):
    drone = np.cumsum(np.random.default_rng(1).normal(0, 0.001, 20000)).astype(np.float32)
    engine = Engine()
    (branch,) = engine.branches(Modality.AUDIO)
    lung = torch.tensor([1.0 if guess is Site.LUNG else -1.0])
    monkeypatch.setattr(branch.network, "site_logit", lambda embedding: lung.expand(len(embedding)))
    diagnosis = engine.diagnose(Case("c", audios=(replace(sound(0, None), samples=drone),)))
    assert diagnosis.items[0].site == guess
    assert ("heart_rate_not_found" in codes(diagnosis.quality)) == (guess is Site.HEART)


def test_an_item_that_is_unfit_is_left_out_and_named():
    blank = replace(film(1), name="blank.png", pixels=np.zeros((100, 100), np.float32))
    engine = Engine()
    diagnosis = engine.diagnose(replace(full_case(), images=(film(0), blank)))
    assert [(n.code, n.item, n.refused) for n in diagnosis.quality if n.refused] == [("film_blank", "blank.png", True)]
    assert [item.used for item in diagnosis.items if item.modality == "image"] == [True, False]
    assert numbers(diagnosis) == numbers(engine.diagnose(full_case()))


def test_a_nan_is_an_error_of_its_item_and_never_a_probability(monkeypatch):
    forward = SmallCNN.forward

    def poisoned(self, x):
        embedding, logits = forward(self, x)
        return embedding, logits.masked_fill(logits[:, :1] == target, math.nan)

    engine = Engine()
    (target,) = run(engine.branches(Modality.IMAGE)[0], [film(1)], "cpu")[0].logits[:1].tolist()
    monkeypatch.setattr(SmallCNN, "forward", poisoned)
    diagnoses = engine.diagnose_many([full_case(), replace(full_case(), images=(film(0), film(1)))])
    assert [n.code for n in diagnoses[1].quality if n.refused] == ["non_finite"]
    assert numbers(diagnoses[0]) == numbers(diagnoses[1])
    alone = engine.diagnose(Case("c", images=(film(1),)))
    assert (alone.labels, alone.by_subset) == ((), {})
    assert codes(alone.warnings) == {"nothing_scored"}


def test_files_that_could_not_be_read_are_carried_over():
    problem = Notice("corrupt_file", "The file is cut short.", item="a.dcm", refused=True)
    diagnosis = Engine().diagnose(replace(full_case(), problems=(problem,)))
    assert problem in diagnosis.warnings


def test_a_case_with_nothing_fit_gets_no_answer():
    silent = replace(sound(), samples=np.zeros(8000, np.float32))
    diagnosis = Engine().diagnose(Case("c", audios=(silent,)))
    assert diagnosis.labels == ()
    assert codes(diagnosis.quality) == {"sound_silent"}
    assert Engine().diagnose(Case("nothing")).labels == ()


def test_json_round_trip():
    diagnosis = Engine().diagnose(full_case())
    again = Diagnosis.from_json(diagnosis.to_json())
    assert again == diagnosis
    raw = json.loads(diagnosis.to_json())
    assert raw["models"]["image"]["name"] == "tiny_image"
    assert len(raw["models"]["fusion"]["sha256"]) == 64
    assert raw["elapsed_ms"] > 0


def test_disagreement_is_named():
    reading = LabelCalibration(1.0, 0.0, 0.5, 0.1, None)

    def says(film_evidence: float, note_evidence: float) -> dict[Modality, Statement]:
        return {
            m: Statement({"pneumonia": e}, None, {"pneumonia": (reading,)})
            for m, e in ((Modality.IMAGE, film_evidence), (Modality.TEXT, note_evidence))
        }

    (notice,) = cautions(says(2.5, -2.0), ())
    assert notice.code == "disagreement"
    assert "film speaks for pneumonia" in notice.message
    assert cautions(says(5.0, 1.0), ()) == []  # far apart, but on one side
    assert cautions(says(0.5, -0.5), ()) == []  # on both sides, but close
    assert cautions(says(0.3, -4.0), ()) == cautions(says(4.0, -0.3), ()) == []  # apart, but one says next to nothing


def test_threads_share_one_engine():
    engine = Engine()
    cases = [full_case(seed) for seed in range(4)] * 2
    expected = [numbers(engine.diagnose(case)) for case in cases]
    with ThreadPoolExecutor(4) as pool:
        assert [numbers(d) for d in pool.map(engine.diagnose, cases)] == expected


def test_warm_up_needs_no_case():
    Engine().warm_up()


def test_a_sound_that_contradicts_its_site_is_doubted(monkeypatch):
    (branch,) = Engine().branches(Modality.AUDIO)
    monkeypatch.setattr(type(branch.network), "site_logit", lambda self, embedding: embedding[:, 0] * 0 + 5.0)
    doubted = Engine().diagnose(Case("c", audios=(sound(0, Site.HEART), sound(1, Site.LUNG))))
    assert [(n.code, n.item) for n in doubted.warnings if n.item] == [("site_doubted", "sound0.wav")]
    assert [item.site for item in doubted.items] == ["heart", "lung"]
