from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from multimodal.branches import create
from multimodal.branches.image import ImageBranch
from multimodal.branches.text import TextBranch
from multimodal.case import Text
from multimodal.datasets import Dataset
from multimodal.errors import UsageError
from multimodal.labels import Modality
from multimodal.prepare import ImagePreparation, TextPreparation, prepare
from multimodal.prepare.text import train_tokenizer
from multimodal.train import train_branch
from multimodal.train.pretrain import Siamese, pretrain_encoder, pretrain_films
from multimodal.train.statements import statements
from tests.train.conftest import ARCHS, QUICK, TINY

FILMS = 32


def films() -> list[np.ndarray]:
    """Smooth patterns, each its own."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:1:36j, 0:1:36j]
    waves = [
        (np.sin(rng.uniform(2, 14) * x + rng.uniform(0, 6)) + np.cos(rng.uniform(2, 14) * y)) for _ in range(FILMS)
    ]
    return [np.uint8(255 * (wave - wave.min()) / np.ptp(wave)) for wave in waves]


def test_pretraining_changes_the_encoder_and_leaves_nothing_behind(tmp_path: Path) -> None:
    torch.manual_seed(0)
    settings = ImagePreparation(size=32)
    branch = create("image", "small_cnn", labels=("pneumonia",), preparation=settings, options={"width": 4})
    assert isinstance(branch, ImageBranch)
    before = {name: value.clone() for name, value in branch.named_parameters()}
    pretrain_films(branch, films(), tmp_path, QUICK, 2)
    changed = {name for name, value in branch.named_parameters() if not torch.equal(before[name], value.cpu())}
    assert changed == {name for name in before if not name.startswith("head")}
    assert not any(tmp_path.iterdir())


def test_the_siamese_loss_stops_the_gradient_on_one_side() -> None:
    """Against the formula of the paper: D(p1, stop(z2)) / 2 + D(p2, stop(z1)) / 2, D the negative cosine."""
    torch.manual_seed(0)
    branch = create(
        "image", "small_cnn", labels=("pneumonia",), preparation=ImagePreparation(size=32), options={"width": 4}
    )
    assert isinstance(branch, ImageBranch)
    task = Siamese(branch, width=16)
    first, second = torch.rand(2, 8, 1, 32, 32)
    loss = task(first, second)["loss"]
    z1, z2 = (task.projection(branch(view)[0]) for view in (first, second))
    p1, p2 = task.predictor(z1), task.predictor(z2)
    z1, z2 = normalize(z1.detach()), normalize(z2.detach())
    expected = -((normalize(p1) * z2).sum(1).mean() + (normalize(p2) * z1).sum(1).mean()) / 2
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    ours, theirs = (torch.autograd.grad(each, task.projection[0].weight)[0] for each in (loss, expected))
    torch.testing.assert_close(ours, theirs)


def test_a_sound_branch_has_no_pretraining(datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path) -> None:
    start = replace(TINY[Modality.AUDIO], pretrain_epochs=1)
    with pytest.raises(UsageError, match="image or text"):
        train_branch(
            "audio",
            ARCHS[Modality.AUDIO],
            [datasets[Modality.AUDIO]],
            tmp_path / "a",
            recipe=QUICK,
            start=start,
            cache=cache,
        )


def test_an_image_branch_is_pretrained_on_its_training_films(
    datasets: dict[Modality, Dataset], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr("multimodal.train.run.pretrain_films", lambda _, films, *__: seen.append(len(films)))
    start = replace(TINY[Modality.IMAGE], pretrain_epochs=3)
    data = datasets[Modality.IMAGE]
    train_branch(
        "image", "small_cnn", [data], tmp_path / "a", recipe=replace(QUICK, epochs=1), start=start, cache=cache
    )
    assert seen == [len(data.in_split("train"))]


def test_a_text_branch_learns_what_a_denial_is_before_it_sees_a_label(tmp_path: Path) -> None:
    torch.manual_seed(0)
    labels, settings = ("pneumonia", "cardiomegaly"), TextPreparation(max_tokens=32, overlap=4)
    notes = [statements(labels)[0] for _ in range(200)]
    tokenizer = train_tokenizer(notes)
    options = {"vocab_size": tokenizer.get_vocab_size(), "hidden": 32, "layers": 1, "heads": 2, "dropout": 0.0}
    branch = create("text", "small_transformer", labels=labels, preparation=settings, options=options)
    assert isinstance(branch, TextBranch)
    branch.tokenizer = tokenizer
    recipe = replace(QUICK, batch_size=64, learning_rate=1e-2)
    pretrain_encoder(branch, [Text("note", "", note) for note in notes], tmp_path, recipe, epochs=1)
    assert not any(tmp_path.iterdir())

    said = ("Pneumonia is present.", "Pneumonia is absent.", "Cardiomegaly without pneumonia.")
    with torch.inference_mode():
        logits = [
            branch.cpu().eval()(prepare(Text("note", "", text), settings, tokenizer))[1][0].tolist() for text in said
        ]
    assert logits[0][0] > 2
    assert logits[1][0] < -2
    assert logits[2][0] < -2 < 2 < logits[2][1]
