from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from scipy.fft import next_fast_len
from scipy.ndimage import grey_opening
from scipy.signal import butter, hilbert, sosfiltfilt

from multimodal.case import Audio, Image, Notice, Text
from multimodal.labels import Site
from multimodal.phantom import draw_patient, render
from multimodal.quality import check
from multimodal.quality.layout import cells
from multimodal.quality.lettering import opened
from multimodal.quality.sound import envelope_of, snr_db

RATE = 4000


def film(pixels: np.ndarray, view: str | None = None) -> Image:
    return Image("film.png", "0" * 64, pixels.astype(np.float32), view=view)


@cache
def phantom_film() -> np.ndarray:
    return render(draw_patient(3)).film.pixels


def chest(size: int = 256) -> np.ndarray:
    """The film of a phantom."""
    shape = Pillow.fromarray(phantom_film()).resize((size, size), Pillow.Resampling.BOX)
    return np.asarray(shape, np.float32)


def lettered() -> np.ndarray:
    """A film with a line burned into its upper left corner."""
    picture = Pillow.fromarray((255 * chest(512)).astype(np.uint8))
    ImageDraw.Draw(picture).text((20, 20), "DOE JANE 12-03-1951", fill=255, font=ImageFont.load_default(24))
    return np.asarray(picture) / 255


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
        (film(np.clip(chest() * 9 - 4, 0, 1)), "film_clipped", False),
        (film(1 - chest()), "film_inverted", True),
        (film(np.rot90(chest(), 1)), "film_rotated", True),
        (film(np.rot90(chest(), 2)), "film_rotated", True),
        (film(np.rot90(chest(), 3)), "film_rotated", True),
        (film(chest()[100:]), "film_cut_off", False),
        (film(chest()[:-100]), "film_cut_off", False),
        (film(chest()[:, 90:]), "film_cut_off", False),
        (film(chest()[:, :-90]), "film_cut_off", False),
        (film(lettered()), "film_text", False),
        (film(chest(), view="LL"), "film_lateral", False),
        (sound(heart(seconds=0.4)), "sound_short", True),
        (sound(heart(seconds=1.5)), "sound_short", False),
        (sound(np.zeros(0)), "sound_short", True),
        (sound(np.full(RATE * 5, 0.2)), "sound_silent", True),
        (sound(np.full(RATE * 5, np.nan)), "sound_not_finite", True),
        (sound(heart() + 0.9), "sound_dc", False),
        (sound(np.clip(heart() * 8, -0.3, 0.3)), "sound_clipped", False),
        (sound(np.random.default_rng(1).normal(0, 0.1, RATE * 10)), "sound_noise", False),
        (sound(heart(noise=0.2), Site.HEART), "sound_noise", False),
        (sound(drone(), Site.HEART), "heart_rate_not_found", False),
        (note(" \n12.3, "), "note_empty", True),
        (note("Chest"), "note_short", False),
        (note("xx"), "note_not_clinical", True),
        (note("Preheat the oven, mix flour with eggs and bake it for an hour."), "note_not_clinical", True),
        (note("Seen in clinic today. Dry cough for two weeks. No fever. The film shows a sm"), "note_cut", False),
        (note("Knee pain after a fall. Radiograph of the knee: no fracture."), "note_other_organ", False),
        (note("Der Patient klagt seit drei Tagen über Husten und Fieber."), "note_language", True),
        (note("Le patient présente une toux et de la fièvre depuis trois jours."), "note_language", True),
        (note("El paciente refiere tos y fiebre desde hace tres días en la noche."), "note_language", True),
        (note("Пациент жалуется на кашель."), "note_language", True),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(item, code, refused):
    assert codes(item)[code] is refused
    assert all(notice.item == item.name and notice.message.endswith(".") for notice in check(item))


def test_a_refused_item_has_one_reason():
    assert len(check(film(np.zeros((64, 64))))) == 1


def test_rhythm_is_asked_of_heart_sounds_only():
    assert "heart_rate_not_found" not in codes(sound(drone(), Site.LUNG))


def test_a_turned_film_is_told_which_way_to_turn():
    (left,), (right,) = check(film(np.rot90(chest(), 1))), check(film(np.rot90(chest(), 3)))
    assert "to the left; turn it a quarter to the right" in left.message
    assert "to the right; turn it a quarter to the left" in right.message


def test_the_window_of_a_film_does_not_matter():
    assert np.allclose(cells(chest()), cells(0.2 + 0.5 * chest()), atol=0.02)


@pytest.mark.parametrize(("shape", "size"), [((64, 64), 5), ((33, 60), 6), ((90, 71), 17), ((32, 40), 20)])
def test_a_film_is_opened_as_scipy_does(shape, size):
    pixels = np.random.default_rng(size).random(shape).astype(np.float32)
    np.testing.assert_array_equal(opened(pixels, size), grey_opening(pixels, size=(size, size)))


def test_a_lateral_view_is_told_once():
    told = Notice("lateral_view", "This is a side view; the networks learned from frontal films.", "film.png")
    assert "film_lateral" not in codes(replace(film(chest(), view="LL"), notices=(told,)))


@pytest.mark.parametrize("length", [1000, 1001, 1009])
def test_an_envelope_is_that_of_the_analytic_signal(length):
    samples = np.random.default_rng(length).normal(size=length)
    expected = np.abs(hilbert(samples, next_fast_len(length))[:length])
    np.testing.assert_allclose(envelope_of(samples), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("snr", [20, 10, 0])
def test_the_ratio_to_white_noise_is_estimated(snr):
    """A tone that is on half of the time, in noise of a known level within the band that is looked at."""
    t = np.arange(10 * RATE) / RATE
    tone = np.sin(2 * np.pi * 150 * t) * (t % 1 < 0.5)
    band = butter(4, (25, 400), "bandpass", fs=RATE, output="sos")
    noise = sosfiltfilt(band, np.random.default_rng(0).normal(size=len(t)))
    noise *= tone.std() / noise.std() * 10 ** (-snr / 20)
    assert snr_db(tone + noise, RATE) == pytest.approx(snr, abs=4)


@pytest.mark.parametrize(
    "text",
    [
        "Cough for two weeks. No fever. Lungs clear on auscultation today.\nIMPRESSION: No acute disease",
        "Reviewed in clinic today. Short of breath on exertion. No chest pain at all.\nBP 130/80 HR 72 afebrile",
    ],
)
def test_a_last_line_without_a_full_stop_is_not_a_cut(text):
    assert check(note(text)) == ()


@pytest.mark.parametrize("rate", [1000, 2000, 44_100])
def test_any_rate_is_taken(rate):
    t = np.arange(6 * rate) / rate
    beat = np.exp(-(((t % 0.8 - 0.1) / 0.02) ** 2)) * np.sin(2 * np.pi * 60 * t)
    samples = beat + np.random.default_rng(0).normal(0, 0.005, len(t))
    assert check(Audio("a.wav", "", samples.astype(np.float32), rate, Site.HEART)) == ()
