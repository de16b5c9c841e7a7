from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multimodal import zoo
from multimodal.errors import BundleInvalidError
from multimodal.evaluate import check_card, evaluate_branch, evaluate_fusion, render_card, write_card
from multimodal.evaluate.card import CARD, SECTIONS, SHORTCUTS
from multimodal.evaluate.card.sections import written
from multimodal.labels import Modality
from tests.evaluate.rows import dataset
from tests.evaluate.test_fusion import full_cohort

TRUTH = np.tile([0.0, 1.0], 12)


@pytest.fixture
def carded(zoo_root: Path) -> zoo.Bundle:
    bundle = zoo.find("text", "tiny_text")
    data = dataset(Modality.TEXT, {"pneumonia": TRUTH}, split=["train"] * 12 + ["test"] * 12)
    write_card(bundle, [evaluate_branch(bundle, [data], split="test", device="cpu", resamples=20).figures])
    return bundle


def test_a_card_says_what_was_measured_and_the_bundle_stays_valid(carded: zoo.Bundle) -> None:
    check_card(carded)
    zoo.verify(carded)
    text = (carded.folder / CARD).read_text()
    entry = carded.config.metrics["made test"]["labels"]["pneumonia"]
    low, high = entry["auroc_ci"]
    assert f"| pneumonia | 12 | 12 | 6 | {entry['auroc']:.3f} ({low:.3f} to {high:.3f}) |" in text
    assert "bag_of_words" in text
    assert carded.config.sha256 in text


def test_a_card_of_other_weights_is_found_out(carded: zoo.Bundle) -> None:
    path = carded.folder / CARD
    path.write_text(path.read_text().replace(carded.config.sha256, "0" * 64))
    with pytest.raises(BundleInvalidError, match="other weights"):
        check_card(carded)


def test_a_card_without_a_section_is_found_out(carded: zoo.Bundle) -> None:
    path, sections = carded.folder / CARD, written(carded.config)
    text = path.read_text()
    assert {"Intended use", "Results", "Calibration", "Identity"} <= set(sections) <= set(SECTIONS)
    for section in sections:
        path.write_text(text.replace(f"## {section}\n", "## Else\n", 1))
        with pytest.raises(BundleInvalidError, match=section):
            check_card(carded)


def test_no_card(zoo_root: Path) -> None:
    with pytest.raises(BundleInvalidError, match="no model card"):
        check_card(zoo.find("text", "tiny_text"))


def test_a_card_names_sources_patients_licences_and_shortcuts(zoo_root: Path) -> None:
    sources = {
        "kermany": {
            "train": {"items": 3600, "patients": 1900},
            "positive_patients": {"pneumonia": 1200},
        }
    }
    training = {"command": "multimodal train image", "date": "2030-01-01", "sources": sources, "recipe": {"epochs": 9}}
    text = render_card(replace(zoo.find("image", "tiny_image").config, training=training, licence="CC BY 4.0"))
    for expected in ("3,600 items of 1,900 patients", "CC BY 4.0", "1200", SHORTCUTS["kermany"], "2030-01-01",
                     "multimodal train image", "epochs 9"):  # fmt: skip
        assert expected in text


def test_a_card_of_a_fusion_names_its_branches_and_tests(zoo_root: Path) -> None:
    bundle = zoo.find("fusion", "tiny_gated")
    write_card(bundle, [evaluate_fusion(bundle, full_cohort(), device="cpu", resamples=20).figures])
    check_card(bundle)
    text = (bundle.folder / CARD).read_text()
    assert zoo.find("image", "tiny_image").config.sha256 in text
    assert "| pneumonia | late |" in text
    assert "fused minus best modality" in text
