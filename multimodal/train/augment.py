"""Augmentation: films by torchvision, spectrograms by torchaudio, notes by their sections.

All draws come from torch's global generator, which the trainer seeds and restores.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torchaudio.transforms import FrequencyMasking, TimeMasking
from torchvision.transforms import v2

from multimodal.case import Text
from multimodal.prepare import AudioPreparation, ImagePreparation

# Response of a microphone or stethoscope: at most this gain, dB, at each of so many points along the band.
_RESPONSE_DB = 9.0
_RESPONSE_POINTS = 6


def uniform(low: float, high: float) -> float:
    """One draw."""
    return float(torch.empty(()).uniform_(low, high))


class RandomGamma(nn.Module):
    """Raise a film in 0..1 to a random power, as exposure and export curves do."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, film: Tensor) -> Tensor:
        """(1, H, W) in 0..1 to the same."""
        curved: Tensor = film.clamp_min(1e-6) ** uniform(self.low, self.high)
        return curved


class RandomResolution(nn.Module):
    """Lose detail: shrink to a random share of the side and enlarge again."""

    def __init__(self, low: float) -> None:
        super().__init__()
        self.low = low

    def forward(self, film: Tensor) -> Tensor:
        """(1, H, W) to the same."""
        side = film.shape[-1]
        small = v2.functional.resize(film, [round(side * uniform(self.low, 1.0))] * 2, antialias=True)
        return cast("Tensor", v2.functional.resize(small, [side, side], antialias=True))


def film_augmentation(settings: ImagePreparation, stretch: float = 1.0) -> v2.Transform:
    """Film (1, S, S) in 0..1, a margin larger than ``settings.size``, to (1, size, size) in 0..1.

    No flip: upside down is no chest film, and mirrored the heart is on the wrong side. The
    shift together with the margin is the border jitter.

    Args:
        settings: The branch's own.
        stretch: How much wider or higher than the film its random crop may be. Films are squashed to a square, so
            their first shape shows in the proportions of the chest, and tells the diagnosis where sick and well
            were filmed differently; crops of random shapes take that away. 1 for the film's own shape.
    """
    scale = (0.82, 1.18)
    crop: v2.Transform = v2.CenterCrop(settings.size)
    if stretch > 1:
        scale = (0.78, 1.08)
        crop = v2.RandomResizedCrop(settings.size, scale=(0.65, 1.0), ratio=(round(1 / stretch, 2), stretch))
    return v2.Compose(
        [
            v2.RandomAffine(
                degrees=12,
                translate=(0.06, 0.06),
                scale=scale,
                shear=6,
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            crop,
            v2.RandomApply([RandomResolution(0.35)], p=0.4),
            v2.RandomApply([RandomGamma(0.6, 1.7)], p=0.6),
            v2.RandomApply([v2.ColorJitter(brightness=0.25, contrast=0.35)], p=0.6),
            v2.RandomApply([v2.GaussianNoise(sigma=0.05)], p=0.3),
            v2.RandomErasing(p=0.35, scale=(0.02, 0.15), value=0.5),
        ]
    )


def augment_sound(samples: Tensor, settings: AudioPreparation) -> Tensor:
    """A random window of a sound, through a random device.

    A random start, up to 8 % faster or slower, a smooth random frequency response, a random
    band limit and white noise at 12 to 40 dB. Gain is left alone: a window's spectrogram is
    standardised.

    Args:
        samples: (N,) of :func:`multimodal.prepare.audio.waveform`.
        settings: The branch's own.

    Returns:
        (window_samples,)
    """
    length = settings.window_samples
    taken = round(length * uniform(0.92, 1.08))
    if len(samples) < taken:
        shift = int(torch.randint(len(samples), ()))
        samples = samples.roll(shift).repeat(-(-taken // len(samples)))
    start = int(torch.randint(len(samples) - taken + 1, ()))
    window: Tensor = samples[start : start + taken][None, None]
    window = nn.functional.interpolate(window, size=length, mode="linear", align_corners=False)[0, 0]
    spectrum = torch.fft.rfft(window)
    points = torch.empty(1, 1, _RESPONSE_POINTS).uniform_(-_RESPONSE_DB, _RESPONSE_DB)
    if torch.rand(()) < 0.3:  # a device that hears less of the top of the band
        points[..., -2:] -= 20.0
    response = nn.functional.interpolate(points, size=len(spectrum), mode="linear", align_corners=True)[0, 0]
    window = torch.fft.irfft(spectrum * 10 ** (response / 20), n=length)
    if torch.rand(()) < 0.5:
        level = window.square().mean().sqrt() * 10 ** (-uniform(12.0, 40.0) / 20)
        window = window + torch.randn_like(window) * level
    return window


class SpecAugment(nn.Module):
    """Masks of time and frequency (Park et al., Interspeech 2019), each window its own."""

    def __init__(self, settings: AudioPreparation) -> None:
        super().__init__()
        frames = 1 + settings.window_samples // settings.hop_length
        self.masks = nn.Sequential(
            FrequencyMasking(max(1, settings.n_mels // 6), iid_masks=True),
            FrequencyMasking(max(1, settings.n_mels // 6), iid_masks=True),
            TimeMasking(max(1, frames // 8), iid_masks=True),
            TimeMasking(max(1, frames // 8), iid_masks=True),
        )

    def forward(self, spectrogram: Tensor) -> Tensor:
        """(B, F, T) to the same; masked cells are 0, the mean."""
        masked: Tensor = self.masks(spectrogram.unsqueeze(1)).squeeze(1)
        return masked


def drop_sections(note: Text) -> str:
    """The note, or in most draws a random part of its sections.

    A model must also work from an indication alone, so a single section is as likely as
    a mixture; headings are dropped at random, since a section given by itself has none.

    Args:
        note: With its sections found.

    Returns:
        The text that is left, never empty unless the note is.
    """
    sections = [section for section in note.sections if note.text[section.start : section.end].strip()]
    if len(sections) < 2 or torch.rand(()) < 0.3:
        return note.text
    if torch.rand(()) < 0.4:
        chosen = [sections[int(torch.randint(len(sections), ()))]]
    else:
        kept = torch.rand(len(sections)) < 0.6
        chosen = [section for section, keep in zip(sections, kept, strict=True) if keep] or sections[:1]
    headed = bool(torch.rand(()) < 0.5)
    parts = [
        (f"{section.title.upper()}: " if headed else "") + note.text[section.start : section.end].strip()
        for section in chosen
    ]
    return "\n".join(parts)
