from __future__ import annotations

import numpy as np
import pytest

from multimodal.case import Audio, Image, Text
from multimodal.labels import Site
from multimodal.quality import check, mediastinal_contrast

RATE = 4000


def film(pixels: np.ndarray, view: str | None = None) -> Image:
    return Image("film.png", "0" * 64, pixels.astype(np.float32), view=view)


def chest(size: int = 256) -> np.ndarray:
    """Two dark lungs beside a bright middle, on grey, with grain."""
    y, x = np.mgrid[0:size, 0:size] / size
    lungs = sum(np.exp(-(((x - c) / 0.12) ** 2 + ((y - 0.5) / 0.3) ** 2)) for c in (0.27, 0.73))
    grain = np.random.default_rng(0).normal(0, 0.02, (size, size))
    return np.clip(0.7 - 0.5 * lungs + grain, 0, 1)


def sound(samples: np.ndarray, site: Site | None = None) -> Audio:
    return Audio("sound.wav", "0" * 64, samples.astype(np.float32), RATE, site)


def heart(bpm: float = 72, seconds: float = 12, noise: float = 0.005) -> np.ndarray:
    """S1 and S2: short bursts at 60 and 90 Hz."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = t % (60 / bpm)
    burst = sum(
        level * np.exp(-(((phase - at) / 0.02) ** 2)) * np.sin(2 * np.pi * hz * t)
        for at, hz, level in ((0.1, 60, 0.5), (0.4, 90, 0.3))
    )
    return burst + np.random.default_rng(0).normal(0, noise, len(t))


def drone() -> np.ndarray:
    """Brown noise: low-pitched like a body sound, without a beat."""
    return np.cumsum(np.random.default_rng(1).normal(0, 0.001, RATE * 10))


def note(text: str) -> Text:
    return Text("note.txt", "0" * 64, text)


def codes(item: Image | Audio | Text) -> dict[str, bool]:
    return {notice.code: notice.refused for notice in check(item)}


@pytest.mark.parametrize(
    "item",
    [
        film(chest()),
        film(chest(), view="PA"),
        sound(heart(), Site.HEART),
        sound(heart(bpm=150), Site.HEART),
        sound(heart(bpm=45), Site.HEART),
        note("Chest pain."),
        note("INDICATION: Cough, fever x 3 days. FINDINGS: The heart is normal in size. The lungs are clear."),
        note("62 y/o M, COPD, wt loss, r/o mass"),
    ],
)
def test_good_items_pass(item):
    assert check(item) == ()


@pytest.mark.parametrize(
    ("item", "code", "refused"),
    [
        (film(np.full((256, 256), 0.5)), "film_blank", True),
        (film(np.full((256, 256), np.nan)), "film_not_finite", True),
        (film(chest(20)), "film_tiny", True),
        (film(chest(64)), "film_low_resolution", False),
        (film(np.tile(chest(), (3, 1))), "film_aspect", False),
        (film(np.clip(chest() * 5 - 2.4, 0, 1)), "film_clipped", False),
        (film(1 - chest()), "film_inverted", False),
        (film(chest(), view="LL"), "film_lateral", False),
        (sound(heart(seconds=0.9)), "sound_short", True),
        (sound(np.zeros(0)), "sound_short", True),
        (sound(np.full(RATE * 5, 0.2)), "sound_silent", True),
        (sound(np.full(RATE * 5, np.nan)), "sound_not_finite", True),
        (sound(heart() + 0.9), "sound_dc", False),
        (sound(np.clip(heart() * 8, -0.3, 0.3)), "sound_clipped", False),
        (sound(np.random.default_rng(1).normal(0, 0.1, RATE * 10)), "sound_noise", False),
        (sound(drone(), Site.HEART), "heart_rate_not_found", False),
        (note(" \n12.3, "), "note_empty", True),
        (note("Chest"), "note_short", False),
        (note("Preheat the oven, mix flour with eggs and bake it for an hour."), "note_not_clinical", False),
        (note("Der Patient klagt seit drei Tagen über Husten und Fieber."), "note_language", False),
        (note("Le patient présente une toux et de la fièvre depuis trois jours."), "note_language", False),
        (note("El paciente refiere tos y fiebre desde hace tres días en la noche."), "note_language", False),
        (note("Пациент жалуется на кашель."), "note_language", False),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(item, code, refused):
    assert codes(item)[code] is refused
    assert all(notice.item == item.name and notice.message.endswith(".") for notice in check(item))


def test_a_refused_item_has_one_reason():
    assert len(check(film(np.zeros((64, 64))))) == 1


def test_rhythm_is_asked_of_heart_sounds_only():
    assert "heart_rate_not_found" not in codes(sound(drone(), Site.LUNG))


def test_contrast_changes_sign_with_polarity():
    pixels = chest().astype(np.float32)
    assert mediastinal_contrast(pixels) == pytest.approx(-mediastinal_contrast(1 - pixels), abs=1e-5)
    assert mediastinal_contrast(pixels) > 0.2


@pytest.mark.parametrize("rate", [1000, 2000, 44_100])
def test_any_rate_is_taken(rate):
    t = np.arange(6 * rate) / rate
    beat = np.exp(-(((t % 0.8 - 0.1) / 0.02) ** 2)) * np.sin(2 * np.pi * 60 * t)
    samples = beat + np.random.default_rng(0).normal(0, 0.005, len(t))
    assert check(Audio("a.wav", "", samples.astype(np.float32), rate, Site.HEART)) == ()
