"""Everyday sentences out of a small grammar, none of them clinical."""

from __future__ import annotations

import numpy as np

_NAMES = (
    "Anna|Peter|the old man|my sister|the captain|a stranger|our neighbour|the teacher|Mr Hill|the children|the crowd"
)
_VERBS = "found|painted|carried|forgot|sold|watched|repaired|opened|described|followed|borrowed|remembered|built"
_THINGS = (
    "a wooden boat|the last train|the garden gate|an unread letter|two bicycles|the kitchen table|a red lantern|"
    "the city map|some warm bread|a broken clock|the blue curtains|a box of apples|the school bell|an empty bottle"
)
_PLACES = (
    "near the river|behind the market|in the morning rain|on the third floor|at the end of the road|under the bridge|"
    "before the concert|across the square|in the quiet harbour|after the long winter|beside the railway"
)
_JOINS = "and then|while|because|although|so that|until|just as"


def pick(rng: np.random.Generator, words: str) -> str:
    """One of several words or phrases, which are separated by ``|``."""
    choices = words.split("|")
    return choices[rng.integers(len(choices))]


def clause(rng: np.random.Generator) -> str:
    """Somebody did something somewhere."""
    return f"{pick(rng, _NAMES)} {pick(rng, _VERBS)} {pick(rng, _THINGS)} {pick(rng, _PLACES)}"


def sentence(rng: np.random.Generator) -> str:
    """One or two clauses with a full stop."""
    text = clause(rng)
    if rng.random() < 0.4:
        text = f"{text}, {pick(rng, _JOINS)} {clause(rng)}"
    return f"{text[0].upper()}{text[1:]}."
