"""The film: sizes, and that each sign does to the pixels what it names."""

from __future__ import annotations

import numpy as np
import pytest

from multimodal.phantom import draw_patient
from multimodal.phantom.film import Drawing, render_film
from multimodal.phantom.patient import Stream, stream
from multimodal.phantom.signs import SIGNS, Source

CLEAR = {sign.name: 0.0 for sign in SIGNS if sign.source is Source.FILM}


def draw(seed: int, **signs: float) -> Drawing:
    return render_film(draw_patient(seed), CLEAR | signs, stream(seed, Stream.DRAWING, Stream.FILM))


def base(drawing: Drawing) -> float:
    """Mean brightness of the lowest lateral tenth of the lungs that a clear film of the same chest would show."""
    rows = np.flatnonzero(drawing.lungs.max(axis=1) > 0.5)
    low = slice(rows[-1] - len(rows) // 6, rows[-1])
    return float(drawing.pixels[low][drawing.lungs[low] > 0.8].mean())


@pytest.mark.parametrize("seed", range(6))
def test_film_is_a_picture_in_range(seed: int) -> None:
    film = draw(seed)
    assert film.pixels.dtype == np.float32
    assert min(film.pixels.shape) >= 256
    assert film.pixels.min() >= 0
    assert film.pixels.max() <= 1
    assert film.pixels.std() > 0.1
    assert np.array_equal(film.pixels, draw(seed).pixels)


@pytest.mark.parametrize("seed", range(6))
def test_lungs_are_darker_than_heart_and_belly(seed: int) -> None:
    film = draw(seed)
    lungs, heart = film.pixels[film.lungs > 0.9].mean(), film.pixels[film.heart].mean()
    belly = film.pixels[-40:-18, film.pixels.shape[1] // 3 : -film.pixels.shape[1] // 3].mean()
    assert lungs < heart - 0.1
    assert lungs < belly - 0.1


@pytest.mark.parametrize("seed", range(8))
def test_cardiothoracic_ratio_tells_cardiomegaly(seed: int) -> None:
    """The ratio measured on the outlines passes 0.5 with the sign and not without it (Danzer 1919)."""

    def measured(drawing: Drawing) -> float:
        across = np.cos(drawing.anatomy.turn)
        heart = np.ptp(np.flatnonzero(drawing.heart.any(axis=0)))
        chest = max(np.ptp(np.flatnonzero(row)) for row in drawing.lungs > 0.5 if row.any())
        return float(heart / chest * across)

    small, large = draw(seed), draw(seed, large_heart=0.7)
    assert small.anatomy.cardiothoracic_ratio < 0.5 < large.anatomy.cardiothoracic_ratio
    assert measured(large) > measured(small) + 0.06
    assert measured(large) == pytest.approx(large.anatomy.cardiothoracic_ratio, abs=0.07)


@pytest.mark.parametrize("seed", range(6))
def test_effusion_fills_the_base(seed: int) -> None:
    assert base(draw(seed, effusion=0.6)) > base(draw(seed)) + 0.05


@pytest.mark.parametrize("sign", ["consolidation", "oedema", "effusion", "atelectasis"])
def test_opacities_grow_with_strength(sign: str) -> None:
    clear = draw(11)
    inside = clear.lungs > 0.5
    added = [float((draw(11, **{sign: s}).pixels - clear.pixels)[inside].clip(0).mean()) for s in (0.3, 0.9)]
    assert 0 < added[0] < added[1]


def test_hyperinflation_darkens_and_lengthens_the_lungs() -> None:
    clear, inflated = draw(3), draw(3, hyperinflation=0.9)
    assert inflated.pixels[inflated.lungs > 0.9].mean() < clear.pixels[clear.lungs > 0.9].mean()
    assert min(inflated.anatomy.dome) > min(clear.anatomy.dome)
    assert inflated.anatomy.curve < clear.anatomy.curve
