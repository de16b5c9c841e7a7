"""What a recording tells between the beats and breaths, at the edges of its band, and without its course in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multimodal.case import Audio, FloatArray
from multimodal.evaluate.audit.question import Question
from multimodal.evaluate.stress.sound import filtered

FRAME_S = 0.05
QUIET = 0.3
LOW_HZ, HIGH_HZ = 50.0, 700.0


def _frames(sound: Audio) -> FloatArray:
    """(N, samples) whole frames; what is left at the end goes."""
    length = max(1, int(FRAME_S * sound.rate))
    return sound.samples[: len(sound.samples) // length * length].reshape(-1, length)


def quietest(sound: Audio) -> Audio:
    """The quietest frames of a recording, one after the other: the room and the device."""
    frames = _frames(sound)
    quiet = np.argsort(frames.std(axis=1), kind="stable")[: max(1, int(QUIET * len(frames)))]
    return replace(sound, samples=frames[np.sort(quiet)].ravel())


def scrambled(sound: Audio, draw: np.random.Generator) -> Audio:
    """All frames in random order: the spectrum stays, the course of beats and breaths does not."""
    return replace(sound, samples=draw.permutation(_frames(sound)).ravel())


QUESTIONS = (
    Question("quiet parts only", "the quietest 30 % of frames of 50 ms, joined", lambda sound, _: quietest(sound)),
    Question("scrambled", "frames of 50 ms in random order: spectrum without course", scrambled),
    Question("lowest band only", "below 50 Hz", lambda sound, _: filtered(sound, LOW_HZ, "lowpass")),
    Question("highest band only", "above 700 Hz, where devices differ", lambda s, _: filtered(s, HIGH_HZ, "highpass")),
    Question("highest band cut", "below 700 Hz", lambda sound, _: filtered(sound, HIGH_HZ, "lowpass")),
)
