"""Colours, marks and words of the modalities: one look for the app and for what is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from multimodal.labels import Modality

WORDS: Mapping[Modality, str] = MappingProxyType(
    {Modality.IMAGE: "Film", Modality.AUDIO: "Sound", Modality.TEXT: "Note"}
)
"""What a clinician calls the modalities."""

SHAPES: Mapping[Modality, str] = MappingProxyType(
    {Modality.IMAGE: "square", Modality.AUDIO: "triangle-up", Modality.TEXT: "diamond"}
)
"""A mark a modality, so that colour is never the only sign."""

EVIDENCE = "#e66100"
"""What speaks for a label, in every theme: vermillion after Okabe and Ito, seen on a film, a spectrogram and a note."""


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, as hex.

    Attributes:
        ink: Text.
        muted: Second text and axes.
        line: Hairlines.
        surface: Page.
        panel: Tiles and tables.
        accent: The fused answer, and every control.
        modalities: Blue, orange and green after Okabe and Ito (Color Universal
            Design, 2008), shaded to reach 3:1 on the page of their theme.
    """

    ink: str
    muted: str
    line: str
    surface: str
    panel: str
    accent: str
    modalities: Mapping[Modality, str]


def _modalities(image: str, audio: str, text: str) -> Mapping[Modality, str]:
    return MappingProxyType({Modality.IMAGE: image, Modality.AUDIO: audio, Modality.TEXT: text})


LIGHT = Palette(
    ink="#17212b",
    muted="#55626f",
    line="#d5dce4",
    surface="#ffffff",
    panel="#f3f5f8",
    accent="#4a3f9f",
    modalities=_modalities("#0072b2", "#b36a00", "#00805c"),
)
DARK = Palette(
    ink="#e7ecf1",
    muted="#a3b0bd",
    line="#33404d",
    surface="#10151b",
    panel="#1a222b",
    accent="#b3acf7",
    modalities=_modalities("#56b4e9", "#e69f00", "#2fc497"),
)
