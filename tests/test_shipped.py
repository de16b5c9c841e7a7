"""The models that ship, from files to a diagnosis: what a user gets on the first day."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from pydicom import uid

from multimodal.case import Diagnosis
from multimodal.engine import Engine
from multimodal.formats import read_case
from multimodal.labels import LABELS, SAID
from multimodal.phantom import Phantom, draw_patient, render, to_case
from tests.formats.files import dicom, png, sound

KINDS = ("image", "audio", "text")
ENCODINGS = {
    "implicit": uid.ImplicitVRLittleEndian,
    "explicit": uid.ExplicitVRLittleEndian,
    "rle": uid.RLELossless,
    "jpeg-ls": uid.JPEGLSLossless,
    "jpeg-2000": uid.JPEG2000Lossless,
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(device="cpu")


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return render(draw_patient(7, "pneumonia"))


@pytest.fixture(scope="module")
def film(phantom: Phantom) -> np.ndarray:
    """(H, W) uint16 over all of 16 bits."""
    pixels = phantom.film.pixels
    return np.round((pixels - pixels.min()) / np.ptp(pixels) * 65535).astype(np.uint16)


def probabilities(diagnosis: Diagnosis) -> dict[str, float]:
    return {entry.label: entry.probability for entry in diagnosis.labels}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_one_film_scores_the_same_in_every_encoding(
    engine: Engine, film: np.ndarray, encoding: str, photometric: str
) -> None:
    stored = film if photometric == "MONOCHROME2" else 65535 - film
    sources = {"film.png": png(film), "film.dcm": dicom(stored, ENCODINGS[encoding], bits=16, photometric=photometric)}
    as_png, as_dicom = (probabilities(engine.diagnose(read_case([(name, data)]))) for name, data in sources.items())
    assert as_dicom == pytest.approx(as_png, abs=0.01)


@pytest.mark.parametrize("kinds", [subset for n in (1, 2, 3) for subset in combinations(KINDS, n)])
def test_each_subset_of_a_record_is_diagnosed(engine: Engine, phantom: Phantom, kinds: tuple[str, ...]) -> None:
    names = {"image": ["film.dcm"], "audio": ["heart.wav", "lung.wav"], "text": ["note.txt"]}
    prefix = {"heart.wav": "heart:", "lung.wav": "lung:"}
    sources = [(prefix.get(name, "") + name, phantom.files[name]) for kind in kinds for name in names[kind]]
    raw = json.loads(engine.diagnose(read_case(sources)).to_json())
    assert set(raw["by_modality"]) == set(kinds)
    assert set(raw["by_subset"]) == {"+".join(s) for n in range(1, len(kinds) + 1) for s in combinations(kinds, n)}
    assert set(raw["models"]) >= set(kinds)
    spoken = {label for said in raw["by_modality"].values() for label in said}
    assert {entry["label"] for entry in raw["labels"]} == spoken <= set(LABELS)
    for entry in raw["labels"]:
        assert 0 < entry["probability"] < 1
        shares = raw["shares"][entry["label"]]
        log_odds = np.log(entry["probability"] / (1 - entry["probability"]))
        assert sum(shares.values()) == pytest.approx(log_odds, abs=1e-3)


def test_three_films_and_eight_heart_recordings(engine: Engine) -> None:
    # of the first eight, those whose sounds lie well within what the detector takes for a heart
    drawn = [render(draw_patient(seed, "valvular_heart_disease")) for seed in (0, 3, 4, 7)]
    recordings = [half for p in drawn for half in np.array_split(p.heart.samples, 2)]
    films = [np.round(p.film.pixels * 65535).astype(np.uint16) for p in drawn[:3]]
    files = [(f"film-{i}.png", png(film)) for i, film in enumerate(films)]
    files += [(f"heart:heart-{i}.wav", sound(s, drawn[0].heart.rate)) for i, s in enumerate(recordings)]
    diagnosis = engine.diagnose(read_case(files))
    assert len(diagnosis.items) == 11
    assert all(item.used for item in diagnosis.items)
    assert "valvular_heart_disease" in diagnosis.by_modality["audio"]


def test_a_case_is_answered_alike_alone_and_among_others(engine: Engine) -> None:
    cases = [to_case(render(draw_patient(seed))) for seed in range(3)]
    together = engine.diagnose_many(cases)
    for case, diagnosis in zip(cases, together, strict=True):
        assert probabilities(engine.diagnose(case)) == pytest.approx(probabilities(diagnosis), abs=1e-6)


@pytest.mark.parametrize("condition", ["pneumonia", "obstructive_airway_disease", "heart_failure"])
def test_phantoms_of_a_condition_score_above_healthy_ones(engine: Engine, condition: str) -> None:
    """Coarse on purpose: what the bundles score is in their cards."""

    def mean(drawn_as: str) -> float:
        cases = [to_case(render(draw_patient(seed, drawn_as))) for seed in range(6)]
        return float(np.mean([probabilities(d)[condition] for d in engine.diagnose_many(cases)]))

    assert mean(condition) > mean("no_finding")


@pytest.mark.parametrize("label", SAID)
def test_a_note_that_denies_a_condition_is_not_taken_to_name_it(engine: Engine, label: str) -> None:
    """In a wording that training does not use."""
    notes = [f"Short of breath and tired. The patient {verb} {SAID[label][0]}." for verb in ("has", "does not have")]
    said, denied = (engine.diagnose(read_case([("note.txt", note.encode())])).by_modality["text"] for note in notes)
    assert denied[label] < 0.25 < 0.75 < said[label]
