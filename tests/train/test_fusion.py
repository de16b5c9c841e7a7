from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from multimodal.datasets import LABEL_NAMES, Dataset
from multimodal.errors import UsageError
from multimodal.labels import Modality
from multimodal.train import Cohorts, train_branch, train_fusion
from multimodal.train import cases as training
from multimodal.train.answers import Answers, make_cases, paired_members
from multimodal.train.fusion import FUSION_RECIPE, shared_labels
from multimodal.zoo import Bundle, LoadedFusion, load, verify
from tests.train.conftest import ARCHS, QUICK, TINY

SMALL = Cohorts(composed=60, phantoms=8)
RECIPE = replace(FUSION_RECIPE, epochs=2, batch_size=16)


@pytest.fixture(scope="module")
def branches(
    datasets: dict[Modality, Dataset], cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[Modality, Bundle]:
    root = tmp_path_factory.mktemp("bundles")
    return {
        kind: train_branch(
            kind, ARCHS[kind], [datasets[kind]], root / kind, recipe=QUICK, start=TINY[kind], cache=cache
        )
        for kind in (Modality.IMAGE, Modality.TEXT)
    }


@pytest.mark.parametrize("arch", ["concat", "gated", "attention"])
def test_a_head_names_the_branches_it_was_trained_on(
    arch: str, branches: dict[Modality, Bundle], datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path
) -> None:
    bundle = train_fusion(arch, branches, datasets, tmp_path / "head", cohorts=SMALL, recipe=RECIPE, cache=cache)
    config = verify(bundle)
    assert config.labels == ("pneumonia",)
    assert {m: entry["sha256"] for m, entry in config.branches.items()} == {
        m.value: entry.config.sha256 for m, entry in branches.items()
    }
    loaded = load(bundle)
    assert isinstance(loaded, LoadedFusion)
    gained = config.training["validation_loss"] < config.training["late_loss"]
    assert bool(loaded.network.readout.any()) == gained, "what is no better than late pooling stays late pooling"


def test_a_head_never_sees_patients_that_trained_its_branches(
    branches: dict[Modality, Bundle],
    datasets: dict[Modality, Dataset],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scored: list[Dataset] = []
    answer_rows = training.answer_rows

    def watch(bundle: Bundle, dataset: Dataset, cache: Path | None) -> Answers:
        scored.append(dataset)
        return answer_rows(bundle, dataset, cache)

    monkeypatch.setattr(training, "answer_rows", watch)
    train_fusion("concat", branches, datasets, tmp_path / "head", cohorts=replace(SMALL, phantoms=0), recipe=RECIPE)
    assert len(scored) == 2
    for data in scored:
        whole = datasets[data.modality]
        assert set(data.rows["patient"]) == set(whole.in_split("val").rows["patient"])


def test_branches_that_share_no_label_are_refused(branches: dict[Modality, Bundle]) -> None:
    assert shared_labels(branches) == ("pneumonia",)
    with pytest.raises(UsageError, match="share a label"):
        shared_labels({Modality.IMAGE: branches[Modality.IMAGE]})


def test_a_case_averages_its_rows_and_counts_only_those_that_speak() -> None:
    speaks = torch.zeros(3, len(LABEL_NAMES), dtype=torch.bool)
    speaks[0, 0] = speaks[1, 0] = speaks[2, 1] = True
    evidence = torch.where(speaks, torch.tensor([[2.0], [4.0], [6.0]]), 0.0)
    said = {Modality.AUDIO: Answers(torch.tensor([[1.0], [2.0], [6.0]]), evidence, speaks)}
    truth = torch.full((2, len(LABEL_NAMES)), torch.nan)
    cases = make_cases(said, [{Modality.AUDIO: [0, 1, 2]}, {}], truth)
    assert cases.given.embeddings[Modality.AUDIO].tolist() == [[3.0], [0.0]]
    assert cases.given.evidence[0, 1, :3].tolist() == [3.0, 6.0, 0.0]
    assert cases.given.speaks[0, 1, :3].tolist() == [True, True, False]
    assert cases.given.present.tolist() == [[False, True, False], [False, False, False]]


def test_a_patients_truth_is_that_of_any_of_its_rows(datasets: dict[Modality, Dataset]) -> None:
    pair = {m: datasets[m].where([0, 1, 2]) for m in (Modality.IMAGE, Modality.TEXT)}
    members, truth = paired_members(pair)
    assert [sorted(m.value for m, rows in case.items() if rows) for case in members] == [
        ["image"], ["image"], ["text"], ["text"], ["text"],
    ]  # fmt: skip
    column = LABEL_NAMES.index("pneumonia")
    assert truth[:, column].tolist() == [0, 1, 0, 1, 0]
