"""The Model cards page: figures as the config holds them, and nothing from a bundle is markup."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from multimodal.bundle import BundleConfig
from multimodal.errors import BundleInvalidError
from multimodal.ui import cards_plots, cards_table
from multimodal.ui.interval import figure, interval_html, p_value
from multimodal.ui.theme import DARK, LIGHT
from tests.ui.reading import shown

ENTRY = {"n": 120, "patients": 100, "positives": 30, "auroc": 0.81, "auroc_ci": [0.72, 0.89]}
MEASURED = {
    "kermany val": {
        "data": {"source": "kermany", "split": "val", "rows": 120, "patients": 100},
        "labels": {"pneumonia": ENTRY},
        "baselines": {"image_size": {"labels": {"pneumonia": {"auroc": 0.62}}}},
    }
}
POINT = {"auroc": 0.7, "auroc_ci": [0.6, 0.8], "difference": -0.11, "difference_ci": [-0.2, -0.03]}
AS_IS = {"items": 48, "patients": 45, "labels": ["pneumonia"], "auroc": 0.81, "auroc_ci": [0.72, 0.89]}
WORN = {
    **AS_IS,
    "curves": [
        {"name": "noise", "what": "of the grey range", "points": [{**POINT, "strength": 0.1, "difference": 0.0}]},
        {"name": "<b>blur", "what": "per cent", "points": [{**POINT, "strength": 0.5}, {**POINT, "strength": 2}]},
    ],
}
AUDITED = {**AS_IS, "questions": [{**POINT, "name": "lungs covered", "what": "two ellipses"}]}
SURE = {"verdicts": 1414, "patients": 195, "risk_without": 0.24, "coverage": 0.55, "risk": 0.1}
TRAINING = {
    "command": "multimodal train image --arch small_cnn",
    "date": "2026-11-21",
    "sources": {"kermany": {"train": {"items": 400, "patients": 300}, "val": {"items": 120, "patients": 100}}},
}


@pytest.fixture
def root(tiny_zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny zoo that the test may change."""
    shutil.copytree(tiny_zoo, tmp_path / "zoo")
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (tmp_path / "zoo",))
    return tmp_path / "zoo"


def change(root: Path, **entries: Any) -> None:
    path = root / "image" / "tiny_image" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def opened(app: AppTest, bundle: str | None = None) -> AppTest:
    if bundle:
        app.query_params["bundle"] = bundle
    app.run()
    app.switch_page("model_cards.py")
    return app.run()


def config(**entries: Any) -> BundleConfig:
    return BundleConfig("image", "made", "small_cnn", ("pneumonia",), **entries)


def test_a_card_shows_figures_data_terms_and_identity(app: AppTest, root: Path) -> None:
    change(root, metrics=MEASURED, training=TRAINING, licence="kermany: CC BY 4.0")
    (root / "image" / "tiny_image" / "README.md").write_text(
        "---\nlicense: other\n---\n# image/tiny_image\n\n## Limits\n\nNone known. ![x](https://example.org/x.png)\n"
    )
    opened(app)
    assert not app.exception
    page = shown(app)
    for part in ("120 rows of 100 patients", "0.81 (0.72 to 0.89)", "Image size", "0.62", "400 / 300", "CC BY 4.0"):
        assert part in page
    assert json.loads((root / "image" / "tiny_image" / "config.json").read_text())["sha256"] in page
    assert app.code[0].value == "multimodal train image --arch small_cnn"
    text = next(one.value for one in app.markdown if "Limits" in one.value)
    assert "license: other" not in text
    assert "![" not in text


def test_a_link_opens_its_bundle(app: AppTest, root: Path) -> None:
    opened(app, "audio/tiny_audio")
    assert not app.exception
    assert app.selectbox(key="bundle").value == "audio/tiny_audio"
    assert "tiny_audio" in shown(app)
    assert "Not measured yet" in app.info[0].value


def test_a_fusion_head_names_its_branches(app: AppTest, root: Path) -> None:
    opened(app, "fusion/tiny_gated")
    assert not app.exception
    assert "Image branch" in shown(app)
    assert "tiny_image" in shown(app)


def test_a_broken_bundle_is_said_and_the_page_stays(app: AppTest, root: Path) -> None:
    (root / "image" / "tiny_image" / "config.json").write_text("{")
    opened(app, "image/tiny_image")
    assert not app.exception
    assert app.error[0].value.startswith("This bundle can't be shown.")


def test_no_models_says_what_to_do(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (tmp_path,))
    opened(app)
    assert not app.exception
    assert "No models are installed" in app.info[0].value


def test_nothing_of_a_bundle_is_markup() -> None:
    bad = "<img src=x>"
    made = config(
        metrics={bad: {**MEASURED["kermany val"], "baselines": {bad: {"labels": {}}}}},
        training={**TRAINING, "sources": {bad: {}}, "date": bad},
        licence=bad,
        branches={"image": {"name": bad, "sha256": bad}},
    )
    page = cards_table.sources(made) + cards_table.identity(made) + cards_table.measured(made)[0][1]
    assert "<img" not in page


@pytest.mark.parametrize("metrics", [{"x": 1}, {"x": {"data": {}}}, {"x": {"data": {}, "labels": {"plague": ENTRY}}}])
def test_figures_of_another_shape_are_refused(metrics: Any) -> None:
    with pytest.raises(BundleInvalidError, match="not of the schema"):
        cards_table.measured(config(metrics=metrics))


def test_a_card_plots_what_wear_costs_what_a_network_goes_by_and_when_it_answers() -> None:
    made = config(
        metrics={"kermany test": {**MEASURED["kermany val"], "stress": WORN, "audit": AUDITED}},
        abstention={"test": {**SURE, "curve": [[0.5, 0.08], [1.0, 0.24]]}},
    )
    sections = dict(cards_plots.plots(made, LIGHT))
    assert list(sections) == ["When it answers", "Under wear and attack", "What it goes by"]
    assert "It gives 55\xa0% of the verdicts, 10\xa0% of these wrong" in sections["When it answers"]
    worn = sections["Under wear and attack"]
    assert worn.index("&lt;b&gt;blur") < worn.index("Noise"), "the costliest first"
    assert "−0.11 at worst" in worn
    assert 'alt="AUROC 0.81 (0.72 to 0.89) at 0; 0.70 (0.60 to 0.80) at 0.5; 0.70 (0.60 to 0.80) at 2"' in worn
    assert "<b>blur" not in worn
    assert "Lungs covered" in sections["What it goes by"]
    assert sections != dict(cards_plots.plots(made, DARK))


def test_all_but_the_costliest_wear_is_folded_away() -> None:
    def curve(name: str, lost: float) -> dict[str, Any]:
        point = {"strength": 1, "auroc": 0.9 - lost, "auroc_ci": [0.5, 0.95], "difference": -lost}
        return {"name": name, "what": "of its kind", "points": [point]}

    curves = [curve(f"sort {n}", n / 100) for n in range(9)]
    stress = {"items": 9, "patients": 9, "labels": ["murmur"], "auroc": 0.9, "auroc_ci": [0.8, 0.95], "curves": curves}
    sections = dict(cards_plots.plots(config(metrics={"heart": {"stress": stress}}), LIGHT))
    shown, _, folded = sections["Under wear and attack"].partition("<details")
    assert [f"Sort {n}" in shown for n in range(9)] == [False] * 5 + [True] * 4
    assert [f"Sort {n}" in folded for n in range(9)] == [True] * 5 + [False] * 4
    assert "5 more, each of which costs at most \N{MINUS SIGN}0.04" in folded


def test_a_card_without_such_figures_has_no_such_plots() -> None:
    assert cards_plots.plots(config(metrics=MEASURED), LIGHT) == []
    with pytest.raises(BundleInvalidError):
        cards_plots.plots(config(metrics={"kermany test": {"stress": {"auroc": 1}}}), LIGHT)


def test_a_fusion_is_shown_beside_each_modality() -> None:
    figures = {
        "data": {"cohort": "composed", "source": "nih+openi", "cases": 200, "patients": 400},
        "labels": {"pneumonia": ENTRY},
        "by_modality": {"image": {"pneumonia": {"auroc": 0.7}}, "late": {"pneumonia": {"auroc": 0.8}}},
    }
    ((title, table),) = cards_table.measured(config(metrics={"x": figures}))
    assert title == "composed, nih+openi: 200 cases of 400 patients"
    assert "Film alone" in table
    assert "<td>0.70</td><td>0.80</td>" in table


def test_a_figure_below_one_is_never_shown_as_one() -> None:
    assert (figure(0.9949), figure(0.995), figure(0.9999), figure(1.0)) == ("0.99", "> 0.99", "> 0.99", "1.00")
    assert figure(0.998, signed=True) == "+1.00"  # a difference or a threshold, not a share
    near = {**ENTRY, "auroc": 0.998, "auroc_ci": [0.996, 0.999]}
    figures = {**MEASURED["kermany val"], "labels": {"pneumonia": near}}
    ((_, table),) = cards_table.measured(config(metrics={"x": figures}))
    assert "<td>&gt; 0.99</td>" in table
    assert "1.00" not in table


def test_an_interval_is_cut_at_the_scale_and_spoken_in_full() -> None:
    drawn = interval_html(0.5, (0.2, 0.7))
    assert 'aria-label="0.50 (0.20 to 0.70)"' in drawn
    assert "left:0.0%;width:50.0%" in drawn
    assert p_value(float("nan")) == "–"
