"""What a branch is built from, and the registry of architectures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from multimodal.errors import ArchitectureError, MultimodalError
from multimodal.labels import Modality, check_labels
from multimodal.prepare import Preparation

if TYPE_CHECKING:
    from multimodal.branches.base import Branch

AnyBranch = TypeVar("AnyBranch", bound="type[Branch]")

_NOT_OPTIONS = ("self", "spec", "pretrained")
_REGISTRY: dict[str, dict[str, type[Branch]]] = {modality.value: {} for modality in Modality}


@dataclass(frozen=True)
class Spec:
    """What a branch is built from, apart from its weights.

    Attributes:
        kind: Modality.
        arch: Registered name.
        labels: What it speaks of, in vocabulary order.
        preparation: How its items are prepared.
        options: The architecture's own options.
    """

    kind: Modality
    arch: str
    labels: tuple[str, ...]
    preparation: Preparation
    options: Mapping[str, Any] = field(default_factory=dict)


def register(kind: str, *archs: str) -> Callable[[AnyBranch], AnyBranch]:
    """Class decorator: makes an architecture available by name, or several that one class builds.

    Raises:
        ArchitectureError: If a name is taken.
    """

    def add(cls: AnyBranch) -> AnyBranch:
        for arch in archs:
            if arch in _REGISTRY[kind]:
                raise ArchitectureError(f"The {kind} architecture {arch} is registered already.")
            _REGISTRY[kind][arch] = cls
        return cls

    return add


def architectures(kind: str) -> tuple[str, ...]:
    """Names of the architectures of a kind.

    >>> "small_cnn" in architectures("image")
    True

    Raises:
        ArchitectureError: If there is no such kind.
    """
    if kind not in _REGISTRY:
        raise ArchitectureError(f"Expected a kind out of {', '.join(_REGISTRY)}, but got {kind!r}.")
    import_module(f"multimodal.branches.{kind}")
    return tuple(_REGISTRY[kind])


def default_options(kind: str, arch: str) -> dict[str, Any]:
    """Options of an architecture with their default values.

    >>> default_options("image", "small_cnn")["dropout"]
    0.2

    Raises:
        ArchitectureError: If there is no such architecture; the message lists those there are.
    """
    names = architectures(kind)
    if arch not in names:
        raise ArchitectureError(f"Expected the {kind} architecture to be out of {', '.join(names)}, but got {arch!r}.")
    parameters = inspect.signature(_REGISTRY[kind][arch].__init__).parameters
    return {name: parameter.default for name, parameter in parameters.items() if name not in _NOT_OPTIONS}


def create(
    kind: str,
    arch: str,
    *,
    labels: Iterable[str],
    preparation: Preparation,
    options: Mapping[str, Any] | None = None,
    pretrained: bool | str = False,
) -> Branch:
    """Build a branch.

    Args:
        kind: "image", "audio" or "text".
        arch: Registered name.
        labels: What it shall speak of; put in vocabulary order.
        preparation: How its items are prepared.
        options: The architecture's own; what is not given takes its default.
        pretrained: For an image architecture, True for torchvision's ImageNet weights; for "auto", the folder or
            Hub id (``org/name@revision``) of the encoder. Never stored in a bundle.

    Returns:
        The branch in training mode.

    Raises:
        ArchitectureError: If there is no such architecture, option or pretrained weights.
        UsageError: If a label is not in the vocabulary.
    """
    defaults = default_options(kind, arch)
    given = dict(options or {})
    for name, value in given.items():
        _check_option(arch, defaults, name, value)
    spec = Spec(Modality(kind), arch, check_labels(labels), preparation, {**defaults, **given})
    cls = _REGISTRY[kind][arch]
    extra: dict[str, Any] = {}
    if pretrained:
        if "pretrained" not in inspect.signature(cls.__init__).parameters:
            raise ArchitectureError(f"There are no pretrained weights for the {kind} architecture {arch}.")
        extra["pretrained"] = pretrained
    try:
        return cls(spec, **spec.options, **extra)
    except MultimodalError:
        raise
    except Exception as error:  # whatever a library says of a width of -1
        raise ArchitectureError(f"The options of {arch} cannot be used: {error}") from error


def _check_option(arch: str, defaults: Mapping[str, Any], name: str, value: object) -> None:
    if name not in defaults:
        raise ArchitectureError(f"Expected options of {arch} out of {', '.join(defaults)}, but got {name}.")
    expected = type(defaults[name]) if defaults[name] is not None else dict
    if type(value) is not expected and not (expected is float and type(value) is int):
        raise ArchitectureError(f"Expected option `{name}` of {arch} to be {expected.__name__}, but got {value!r}.")
