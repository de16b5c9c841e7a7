"""The contract of a branch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from huggingface_hub import PyTorchModelHubMixin
from tokenizers import Tokenizer
from torch import Tensor, nn

from multimodal.branches.bundle import load_network, read_tokenizer, write_bundle
from multimodal.branches.registry import Spec, create
from multimodal.bundle import FUSION, BundleConfig, read_config
from multimodal.errors import BundleInvalidError
from multimodal.labels import Modality
from multimodal.prepare import Preparation, settings_from


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
        if config.kind == FUSION:
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
