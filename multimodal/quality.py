"""Is an item fit to be scored: flags and refusals from the signal itself.

A flag says what is wrong and what to do, and the item still counts. A refusal is for an item whose score would
mean nothing: a blank film, a silent recording, an empty note. Every limit below was set so that it does not
strike ordinary films, recordings and reports of public collections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, find_peaks, hilbert, sosfiltfilt, welch

from multimodal.case import Audio, Image, Item, Notice, Text
from multimodal.labels import Site

LOOK_PX, LOOK_SECONDS = 512, 30
"""A film is judged on every so many pixels, a recording on its middle: enough for means and shares, and quick."""
BLANK_SPREAD = 0.01
"""Grey range (1st to 99th centile) of a blank film; the flattest of 600 public films has 0.27."""
MIN_SIDE_PX, LOW_SIDE_PX = 32, 128
"""Below 32 px the lungs are a dozen pixels wide; below 128 px an interstitial pattern cannot be resolved."""
BRIGHT_CLIPPED, DARK_CLIPPED = 0.2, 0.4
"""Share of pixels at white or black; the worst of 600 public films have 0.14 and 0.24 (burned-out corners, borders)."""
INVERTED_CONTRAST = -0.08
"""Grey level of the mediastinum less that of the lungs, below which the polarity looks reversed (public films: 99 %
above -0.06, median 0.2)."""
LONG_ASPECT = 2.0
"""Long side over short side; chest films are below 1.6."""
LATERAL_VIEWS = frozenset({"L", "LL", "RL", "LAT", "LATERAL"})
"""View positions of DICOM (0018,5101) and of file lists that are not frontal."""

MIN_SECONDS = 1.0
"""Shorter than one heart cycle or breath phase."""
SILENT_RMS = 1e-4
"""-80 dB of full scale, near the last bit of 16; the quietest of 480 public recordings has 8e-3."""
CLIPPED_SHARE = 0.01
"""Share of samples in flat tops at the peak."""
DC_RATIO = 3.0
"""Mean over standard deviation; the worst of 480 public recordings has 1.9."""
NOISE_FLATNESS = 0.95
"""Spectral flatness from 50 to 900 Hz: white noise has 0.99, the hissiest public heart sound 0.92."""
HEART_RATES = (35.0, 220.0)
"""Beats a minute, from bradycardia to a crying infant."""
RHYTHM = 0.17
"""Least :func:`rhythm` of a heart sound: 95 % of noise is below, 99 % of public heart sounds above."""
RHYTHM_SECONDS = 4.0
"""At least two to three beats of a slow heart are needed to see a rhythm."""

MIN_WORDS = 2
"""A single word is a label rather than a note; two, as in "Chest pain", are a real indication."""
JUDGED_WORDS = 4
"""Words needed before content can be judged."""
FOREIGN_SHARE = 0.08
"""Share of common words of other European languages; running text of those has 0.2 and more."""

_ENGLISH = "the of and to is are was were with without there not for an or by has have this that which"
_FOREIGN = (
    "der das und ist nicht mit von zu den dem ein eine einer im sich auf bei wird kein keine seit "
    "le les des et est une du dans avec pour pas sur au aux sans depuis "
    "el los las del una con por se es sin muestra en la de que "
    "il lo gli della di un che non sono nel senza "
    "uma com por em ao sem het een van niet met voor zijn"
)
_FRAMES_PER_SECOND = 50
_CLINICAL = re.compile(
    r"\b(?:abdom|ache|acute|airspace|airway|angina|aort|ards|asthma|atelecta|atri|auscult|bilat|blood|breath|bronch|"
    r"cancer|cardi|chest|chronic|cirrh|clear|clinic|complain|congest|consolidat|copd|cough|crackle|ct\b|cxr|diabet|"
    r"diagnos|diastol|disease|dizz|doctor|dyspn|ed[ae]ma|effus|emphys|evaluat|exam|exertion|fail|fatigue|fever|"
    r"fibro|findings|focal|fracture|granulom|heart|hemo|hilar|hiv|hospital|hyper|hypo|infect|infiltrat|injur|"
    r"intensive|intubat|lobe|lung|mass|mediastin|medic|mitral|murmur|nausea|nodul|normal|numb|oedema|opaci|"
    r"opacit|oxygen|pacemaker|pain|parenchym|patient|perihilar|pleur|pneumo|preop|pulmon|radiogra|respir|"
    r"rhonch|rib|scar|screening|sepsis|shortness|sick|smok|sob\b|sputum|stenos|stroke|surg|sweat|symptom|syncop|systol|"
    r"tachy|tb\b|thora|transplant|trauma|tube|tubercul|valv|vascul|ventric|vomit|weak|weight|wheez|x-?ray|year)",
    re.IGNORECASE,
)


def check(item: Item) -> tuple[Notice, ...]:
    """What is wrong with an item.

    Args:
        item: Film, sound or note.

    Returns:
        Notices of the item, empty where nothing is wrong; ``refused`` where it must not be scored.
    """
    match item:
        case Image():
            found = _film(item)
        case Audio():
            found = _sound(item)
        case Text():
            found = _note(item)
    return tuple(found)


def _noticer(item: Item) -> tuple[Callable[[str, str], Notice], Callable[[str, str], Notice]]:
    return partial(Notice, item=item.name), partial(Notice, item=item.name, refused=True)


def _film(film: Image) -> Iterator[Notice]:
    flag, refuse = _noticer(film)
    pixels = film.pixels
    if pixels.size == 0 or not np.isfinite(pixels).all():
        yield refuse("film_not_finite", "The film holds no usable pixel values; export it again.")
        return
    short, long = sorted(pixels.shape)
    if short < MIN_SIDE_PX:
        yield refuse("film_tiny", f"The film is {short} pixels across; at least {MIN_SIDE_PX} are needed.")
        return
    pixels = pixels[:: max(1, pixels.shape[0] // LOOK_PX), :: max(1, pixels.shape[1] // LOOK_PX)]
    low, high = np.percentile(pixels, [1, 99])
    if high - low < BLANK_SPREAD:
        yield refuse("film_blank", "The film is blank or nearly so; check the export.")
        return
    if short < LOW_SIDE_PX:
        yield flag(
            "film_low_resolution", f"The film is {short} pixels across, too few for fine detail; use the original."
        )
    if long > LONG_ASPECT * short:
        yield flag("film_aspect", "The film is unusually long and narrow; check that it shows the whole chest.")
    if (pixels >= pixels.max()).mean() > BRIGHT_CLIPPED or (pixels <= pixels.min()).mean() > DARK_CLIPPED:
        yield flag("film_clipped", "Much of the film is pure white or black; export it with a wider window.")
    if film.view is not None and film.view.upper() in LATERAL_VIEWS:
        yield flag("film_lateral", "This is a lateral view; the models were trained on frontal films.")
    elif mediastinal_contrast(pixels) < INVERTED_CONTRAST:
        yield flag("film_inverted", "Lungs look brighter than the heart; check that the film is not inverted.")


def mediastinal_contrast(pixels: npt.NDArray[np.float32]) -> float:
    """Mean grey level of the middle of a frontal film less that of both lungs.

    Args:
        pixels: (H, W), bright = dense.

    Returns:
        Positive for a chest film of the usual polarity.
    """
    height, width = pixels.shape
    band = pixels[height // 4 : 3 * height // 4]
    middle, left, right = (
        band[:, int(start * width) : int(stop * width)].mean()
        for start, stop in ((0.45, 0.55), (0.18, 0.35), (0.65, 0.82))
    )
    return float(middle - (left + right) / 2)


def _sound(sound: Audio) -> Iterator[Notice]:
    flag, refuse = _noticer(sound)
    if sound.seconds < MIN_SECONDS:
        yield refuse(
            "sound_short", f"The recording lasts {sound.seconds:.1f} s; at least {MIN_SECONDS:.0f} s are needed."
        )
        return
    if not np.isfinite(sound.samples).all():
        yield refuse("sound_not_finite", "The recording holds values that are no numbers; export it again.")
        return
    skipped = max(0, len(sound.samples) - LOOK_SECONDS * sound.rate) // 2
    samples = sound.samples[skipped : len(sound.samples) - skipped].astype(np.float64)
    centred = samples - samples.mean()
    spread = centred.std()
    if spread < SILENT_RMS:
        yield refuse("sound_silent", "The recording is silent; check the microphone and record again.")
        return
    if abs(samples.mean()) > DC_RATIO * spread:
        yield flag("sound_dc", "The recording has a large constant offset; check the recorder.")
    at_peak = np.abs(samples) >= 0.999 * np.abs(samples).max()
    if (at_peak[1:] & at_peak[:-1]).mean() > CLIPPED_SHARE:
        yield flag("sound_clipped", "The recording is clipped; record again with less gain.")
    if _flatness(centred, sound.rate) > NOISE_FLATNESS:
        yield flag("sound_noise", "The recording is little more than hiss; record again in a quiet room.")
    elif sound.site is Site.HEART and sound.seconds >= RHYTHM_SECONDS and rhythm(centred, sound.rate) < RHYTHM:
        yield flag(
            "heart_rate_not_found", "No regular heart beat was found; check that this is a heart sound and its quality."
        )


def _flatness(samples: npt.NDArray[np.float64], rate: int) -> float:
    """Spectral flatness from 50 to 900 Hz: geometric over arithmetic mean of the power, 1 for white noise."""
    frequency, power = welch(samples, rate, nperseg=min(len(samples), 512))
    band = power[(frequency > 50) & (frequency < 900)] + 1e-20
    return float(np.exp(np.log(band).mean()) / band.mean())


def rhythm(samples: npt.NDArray[np.float64], rate: int) -> float:
    """How regularly a recording beats at any plausible heart rate.

    The peak of the envelope's autocorrelation, as in Schmidt et al. 2010, "Segmentation of heart sound recordings
    by a duration-dependent hidden Markov model", Physiological Measurement 31(4):513-529, but on the logarithm of
    the envelope, which does not follow the loudest beat alone; the median over windows of six seconds, within
    which the heart rate hardly changes.

    Args:
        samples: (N,) heart sound, without offset.
        rate: Samples per second.

    Returns:
        Near 1 for a metronome, below ``RHYTHM`` for noise.
    """
    band = butter(2, (40, min(200, 0.45 * rate)), "bandpass", fs=rate, output="sos")
    envelope = np.abs(hilbert(sosfiltfilt(band, samples)))
    step = rate // _FRAMES_PER_SECOND
    frames = envelope[: len(envelope) // step * step].reshape(-1, step).mean(axis=1)
    level = np.log(frames + 1e-5 * frames.max())
    length = min(len(level), 6 * _FRAMES_PER_SECOND)
    starts = range(0, len(level) - length + 1, length // 2)
    return float(np.median([_periodicity(level[start : start + length]) for start in starts]))


def _periodicity(level: npt.NDArray[np.float64]) -> float:
    n = len(level)
    level = level - level.mean()
    correlation = np.correlate(level, level, "full")[n - 1 :]
    unbiased = correlation / correlation[0] * n / np.arange(n, 0, -1)
    slowest, fastest = (int(60 * _FRAMES_PER_SECOND / bpm) for bpm in HEART_RATES)
    _, peaks = find_peaks(unbiased[fastest : min(slowest, n // 2)], height=0)
    return float(peaks["peak_heights"].max(initial=0.0))


def _note(note: Text) -> Iterator[Notice]:
    flag, refuse = _noticer(note)
    words = re.findall(r"[^\W\d_]+", note.text)
    if not words:
        yield refuse("note_empty", "The note holds no words.")
        return
    if len(words) < MIN_WORDS:
        yield flag("note_short", "The note is a single word; add the indication or the findings.")
    if _foreign(words):
        yield flag("note_language", "The note does not look English; the models read English only.")
    elif len(words) >= JUDGED_WORDS and not _CLINICAL.search(note.text):
        yield flag("note_not_clinical", "The note holds no clinical words; check that it is the right file.")


def _foreign(words: list[str]) -> bool:
    """Another script, or more small words of another language than English ones."""
    if sum(not word.isascii() for word in words) > len(words) / 2:
        return True
    lower = [word.lower() for word in words]
    english, other = (sum(map(frozenset(common.split()).__contains__, lower)) for common in (_ENGLISH, _FOREIGN))
    return other >= 2 and other > english and other > FOREIGN_SHARE * len(words)
