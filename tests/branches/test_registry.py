"""One decorated class is enough; a wrong name or option is told what there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from multimodal.branches import Spec, architectures, create, default_options, register, registry
from multimodal.branches.image import ImageBranch
from multimodal.errors import ArchitectureError, BundleInvalidError, UsageError
from multimodal.prepare import ImagePreparation
from tests.branches.builders import LABELS, PREPARATIONS, build, windows


@pytest.fixture
def toy() -> Iterator[str]:
    """The name of a film architecture that is registered for one test."""

    @register("image", "toy")
    class Toy(ImageBranch):
        """One convolution."""

        def __init__(self, spec: Spec, width: int = 4, dropout: float = 0.0) -> None:
            super().__init__(spec, embedding_dim=width, dropout=dropout)
            self.convolution = nn.Conv2d(1, width, 3, stride=4)

        def features(self, x: Tensor) -> Tensor:
            """(B, 1, H, W) to (B, width, H / 4, W / 4)."""
            return self.convolution(x).relu()

    yield "toy"
    del registry._REGISTRY["image"]["toy"]


def test_a_new_backbone_trains_saves_and_loads(toy: str, tmp_path: Path) -> None:
    assert toy in architectures("image")
    branch = create("image", toy, labels=LABELS, preparation=PREPARATIONS["image"], options={"width": 8})
    optimizer = torch.optim.SGD(branch.parameters(), lr=0.1)
    x, y = windows("image"), torch.eye(3)
    losses = []
    for _ in range(2):
        loss = binary_cross_entropy_with_logits(branch(x)[1], y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[1] < losses[0]
    branch.save_pretrained(tmp_path)
    assert torch.equal(ImageBranch.from_pretrained(tmp_path)(x)[1], branch(x)[1])


def test_another_class_does_not_take_the_bundle(tmp_path: Path) -> None:
    build("audio", "lstm").save_pretrained(tmp_path)
    with pytest.raises(BundleInvalidError, match="Expected a bundle of ImageBranch, but got audio/lstm"):
        ImageBranch.from_pretrained(tmp_path)


def test_a_folder_that_is_not_there_is_never_taken_for_a_hub_id() -> None:
    with pytest.raises(BundleInvalidError, match="holds no readable config"):
        ImageBranch.from_pretrained("google/vit-base-patch16-224")


def test_a_name_is_given_once(toy: str) -> None:
    with pytest.raises(ArchitectureError, match="toy is registered already"):
        register("image", toy)(ImageBranch)


def test_the_architectures_that_are_promised() -> None:
    assert {
        "small_cnn",
        "resnet18",
        "resnet50",
        "densenet121",
        "efficientnet_b0",
        "mobilenet_v3_small",
        "mobilenet_v3_large",
        "convnext_tiny",
    } <= set(architectures("image"))
    assert set(architectures("audio")) == {"lstm", "bilstm_attention", "conv_bilstm"}
    assert set(architectures("text")) == {"small_transformer", "auto"}


def test_an_unknown_architecture_is_told_the_names() -> None:
    with pytest.raises(ArchitectureError, match=r"small_cnn, resnet18.*but got 'vgg'"):
        create("image", "vgg", labels=LABELS, preparation=ImagePreparation())


def test_an_unknown_kind_is_told_the_kinds() -> None:
    with pytest.raises(ArchitectureError, match="image, audio, text"):
        architectures("video")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 3}, "out of width, dropout, but got depth"),
        ({"pretrained": True}, "but got pretrained"),
        ({"spec": None}, "but got spec"),
        ({"width": "8"}, "`width` of small_cnn to be int"),
        ({"width": True}, "`width` of small_cnn to be int"),
        ({"width": -1}, "cannot be used"),
        ({"dropout": 2.0}, "cannot be used"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        create("image", "small_cnn", labels=LABELS, preparation=ImagePreparation(), options=options)


def test_options_are_recorded_in_full() -> None:
    branch = create("image", "small_cnn", labels=LABELS, preparation=ImagePreparation(), options={"width": 4})
    assert branch.spec.options == {**default_options("image", "small_cnn"), "width": 4}


def test_labels_stand_in_vocabulary_order() -> None:
    branch = create("audio", "lstm", labels=["wheezes", "murmur"], preparation=PREPARATIONS["audio"])
    assert branch.labels == ("murmur", "wheezes")


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(UsageError, match="covid19"):
        create("image", "small_cnn", labels=["covid19"], preparation=ImagePreparation())
