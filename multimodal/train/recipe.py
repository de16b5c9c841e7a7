"""What a training run is told: one frozen dataclass, with good defaults for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from multimodal.errors import UsageError
from multimodal.labels import Modality


@dataclass(frozen=True)
class Recipe:
    """How a branch is trained.

    Attributes:
        epochs: At most.
        batch_size: Examples a step.
        learning_rate: Peak, after a linear warm-up of 5 % and before a cosine down to 0.
        weight_decay: Of AdamW.
        patience: Epochs without a better macro AUROC on validation before stopping; the best
            epoch's weights are kept. 0: train all epochs and keep the last weights.
        label_smoothing: Share by which targets move towards 0.5.
        site_weight: Weight of the auxiliary site loss of an audio branch.
        phantom_share: Share of the examples that are phantoms, where phantoms are given.
        draws: Examples of an epoch at most; 0 for as many as there are rows.
        stretch: How much wider or higher than a film its random crop may be; 1 for the film's own shape.
        mix: Share of the trained weights in those that are kept, the rest being those that training began with, which
            must be a bundle's of the same labels. Between the two lies what is robust to a new augmentation without
            forgetting (Wortsman et al., CVPR 2022, arXiv:2109.01903). 1 for the trained weights alone.
        freeze: Whether only the head is trained.
        seed: Of everything random.
    """

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    patience: int = 8
    label_smoothing: float = 0.0
    site_weight: float = 0.3
    phantom_share: float = 0.1
    draws: int = 0
    stretch: float = 1.0
    mix: float = 1.0
    freeze: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not (
            self.epochs > 0
            and self.batch_size > 1
            and self.learning_rate > 0
            and self.patience >= 0
            and self.draws >= 0
            and 0 <= self.phantom_share < 1
            and 0 <= self.label_smoothing < 0.5
            and 1 <= self.stretch <= 2
            and 0 < self.mix <= 1
        ):
            raise UsageError(f"Expected a usable training recipe, but got {self}.")


RECIPES: Mapping[Modality, Recipe] = MappingProxyType(
    {
        Modality.IMAGE: Recipe(epochs=20, learning_rate=2e-3, draws=3600),
        Modality.AUDIO: Recipe(epochs=30, learning_rate=2e-3, patience=0, draws=3600),
        Modality.TEXT: Recipe(epochs=14, learning_rate=1e-3, patience=14),
    }
)
