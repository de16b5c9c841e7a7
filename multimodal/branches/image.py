"""Convolutional networks for films: (B, 1, H, W) in, maps (B, C, h, w) as features."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import cast

import torch
import torchvision
from torch import Tensor, nn

from multimodal.branches.base import Branch
from multimodal.branches.registry import Spec, register
from multimodal.errors import ArchitectureError


class ImageBranch(Branch):
    """A film network: feature maps, averaged over the field."""

    def pool(self, features: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Mean over the field: (B, C, h, w) to (B, C)."""
        return features.mean((-2, -1))


@register("image", "small_cnn")
class SmallCNN(ImageBranch):
    """A residual network of our own, small enough to train on a CPU.

    Four stages halve the field and double the channels; each holds one downsampling convolution and one residual
    pair (He et al., Deep Residual Learning for Image Recognition, 2016).
    """

    def __init__(self, spec: Spec, width: int = 16, dropout: float = 0.2) -> None:
        channels = [width * factor for factor in (1, 2, 4, 8)]
        super().__init__(spec, embedding_dim=channels[-1], dropout=dropout)
        self.stem = _convolution(1, channels[0], stride=2)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(_convolution(before, after, stride=2), _Residual(after))
                for before, after in zip([channels[0], *channels], channels, strict=False)
            )
        )

    def features(self, x: Tensor) -> Tensor:
        """(B, 1, H, W) to (B, 8 width, H / 32, W / 32)."""
        return cast("Tensor", self.stages(self.stem(x)))

    def watched(self, x: Tensor, look: Callable[[Tensor], None]) -> Tensor:
        """The stem and the first half of the stages are looked at."""
        return _watched([self.stem, *self.stages], x, look)


@register(
    "image",
    "resnet18",
    "resnet50",
    "densenet121",
    "efficientnet_b0",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "convnext_tiny",
)
class TorchvisionCNN(ImageBranch):
    """The convolutional part of a torchvision classifier, for films of one channel."""

    def __init__(self, spec: Spec, dropout: float = 0.2, pretrained: bool = False) -> None:
        body, dimension = _convolutions(_classifier(spec.arch, pretrained=pretrained))
        super().__init__(spec, embedding_dim=dimension, dropout=dropout)
        self.body = body

    def features(self, x: Tensor) -> Tensor:
        """(B, 1, H, W) to (B, C, H / 32, W / 32)."""
        return cast("Tensor", self.body(x))

    def watched(self, x: Tensor, look: Callable[[Tensor], None]) -> Tensor:
        """The first half of the stages is looked at."""
        first, *rest = self.body
        if not isinstance(first, nn.Sequential):
            return _watched(list(self.body), x, look)
        x = _watched(list(first), x, look)
        for part in rest:
            x = part(x)
        return x


def _watched(stages: Sequence[nn.Module], x: Tensor, look: Callable[[Tensor], None]) -> Tensor:
    """The stages that are looked at are in full precision, as those that detectors are fitted on."""
    for number, stage in enumerate(stages):
        if 2 * number < len(stages):
            with torch.autocast(x.device.type, enabled=False):
                x = stage(x.float())
            look(x)
        else:
            x = stage(x)
    return x


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", x + self.second(self.first(x))).relu()


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


def _classifier(arch: str, *, pretrained: bool) -> nn.Module:
    """The torchvision network for colour pictures, with ImageNet weights where wanted."""
    model: nn.Module = torchvision.models.get_model(arch, weights=None)
    if pretrained:
        weights = torchvision.models.get_model_weights(arch).DEFAULT
        try:
            state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        except (OSError, RuntimeError, pickle.UnpicklingError) as error:
            raise ArchitectureError(
                f"The ImageNet weights of {arch} are neither in torch's cache nor can they be downloaded ({error})."
            ) from error
        model.load_state_dict(state)
    return model


def _convolutions(model: nn.Module) -> tuple[nn.Sequential, int]:
    """The part before the pooling, for one channel, and its number of output channels C."""
    children = dict(model.named_children())
    if "fc" in children:  # ResNet
        layers = [child for name, child in children.items() if name not in ("avgpool", "fc")]
        last: nn.Module = children["fc"]
    else:
        layers, last = [children["features"]], children["classifier"]
    if isinstance(model, torchvision.models.DenseNet):
        layers.append(nn.ReLU())  # torchvision applies it in forward
    if isinstance(model, torchvision.models.ConvNeXt):
        layers.append(cast("nn.Sequential", last)[0])  # the norm before its classifier
    body = nn.Sequential(*layers)
    _to_one_channel(body)
    linear = next(module for module in last.modules() if isinstance(module, nn.Linear))
    return body, linear.in_features


def _to_one_channel(body: nn.Module) -> None:
    """Replace the colour stem by one whose answer to grey is that of the colour stem to three equal channels."""
    name, stem = next((name, module) for name, module in body.named_modules() if isinstance(module, nn.Conv2d))
    grey = nn.Conv2d(
        1,
        stem.out_channels,
        cast("tuple[int, int]", stem.kernel_size),
        stride=cast("tuple[int, int]", stem.stride),
        padding=cast("tuple[int, int]", stem.padding),
        bias=stem.bias is not None,
    )
    grey.load_state_dict({**stem.state_dict(), "weight": stem.weight.detach().sum(1, keepdim=True)})
    parent, _, child = name.rpartition(".")
    setattr(body.get_submodule(parent), child, grey)
