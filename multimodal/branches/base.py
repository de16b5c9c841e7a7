"""The contract of a branch, and the registry of architectures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Self, TypeVar

from huggingface_hub import PyTorchModelHubMixin
from tokenizers import Tokenizer
from torch import Tensor, nn

from multimodal.branches.bundle import load_network, read_tokenizer, write_bundle
from multimodal.bundle import BundleConfig, read_config
from multimodal.errors import ArchitectureError, BundleInvalidError, MultimodalError
from multimodal.labels import Modality, check_labels
from multimodal.prepare import Preparation, settings_from

_NOT_OPTIONS = ("self", "spec", "pretrained")


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


class Branch(nn.Module, PyTorchModelHubMixin, library_name="multimodal-diagnosis", tags=["medical"]):
    """A network of one modality: ``features -> pool -> head``.

    An architecture derives from the branch of its modality, builds its layers in
    ``__init__(self, spec, <options with defaults>)``, tells ``super().__init__`` the length of its embedding and
    defines :meth:`features`.

    Args:
        spec: What it is built from.
        embedding_dim: D, the length of its embedding.
        dropout: Share of the embedding dropped before the head in training.

    Attributes:
        spec: What it is built from.
        embedding_dim: D.
        tokenizer: A text branch's own, which travels in its bundle.
        pad_id: Token id that counts for nothing; only for text.
        config: The config of the bundle that it was loaded from, else None.
    """

    tokenizer: Tokenizer | None = None
    config: BundleConfig | None = None
    pad_id: int = 0

    def __init__(self, spec: Spec, *, embedding_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.spec = spec
        self.embedding_dim = embedding_dim
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(embedding_dim, len(spec.labels)))

    @property
    def kind(self) -> Modality:
        """Modality."""
        return self.spec.kind

    @property
    def arch(self) -> str:
        """Registered name of the architecture."""
        return self.spec.arch

    @property
    def labels(self) -> tuple[str, ...]:
        """The L labels of the logits, in order."""
        return self.spec.labels

    @property
    def preparation(self) -> Preparation:
        """How its items are prepared."""
        return self.spec.preparation

    def features(self, x: Tensor) -> Tensor:
        """What explanations read.

        Args:
            x: (B, 1, H, W) films, (B, n_mels, T) log-mel windows or (B, T) token ids.

        Returns:
            (B, C, h, w) feature maps of films, (B, T', C) states of sounds, (B, T, C) states of tokens.
        """
        raise NotImplementedError

    def pool(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Features to one embedding.

        Args:
            features: As :meth:`features` returns them.
            mask: (B, T) bool, True at the tokens that count; only for text.

        Returns:
            (B, D)
        """
        raise NotImplementedError

    def watched(self, x: Tensor, look: Callable[[Tensor], None]) -> Tensor:
        """The features, while what the first stages make of the input is looked at: it tells what sort of input it is.

        The later stages keep little but what the labels need, and take a knee for a chest.

        Args:
            x: As in :meth:`features`.
            look: Gets the (B, C, ...) maps of each of the first stages, before a later stage may overwrite them; the
                input itself where an architecture does not say.

        Returns:
            As :meth:`features`.
        """
        look(x)
        return self.features(x)

    def mask(self, x: Tensor) -> Tensor | None:  # noqa: ARG002
        """Which positions of the input count; None where all do."""
        return None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Prepared windows to answers.

        Args:
            x: As in :meth:`features`.

        Returns:
            The embedding (B, D) and the logits (B, L).
        """
        embedding = self.pool(self.features(x), self.mask(x))
        return embedding, self.head(embedding)

    def check_complete(self) -> None:
        """Refuse a network that lacks something a bundle must hold; only text branches need a tokenizer."""

    def describe(self, name: str, **entries: Any) -> BundleConfig:
        """The config of a bundle that holds this network.

        Args:
            name: Name of the bundle.
            **entries: calibration, training, metrics, licence.
        """
        return BundleConfig(
            kind=self.kind.value,
            name=name,
            arch=self.arch,
            labels=self.labels,
            options=dict(self.spec.options),
            preparation=asdict(self.preparation),
            embedding_dim=self.embedding_dim,
            parameters=sum(parameter.numel() for parameter in self.parameters()),
            **entries,
        )

    def _save_pretrained(self, save_directory: Path) -> None:
        self.check_complete()
        write_bundle(save_directory, self, self.config or self.describe(self.arch), self.tokenizer)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:  # type: ignore[override]
        """Load a bundle's network from a local folder, in evaluation mode; nothing is downloaded.

        Raises:
            BundleInvalidError: If anything in the folder is missing, malformed, changed or of another class.
        """
        folder = Path(folder)
        config = read_config(folder)
        if config.kind not in _REGISTRY:
            raise BundleInvalidError(f"Expected a bundle of a branch, but got {config.kind}.", file=folder.name)
        settings = settings_from(config.kind, config.preparation)

        def make() -> Branch:
            return create(config.kind, config.arch, labels=config.labels, preparation=settings, options=config.options)

        network = load_network(make, folder, config)
        if not isinstance(network, cls):
            raise BundleInvalidError(f"Expected a bundle of {cls.__name__}, but got {config.kind}/{config.arch}.")
        network.config = config
        network.tokenizer = read_tokenizer(folder)
        network.check_complete()
        return network


AnyBranch = TypeVar("AnyBranch", bound=type[Branch])

_REGISTRY: dict[str, dict[str, type[Branch]]] = {modality.value: {} for modality in Modality}


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
