"""What is wrong with a film."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from multimodal.case import Image, Notice
from multimodal.quality.layout import CUT_OFF, TURNED, Layout, read_layout
from multimodal.quality.lettering import longest_line

LOOK_PX = 512
"""Grey levels are judged on every so many pixels: enough for shares, and quick."""
BLANK_SPREAD = 0.01
"""Grey range (1st to 99th centile) of a blank film; the flattest of 600 public films has 0.27."""
MIN_SIDE_PX, LOW_SIDE_PX = 32, 128
"""Below 32 px the lungs are a dozen pixels wide; below 128 px an interstitial pattern cannot be resolved."""
BRIGHT_CLIPPED, DARK_CLIPPED = 0.2, 0.4
"""Share of pixels at white or black; the worst of 600 public films have 0.14 and 0.24 (burned-out corners, borders)."""
LONG_ASPECT = 2.0
"""Long side over short side; chest films are below 1.6."""
LATERAL_VIEWS = frozenset({"L", "LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT"})
"""View positions of DICOM (0018,5101) and of file lists that are not frontal."""
TURNED_MARGIN, INVERTED_MARGIN, CUT_OFF_MARGIN = 1.0, 1.0, 2.5
"""Log-odds against an upright, whole film. A turned or inverted film is refused: an image branch with an AUROC of 0.995
for pneumonia had 0.76 on films upside down, 0.32 on films on their side and 0.40 on inverted ones."""
TEXT_LETTERS = 5
"""In one line; side markers and "AP ERECT" in small print are below."""

_TURNS = {
    Layout.LEFT: "turned to the left; turn it a quarter to the right",
    Layout.UPSIDE_DOWN: "upside down; turn it round",
    Layout.RIGHT: "turned to the right; turn it a quarter to the left",
}


def check_film(film: Image) -> Iterator[Notice]:
    """What is wrong with a film; one reason where it is refused."""
    flag, refuse = partial(Notice, item=film.name), partial(Notice, item=film.name, refused=True)
    pixels = film.pixels
    if pixels.size == 0 or not np.isfinite(pixels).all():
        yield refuse("film_not_finite", "The film holds no usable pixel values; export it again.")
        return
    short, long = sorted(pixels.shape)
    if short < MIN_SIDE_PX:
        yield refuse("film_tiny", f"The film is {short} pixels across; at least {MIN_SIDE_PX} are needed.")
        return
    down, across = (max(1, side // LOOK_PX) for side in pixels.shape)
    look = np.ascontiguousarray(pixels[::down, ::across])
    low, high = np.percentile(look, [1, 99])
    if high - low < BLANK_SPREAD:
        yield refuse("film_blank", "The film is blank or nearly so; check the export.")
        return
    if short < LOW_SIDE_PX:
        yield flag(
            "film_low_resolution", f"The film is {short} pixels across, too few for fine detail; use the original."
        )
    if long > LONG_ASPECT * short:
        yield flag("film_aspect", "The film is unusually long and narrow; check that it shows the whole chest.")
    if (look >= look.max()).mean() > BRIGHT_CLIPPED or (look <= look.min()).mean() > DARK_CLIPPED:
        yield flag("film_clipped", "Much of the film is pure white or black; export it with a wider window.")
    if (film.view or "").upper() in LATERAL_VIEWS:
        if all(notice.code != "lateral_view" for notice in film.notices):
            yield flag("film_lateral", "This is a lateral view; the models were trained on frontal films.")
    else:
        yield from _laid_out(film)
    if longest_line(pixels) >= TEXT_LETTERS:
        yield flag(
            "film_text", "Text is burned into the film; it may name the patient and sway the models: use it without."
        )


def _laid_out(film: Image) -> Iterator[Notice]:
    """How a frontal film lies in its frame."""
    reading, name = read_layout(film), film.name
    if reading.layout in TURNED and reading.margin > TURNED_MARGIN:
        yield Notice("film_rotated", f"The film looks {_TURNS[reading.layout]} and load it again.", name, refused=True)
    elif reading.layout is Layout.INVERTED and reading.margin > INVERTED_MARGIN:
        message = "Black and white look exchanged; invert the film and load it again."
        yield Notice("film_inverted", message, name, refused=True)
    elif reading.layout in CUT_OFF and reading.margin > CUT_OFF_MARGIN:
        where = reading.layout.removeprefix("cut off ")
        yield Notice("film_cut_off", f"The chest looks cut off {where}; use a film that shows all of both lungs.", name)
