from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from multimodal.datasets import Dataset, join, phantom_dataset
from multimodal.errors import UsageError
from multimodal.labels import Modality
from multimodal.train import fit as fitting
from multimodal.train import train_branch
from multimodal.train.branch import claimed_labels
from multimodal.train.fit import macro_auroc
from multimodal.train.run import Run
from multimodal.zoo import Bundle, LoadedBranch, at, load, load_branch, verify
from tests.train.conftest import ARCHS, QUICK, TINY

EXPECTED = {
    Modality.IMAGE: ("no_finding", "pneumonia"),
    Modality.AUDIO: ("murmur", "wheezes"),
    Modality.TEXT: ("pneumonia",),
}


@pytest.mark.parametrize("kind", list(Modality))
def test_a_branch_of_each_kind_from_folder_to_bundle(
    kind: Modality, datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path
) -> None:
    out = tmp_path / "tiny"
    bundle = train_branch(kind, ARCHS[kind], [datasets[kind]], out, recipe=QUICK, start=TINY[kind], cache=cache)
    config = verify(bundle)
    assert config.labels == EXPECTED[kind]
    assert config.kind == kind
    source = next(iter(config.training["sources"].values()))
    assert source["train"]["patients"] == datasets[kind].in_split("train").rows["patient"].nunique()
    assert set(source["positive_patients"]) == set(config.labels)
    assert "test" not in source
    loaded = load(bundle)
    assert isinstance(loaded, LoadedBranch)
    assert (loaded.tokenizer is not None) == (kind is Modality.TEXT)
    with (out / "log.csv").open() as file:
        assert [float(row["epoch"]) for row in csv.DictReader(file)] == [1, 2]
    assert not (out / "checkpoints").exists()


def test_it_learns(datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path) -> None:
    recipe = replace(QUICK, epochs=8, learning_rate=2e-2)
    train_branch(
        "image", "small_cnn", [datasets[Modality.IMAGE]], tmp_path / "a", recipe=recipe, start=TINY[Modality.IMAGE],
        cache=cache,
    )  # fmt: skip
    with (tmp_path / "a" / "log.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_same_command_gives_the_same_weights(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path
) -> None:
    hashes = [
        train_branch(
            "image", "small_cnn", [datasets[Modality.IMAGE]], tmp_path / name, cache=cache,
            recipe=replace(QUICK, seed=seed), start=TINY[Modality.IMAGE],
        ).config.sha256
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]  # fmt: skip
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_killed_run_goes_on_where_it_was(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, recipe = [datasets[Modality.IMAGE]], replace(QUICK, epochs=3, patience=0)

    def run(name: str) -> dict[str, torch.Tensor]:
        start = TINY[Modality.IMAGE]
        bundle = train_branch("image", "small_cnn", data, tmp_path / name, recipe=recipe, start=start, cache=cache)
        return load_file(bundle.folder / "model.safetensors")

    whole = run("whole")
    saved = fitting._BranchTrainer._save_checkpoint

    def die_after_two_epochs(self: fitting._BranchTrainer, *args: object, **kwargs: object) -> None:
        saved(self, *args, **kwargs)
        if self.state.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fitting._BranchTrainer, "_save_checkpoint", die_after_two_epochs)
    with pytest.raises(KeyboardInterrupt):
        run("killed")
    monkeypatch.undo()
    assert (tmp_path / "killed" / "checkpoints").exists()
    resumed = run("killed")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_weights_of_another_bundle_are_a_start(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multimodal.train.pretrain._DRAWS", 64)
    data, start = [datasets[Modality.TEXT]], TINY[Modality.TEXT]
    first = train_branch(
        "text", "small_transformer", data, tmp_path / "a", recipe=QUICK, start=replace(start, pretrain_epochs=1),
        cache=cache, half=False,
    )  # fmt: skip
    frozen = replace(QUICK, freeze=True, epochs=1)
    second = train_branch(
        "text", "small_transformer", data, tmp_path / "b", recipe=frozen, start=replace(start, init=first.folder),
        cache=cache, half=False,
    )  # fmt: skip
    before, after = (load_file(bundle.folder / "model.safetensors") for bundle in (first, second))
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("encoder."))
    assert second.config.training["start"]["init"] == "a"
    other = replace(start, init=first.folder, options={**start.options, "hidden": 32})
    with pytest.raises(UsageError, match="not of the architecture"):
        train_branch("text", "small_transformer", data, tmp_path / "c", recipe=frozen, start=other, cache=cache)


def test_trained_weights_are_mixed_with_those_that_training_began_with(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path
) -> None:
    data, start = [datasets[Modality.IMAGE]], TINY[Modality.IMAGE]

    def run(name: str, mix: float, init: Path | None) -> tuple[Path, dict[str, torch.Tensor]]:
        recipe, begun = replace(QUICK, mix=mix), replace(start, init=init)
        bundle = train_branch(
            "image", "small_cnn", data, tmp_path / name, recipe=recipe, start=begun, cache=cache, half=False
        )
        config = verify(bundle)
        assert config.training["validation_macro_auroc"] == pytest.approx(measured(bundle), abs=1e-6)
        return bundle.folder, load_file(bundle.folder / "model.safetensors")

    def measured(bundle: Bundle) -> float:
        branch = load_branch(bundle).network
        way = Run(Modality.IMAGE, "small_cnn", branch.labels, QUICK, start, cache)
        return macro_auroc(branch, way.evaluation(data[0].in_split("val"), branch))

    folder, first = run("first", 1.0, None)
    all_but, quarter, half = (run(str(share), share, folder)[1] for share in (1 - 1e-7, 0.25, 0.5))
    assert any(not torch.equal(first[name], all_but[name]) for name in first)
    for share, mixed in ((0.25, quarter), (0.5, half)):
        for name in (name for name in first if first[name].is_floating_point()):
            torch.testing.assert_close(mixed[name], first[name] + share * (all_but[name] - first[name]))
    with pytest.raises(UsageError, match="Expected a bundle to start from"):
        run("nothing", 0.5, None)
    other = load_branch(at(folder)).network
    with pytest.raises(UsageError, match="speaks of other labels"):
        Run(
            Modality.IMAGE, "small_cnn", other.labels[:1], replace(QUICK, mix=0.5), replace(start, init=folder), cache
        ).fit(data[0].in_split("train"), None, tmp_path / "other")


def test_a_label_is_claimed_only_from_ten_real_patients(datasets: dict[Modality, Dataset]) -> None:
    films = datasets[Modality.IMAGE].in_split("train")
    ill = np.flatnonzero(films.label("pneumonia") == 1)
    patients = films.rows["patient"].iloc[ill].unique()
    few = films.where(~films.rows["patient"].isin(patients[9:]).to_numpy())
    assert claimed_labels(films) == ("no_finding", "pneumonia")
    assert claimed_labels(join([few, phantom_dataset(100, 0, "image").in_split("train")])) == ("no_finding",)
    with pytest.raises(UsageError, match="No label has 10 real patients"):
        claimed_labels(phantom_dataset(100, 0, "image"))


def test_data_of_another_kind_is_refused(datasets: dict[Modality, Dataset], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Expected data of image"):
        train_branch("image", "small_cnn", [datasets[Modality.TEXT]], tmp_path / "a")
    assert not (tmp_path / "a").exists()
