"""What is particular to film networks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision

from multimodal.branches import create
from multimodal.branches.image import TorchvisionCNN, _to_one_channel
from multimodal.errors import ArchitectureError
from tests.branches.builders import LABELS, PREPARATIONS, build, windows


def test_the_small_cnn_is_small() -> None:
    branch = create("image", "small_cnn", labels=LABELS, preparation=PREPARATIONS["image"])
    assert 100_000 < sum(parameter.numel() for parameter in branch.parameters()) < 1_000_000


@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v3_small", "densenet121", "convnext_tiny"])
def test_the_grey_stem_answers_as_the_colour_stem_to_grey(arch: str) -> None:
    colour = torchvision.models.get_model(arch, weights=None)
    stem = next(module for module in colour.modules() if isinstance(module, torch.nn.Conv2d))
    x = windows("image")
    expected = stem(x.expand(-1, 3, -1, -1))
    _to_one_channel(colour)
    grey = next(module for module in colour.modules() if isinstance(module, torch.nn.Conv2d))
    torch.testing.assert_close(grey(x), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v3_small", "densenet121"])
def test_the_body_is_torchvisions(arch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the classifier's weights, the pooled features are what torchvision puts into its classifier."""
    torch.manual_seed(0)
    colour = torchvision.models.get_model(arch, weights=None).eval()
    weights = torchvision.models.get_model_weights(arch).DEFAULT
    monkeypatch.setattr(type(weights), "get_state_dict", lambda *_, **__: colour.state_dict())
    branch = create("image", arch, labels=LABELS, preparation=PREPARATIONS["image"], pretrained=True).eval()
    seen: list[torch.Tensor] = []
    classifier = colour.fc if arch == "resnet18" else colour.classifier
    classifier.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = windows("image")
    colour(x.expand(-1, 3, -1, -1))
    torch.testing.assert_close(branch(x)[0], seen[0], atol=1e-4, rtol=1e-4)


def test_without_a_network_pretrained_weights_are_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(type(torchvision.models.get_model_weights("resnet18").DEFAULT), "get_state_dict", unreachable)
    with pytest.raises(ArchitectureError, match="ImageNet weights of resnet18"):
        create("image", "resnet18", labels=LABELS, preparation=PREPARATIONS["image"], pretrained=True)


def test_the_small_cnn_has_no_pretrained_weights() -> None:
    with pytest.raises(ArchitectureError, match="no pretrained weights"):
        create("image", "small_cnn", labels=LABELS, preparation=PREPARATIONS["image"], pretrained=True)


def test_features_are_maps_of_the_field() -> None:
    branch = build("image", "resnet18").eval()
    assert isinstance(branch, TorchvisionCNN)
    assert branch.features(windows("image")).shape == (3, 512, 2, 2)
