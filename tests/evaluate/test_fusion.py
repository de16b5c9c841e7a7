from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from multimodal import zoo
from multimodal.engine import Engine
from multimodal.errors import ManifestError, UsageError
from multimodal.evaluate import Cohort, Member, composed_cohort, evaluate_fusion, paired_cohort, phantom_cohort
from multimodal.evaluate.fusion import measure
from multimodal.labels import LABELS, Modality
from multimodal.metrics import auroc
from tests.engine.tiny import full_case
from tests.evaluate.rows import dataset

N = 24
TRUTH = np.tile([0.0, 1.0], N // 2)


def full_cohort(n: int = 6) -> Cohort:
    def members():  # type: ignore[no-untyped-def]
        for i in range(n):
            yield Member(full_case(i), {"pneumonia": i % 2, "no_finding": (i + 1) % 2}, (f"p{i}",))

    return Cohort("paired", "made", members, n)


def test_answers_are_the_engines(zoo_root: Path) -> None:
    evaluation = evaluate_fusion(zoo.find("fusion", "tiny_gated"), full_cohort(3), device="cpu", resamples=10)
    engine = Engine({"fusion": "tiny_gated"}, device="cpu")
    for i in range(3):
        diagnosis = engine.diagnose(full_case(i))
        row = evaluation.answers[lambda t, i=i: (t["case_id"] == f"case{i}") & (t["label"] == "pneumonia")].iloc[0]
        q = LABELS["pneumonia"].prevalence

        def evidence(p: float, q: float = q) -> float:
            return float(np.log(p / (1 - p)) - np.log(q / (1 - q)))

        own = [evidence(said["pneumonia"]) for said in diagnosis.by_modality.values()]
        result = next(result for result in diagnosis.labels if result.label == "pneumonia")
        assert row["fused"] == pytest.approx(evidence(result.probability))
        assert row["late"] == pytest.approx(sum(own))
        assert row[["image", "audio", "text"]].tolist() == pytest.approx(own)
        assert row["=image+text"] == pytest.approx(evidence(diagnosis.by_subset["image+text"]["pneumonia"]))
        assert (row["margin"] >= 0) == (result.probability >= result.threshold)
        assert (bool(row["absent"]), bool(row["present"])) == (0 in result.set, 1 in result.set)


def test_figures_are_json_with_every_subset(zoo_root: Path) -> None:
    evaluation = evaluate_fusion(zoo.find("fusion", "tiny_gated"), full_cohort(), device="cpu", resamples=20)
    figures = json.loads(json.dumps(evaluation.figures, allow_nan=False))
    assert figures["labels"]["pneumonia"]["n"] == 6
    assert len(figures["by_subset"]) == 7
    assert set(figures["by_modality"]) == {"image", "audio", "text", "late"}
    assert set(figures["tests"]["pneumonia"]) == {f"fused_minus_{m}" for m in ("image", "audio", "text", "late")}
    assert set(figures["missing"]) == {"1", "2", "3"}
    assert figures["branches"] == {"image": "tiny_image", "audio": "tiny_audio", "text": "tiny_text"}


def test_late_pooling_is_no_better_than_itself(zoo_root: Path) -> None:
    figures = evaluate_fusion(None, full_cohort(), device="cpu", resamples=20).figures
    assert figures["bundle"]["name"] == "late"
    assert figures["tests"]["pneumonia"]["fused_minus_late"]["difference"] == 0
    assert figures["mean"]["fused_minus_late"] == {"difference": 0.0, "ci": [0.0, 0.0]}
    assert "no_finding" not in figures["mean"]["labels"]


def table(n: int, seed: int = 0, **extra: object) -> pd.DataFrame:
    """Answers whose fused evidence is the sum of two independent modalities."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n).astype(float)
    image, text = rng.normal(truth - 0.5, 1), rng.normal(truth - 0.5, 1)
    columns = {"fused": image + text, "late": image + text, "image": image, "text": text}
    subsets = {"=image": image, "=text": text, "=image+text": image + text}
    rows = {"case_id": [f"c{i}" for i in range(n)], "label": "pneumonia", "truth": truth, "margin": image + text}
    return pd.DataFrame(
        {
            **rows,
            "absent": True,
            "present": True,
            **columns,
            **subsets,
            "patient0": [f"p{i}" for i in range(n)],
            **extra,
        }
    )


def test_two_modalities_beat_one() -> None:
    figures = measure(table(800), resamples=200)
    for other in ("image", "text"):
        assert figures["tests"]["pneumonia"][f"fused_minus_{other}"]["ci"][0] > 0
    assert figures["mean"]["fused_minus_best_modality"]["ci"][0] > 0
    rows = table(800)
    assert figures["mean"]["auroc"]["fused"]["value"] == pytest.approx(float(auroc(rows["fused"], rows["truth"])))
    assert figures["missing"]["1"] < figures["missing"]["2"]


def test_fusion_is_held_against_the_best_answer_where_that_is_known() -> None:
    rows = table(400)
    assert "fused_minus_best_answer" not in measure(rows, resamples=20)["mean"]
    mean = measure(rows.assign(best=rows["truth"] * 2 - 1), resamples=20)["mean"]
    assert mean["auroc"]["best_answer"]["value"] == 1
    assert mean["fused_minus_best_answer"]["difference"] == pytest.approx(mean["auroc"]["fused"]["value"] - 1)


def test_a_case_of_one_modality_shows_nothing_of_fusion() -> None:
    rows = table(100)
    rows.loc[:49, ["image", "=image", "=image+text"]] = np.nan
    figures = measure(rows, resamples=20)
    assert figures["tests"]["pneumonia"]["fused_minus_text"]["n"] == 50
    assert figures["labels"]["pneumonia"]["n"] == 100
    assert figures["by_modality"]["image"]["pneumonia"]["n"] == 50


def test_the_best_modality_is_sought_where_all_speak() -> None:
    """An item that was refused, in one case of each modality, takes those cases out of the mean alone."""
    rows = table(60)
    rows.loc[0, "image"] = rows.loc[1, "text"] = np.nan
    figures = measure(rows, resamples=20)
    assert figures["labels"]["pneumonia"]["n"] == 60
    whole = rows.iloc[2:]
    best = max(float(auroc(whole[m], whole["truth"])) for m in ("image", "text"))
    assert figures["mean"]["auroc"]["best_modality"]["value"] == pytest.approx(best)


def test_composed_patients_used_many_times_do_not_narrow_the_interval() -> None:
    """Eight hundred cases made of twenty patients a modality are no eight hundred patients."""
    rng = np.random.default_rng(0)
    truth = np.tile([0.0, 1.0], 10)
    own = rng.normal(truth - 0.5, 1, (2, 20))
    first = rng.integers(0, 20, 800)
    second = np.array([rng.choice(np.flatnonzero(truth == truth[i])) for i in first])
    image, text = own[0, first], own[1, second]
    fused = {"fused": image + text, "late": image + text, "image": image, "text": text, "truth": truth[first]}
    parts = {"patient0": [f"i{i}" for i in first], "patient1": "", "patient2": [f"t{i}" for i in second]}
    composed = measure(table(800, **fused, **parts), resamples=300)["labels"]["pneumonia"]
    as_if = measure(table(800, **fused), resamples=300)["labels"]["pneumonia"]
    assert composed["patients"] == 40
    assert np.diff(composed["auroc_ci"]) > 3 * np.diff(as_if["auroc_ci"])


def test_composed_cohort_holds_only_what_covers_the_target(zoo_root: Path) -> None:
    patients = {m: [f"{m}/{i}" for i in range(N)] for m in Modality}
    datasets = {
        Modality.IMAGE: dataset(Modality.IMAGE, {"pneumonia": TRUTH}, patient=patients[Modality.IMAGE], age=50.0),
        Modality.AUDIO: dataset(
            Modality.AUDIO, {"murmur": TRUTH}, patient=patients[Modality.AUDIO], site="heart", sex="F"
        ),
        Modality.TEXT: dataset(Modality.TEXT, {"pneumonia": TRUTH, "murmur": TRUTH}, patient=patients[Modality.TEXT]),
    }
    cohort = composed_cohort(datasets, split="val", n=8)
    for member in cohort.members():
        (label,) = member.truth
        assert [m.value for m in member.case.modalities()] == (
            ["image", "text"] if label == "pneumonia" else ["audio", "text"]
        )
        assert member.case.patient.age is None
        assert member.case.patient.sex is None
        assert len(member.patients) == 3
    assert [m.truth for m in cohort.members()] == [m.truth for m in cohort.members()]
    figures = evaluate_fusion(None, cohort, device="cpu", resamples=10).figures
    assert figures["data"]["cohort"] == "composed"
    assert set(figures["labels"]) == {"pneumonia", "murmur"}


def test_paired_cohort_reads_a_manifest(zoo_root: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["case_id,path,kind,site,age,sex,pneumonia"]
    for i in range(4):
        grey = (rng.uniform(0.2, 0.8, (140, 140)) * 255).astype(np.uint8)
        PIL.Image.fromarray(grey).save(tmp_path / f"{i}.png")
        (tmp_path / f"{i}.txt").write_text("Cough and fever for three days, breath sounds diminished on the left.")
        truth = "" if i == 3 else i % 2
        lines += [f"c{i},{i}.png,film,,60,F,{truth}", f"c{i},{i}.txt,note,,60,F,{truth}"]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(lines) + "\n")
    cohort = paired_cohort(manifest)
    assert cohort.size == 3
    evaluation = evaluate_fusion(None, cohort, device="cpu", resamples=10)
    assert evaluation.answers["case_id"].tolist() == ["c0", "c1", "c2"]
    assert evaluation.answers["patient0"].tolist() == ["c0", "c1", "c2"]
    manifest.write_text(lines[0].replace(",pneumonia", "") + "\nc0,0.png,film,,60,F\n")
    with pytest.raises(ManifestError, match="known label"):
        paired_cohort(manifest)


def test_phantoms_come_with_the_best_answer(zoo_root: Path) -> None:
    evaluation = evaluate_fusion(None, phantom_cohort(1, seed=5), device="cpu", resamples=5)
    assert evaluation.answers["best"].notna().all()
    assert evaluation.figures["data"]["cohort"] == "phantoms"
    assert set(evaluation.answers["label"]) == set(LABELS)


def test_errors(zoo_root: Path) -> None:
    with pytest.raises(UsageError, match="Expected a fusion head"):
        evaluate_fusion(zoo.find("image", "tiny_image"), full_cohort(1))
    nothing = Cohort("paired", "made", lambda: iter([Member(full_case(), {}, ("p",))]), 1)
    with pytest.raises(UsageError, match="known label"):
        evaluate_fusion(None, nothing, device="cpu")
