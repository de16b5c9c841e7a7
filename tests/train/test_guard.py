"""When a branch must not answer: its detector, its heads, how sure a verdict must be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from multimodal import zoo
from multimodal.branches.heads import Heads
from multimodal.calibrate import fit_least_sure, sureness
from multimodal.datasets import Dataset, load_item
from multimodal.errors import UsageError
from multimodal.evaluate import render_card
from multimodal.labels import Modality
from multimodal.metrics import risk_coverage
from multimodal.ood import statistics
from multimodal.train.abstention import Verdicts, fit_abstention, risk_curve, verdicts
from multimodal.train.detector import _foreign, choose_limit, fit_detector
from tests.engine.tiny import save_branch, save_head


def test_between_good_and_foreign_the_limit_lies_halfway() -> None:
    assert choose_limit(np.linspace(0.5, 1, 100), [[3.0] * 5, [5.0] * 5]) == pytest.approx(2, abs=0.01)


def test_where_they_overlap_enough_foreign_inputs_are_refused_but_not_too_many_good_ones() -> None:
    good = np.linspace(0, 1, 1001)
    assert choose_limit(good, [[0.97] * 5]) == pytest.approx(0.97)
    assert choose_limit(good, [[0.2] * 5]) == pytest.approx(0.95)


def test_kinds_weigh_alike() -> None:
    many, few = [0.98] * 1000, [0.96] * 2
    assert choose_limit(np.linspace(0, 1, 1001), [many, few]) == pytest.approx(0.96)


def test_a_detector_of_notes_from_folder_to_bundle(
    datasets: dict[Modality, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multimodal.train.detector.MORE_PHANTOMS", 4)
    bundle = save_branch(tmp_path, "text", "tiny")
    weights = (bundle.folder / "model.safetensors").read_bytes()
    config = fit_detector(bundle, [datasets[Modality.TEXT]])
    assert zoo.load(bundle).detector.limit == config.detector["limit"]
    assert (bundle.folder / "model.safetensors").read_bytes() == weights
    refused = {kind: entry["refused"] for kind, entry in config.detector["foreign"].items()}
    assert np.mean(list(refused.values())) > 0.9
    of_source = {(entry["source"], entry["split"]): entry["refused"] for entry in config.detector["good"]}
    assert of_source["notes", "test"] <= 0.05
    (apart,) = [e for e in config.detector["good"] if (e["source"], e["split"]) == ("phantom", "not fitted on")]
    assert apart["patients"] == 4
    assert all(entry["ci"][0] <= entry["refused"] <= entry["ci"][1] for entry in config.detector["good"])
    card = render_card(config)
    assert "## When it does not answer" in card
    assert "| recipe |" in card


def test_a_detector_of_films_looks_at_their_layout_too(
    datasets: dict[Modality, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in {"MORE_PHANTOMS": 2, "PHANTOMS": 4, "DRAWS": 2, "TRAIN_ITEMS": 60, "GOOD_ITEMS": 20}.items():
        monkeypatch.setattr(f"multimodal.train.detector.{name}", count)
    monkeypatch.setattr("multimodal.train.detector._foreign", _foreign.__wrapped__)
    bundle = save_branch(tmp_path, "image", "tiny")
    config = fit_detector(bundle, [datasets[Modality.IMAGE]])
    detector = zoo.load(bundle).detector
    assert config.detector["method"] == "distance in the first stages' statistics or in their layout"
    assert {entry["n"] for entry in config.detector["foreign"].values()} == {2}
    validation = datasets[Modality.IMAGE].in_split("val")
    films = [load_item(validation, i) for i in range(20)]
    apart = np.array([detector.apart(film, statistics(zoo.load(bundle).network, film)) for film in films])
    beyond = apart > [detector.limit, detector.layout.limit]
    assert beyond.any(axis=1).mean() <= 0.3


def test_it_says_what_it_cannot_use(datasets: dict[Modality, Dataset], tmp_path: Path) -> None:
    branch = save_branch(tmp_path, "text", "tiny")
    with pytest.raises(UsageError, match="is a fusion head"):
        fit_detector(save_head(tmp_path, "head", "gated", {"text": branch}), [])
    with pytest.raises(UsageError, match="train and val"):
        fit_detector(branch, [datasets[Modality.TEXT].in_split("train")])


def test_how_sure_a_verdict_must_be_from_folder_to_bundle(datasets: dict[Modality, Dataset], tmp_path: Path) -> None:
    bundle = save_branch(tmp_path, "text", "tiny")
    entry = fit_abstention(bundle, [datasets[Modality.TEXT]]).abstention
    assert set(entry) == {"limit", "risk", "val", "test", "sha256"}
    reached = entry["val"]
    assert reached["risk"] <= max(entry["risk"], reached["risk_without"]) + 1e-9
    assert reached["coverage"] >= 0.4
    shares, risks = zip(*reached["curve"], strict=True)
    assert shares[-1] == 1.0
    assert risks[-1] == pytest.approx(reached["risk_without"])
    card = render_card(zoo.load(bundle).config)
    assert f"| val | {' | '.join(f'{risk:.1%}' for risk in risks)} |" in card
    signs = ["nearness to the threshold", "ensemble of heads", "Monte-Carlo dropout", "nearness and ensemble"]
    assert list(reached["finds_errors"]) == signs
    assert all(f"| val | {sign} |" in card for sign in signs)
    heads = zoo.load(bundle).heads
    assert heads.spread(np.ones(16)).max() > 0
    assert fit_abstention(bundle, [datasets[Modality.TEXT]]).abstention == entry


def test_the_risk_is_that_of_the_surest() -> None:
    rng = np.random.default_rng(0)
    margins, wrong = rng.normal(size=1000), rng.random(1000) < 0.3
    found = Verdicts(margins, np.zeros(1000), wrong, np.ones(1000), np.arange(1000).astype(str))
    coverage, risk = risk_coverage(expit(margins), (margins >= 0) ^ wrong)
    for share, measured in risk_curve(found):
        assert measured == pytest.approx(risk[np.searchsorted(coverage, share - 1e-9)])


def test_doubt_is_how_far_the_probability_of_a_verdict_moves_when_it_is_asked_again(
    datasets: dict[Modality, Dataset], tmp_path: Path
) -> None:
    loaded = zoo.load(save_branch(tmp_path, "text", "tiny"))
    count = len(loaded.config.labels)
    two = Heads(
        np.zeros((2, count, loaded.network.embedding_dim), np.float32),
        np.stack([np.full(count, -0.7), np.full(count, 0.7)]).astype(np.float32),
    )
    found = verdicts(loaded, two, datasets[Modality.TEXT])
    either = expit(found.margins + found.spreads), expit(found.margins - found.spreads)
    assert found.doubts["ensemble of heads"] == pytest.approx((either[0] - either[1]) / 2)
    dropout = found.doubts["Monte-Carlo dropout"]
    assert ((dropout > 0) & (dropout < 0.5)).all()
    again = verdicts(loaded, two, datasets[Modality.TEXT]).doubts["Monte-Carlo dropout"]
    np.testing.assert_array_equal(dropout, again)


def test_labels_count_alike_on_the_curve() -> None:
    weights = np.array([0.5, 0.5, 0.1] + 9 * [0.1])
    found = Verdicts(
        np.arange(12, 0, -1.0), np.zeros(12), np.arange(12) < 2, weights, np.array([str(i) for i in range(12)])
    )
    risks = dict(map(tuple, risk_curve(found)))
    assert risks[0.5] == 1.0
    assert risks[1.0] == pytest.approx(0.5)


def test_a_spread_makes_a_verdict_less_sure() -> None:
    assert sureness(-2.0, 0.0) == 2
    assert sureness(2.0, [0.5, 1.0, 4.0]).tolist() == sorted(sureness(2.0, [0.5, 1.0, 4.0]).tolist(), reverse=True)


def test_the_limit_keeps_the_risk_and_as_many_verdicts_as_it_can() -> None:
    rng = np.random.default_rng(0)
    sure = rng.exponential(size=2000)
    wrong = rng.random(2000) < 0.5 * np.exp(-2 * sure)
    limit = fit_least_sure(sure, wrong, risk=0.1)
    assert wrong[sure >= limit].mean() <= 0.1
    more = np.sort(sure)[np.searchsorted(np.sort(sure), limit) - 40]
    assert wrong[sure >= more].mean() > 0.09
    assert fit_least_sure(sure, np.zeros(2000)) == 0
    assert (sure >= fit_least_sure(sure, np.ones(2000))).mean() == pytest.approx(0.5, abs=0.01)
    with pytest.raises(UsageError, match="shape"):
        fit_least_sure([], [])
