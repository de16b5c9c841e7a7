"""Recurrent networks for heart and lung sounds: (B, n_mels, T) log-mel windows in, states (B, T', C) as features."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from multimodal.branches.base import Branch
from multimodal.branches.registry import Spec, register
from multimodal.prepare import AudioPreparation


class AudioBranch(Branch):
    """A sound network, which also says where a sound was recorded."""

    def __init__(self, spec: Spec, *, embedding_dim: int, dropout: float) -> None:
        super().__init__(spec, embedding_dim=embedding_dim, dropout=dropout)
        self.site_head = nn.Linear(embedding_dim, 1)

    def site_logit(self, embedding: Tensor) -> Tensor:
        """Log-odds that a sound was recorded over the lung and not over the heart: (B, D) to (B,)."""
        return cast("Tensor", self.site_head(embedding)).squeeze(-1)

    def watched(self, x: Tensor, look: Callable[[Tensor], None]) -> Tensor:
        """The window is looked at, and what the LSTM makes of it: order in time tells a cough from a breath."""
        look(x)
        states = self.features(x)
        look(states.transpose(1, 2))
        return states

    def pool(self, features: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Mean over time: (B, T', C) to (B, C)."""
        return features.mean(1)


class AttentionPool(nn.Module):
    """Mean over time by learned weights (Bahdanau et al., 2015).

    Args:
        dim: C.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, dim // 2), nn.Tanh(), nn.Linear(dim // 2, 1))

    def weights(self, states: Tensor) -> Tensor:
        """(B, T', C) to (B, T'), which add up to 1; always in float32, as a softmax over hundreds of steps needs."""
        with torch.autocast(states.device.type, enabled=False):
            return cast("Tensor", self.score(states.float())).squeeze(-1).softmax(-1)

    def forward(self, states: Tensor) -> Tensor:
        """(B, T', C) to (B, C)."""
        return (self.weights(states).unsqueeze(-1) * states).sum(1)


@register("audio", "lstm")
class LSTM(AudioBranch):
    """One LSTM over the frames; the mean of its states is the embedding."""

    def __init__(self, spec: Spec, hidden: int = 96, dropout: float = 0.2) -> None:
        super().__init__(spec, embedding_dim=hidden, dropout=dropout)
        self.lstm = nn.LSTM(_mels(spec), hidden, batch_first=True)

    def features(self, x: Tensor) -> Tensor:
        """(B, n_mels, T) to (B, T, hidden)."""
        return _states(self.lstm, x.transpose(1, 2))


@register("audio", "bilstm_attention")
class BiLSTMAttention(AudioBranch):
    """A bidirectional LSTM over the frames, pooled by attention."""

    def __init__(self, spec: Spec, hidden: int = 64, dropout: float = 0.2) -> None:
        super().__init__(spec, embedding_dim=2 * hidden, dropout=dropout)
        self.lstm = nn.LSTM(_mels(spec), hidden, batch_first=True, bidirectional=True)
        self.attention = AttentionPool(2 * hidden)

    def features(self, x: Tensor) -> Tensor:
        """(B, n_mels, T) to (B, T, 2 hidden)."""
        return _states(self.lstm, x.transpose(1, 2))

    def pool(self, features: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Mean over time by attention: (B, T, C) to (B, C)."""
        return cast("Tensor", self.attention(features))


@register("audio", "conv_bilstm")
class ConvBiLSTM(AudioBranch):
    """Strided convolutions over time and pitch, a bidirectional LSTM, attention over time.

    The convolutions make patterns out of cells and a quarter of the steps; the LSTM puts the patterns in order.
    """

    def __init__(self, spec: Spec, width: int = 32, hidden: int = 64, dropout: float = 0.3) -> None:
        super().__init__(spec, embedding_dim=2 * hidden, dropout=dropout)
        self.front = nn.Sequential(
            _convolution(1, width, stride=(2, 2)),
            _convolution(width, width, stride=(2, 2)),
            _convolution(width, 2 * width, stride=(2, 1)),
        )
        self.lstm = nn.LSTM(2 * width * -(-_mels(spec) // 8), hidden, batch_first=True, bidirectional=True)
        self.attention = AttentionPool(2 * hidden)

    def features(self, x: Tensor) -> Tensor:
        """(B, n_mels, T) to (B, T / 4, 2 hidden)."""
        return self.watched(x, lambda _: None)

    def watched(self, x: Tensor, look: Callable[[Tensor], None]) -> Tensor:
        """The convolutions are looked at."""
        maps = x.unsqueeze(1)
        for stage in self.front:
            with torch.autocast(maps.device.type, enabled=False):  # as those that detectors are fitted on
                maps = stage(maps)
            look(maps)
        return _states(self.lstm, maps.flatten(1, 2).transpose(1, 2))

    def pool(self, features: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Mean over time by attention: (B, T', C) to (B, C)."""
        return cast("Tensor", self.attention(features))


def _states(lstm: nn.LSTM, x: Tensor) -> Tensor:
    """(B, T, C) to (B, T, hidden), always in float32.

    Whatever precision is asked for, autocast runs cuDNN's LSTM in float16, whose gradients vanish without a scaler, and
    copies its weights at every call.
    """
    with torch.autocast(x.device.type, enabled=False):
        states: Tensor = lstm(x.float())[0]
    return states


def _convolution(before: int, after: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


def _mels(spec: Spec) -> int:
    return cast("AudioPreparation", spec.preparation).n_mels
