"""What a cohort's answers amount to, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.metrics import confusion_matrix, roc_auc_score
from sklearn.metrics import roc_curve as reference_roc

from multimodal.errors import CorruptFileError
from multimodal.labels import LABELS
from multimodal.metrics import delong, mcnemar
from multimodal.ui import compare_charts, compare_figures, compare_tables
from multimodal.ui.compare_answers import Answers, LabelAnswers, read_answers
from multimodal.ui.theme import LIGHT


def made_table(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Evidence of three modalities for pneumonia; the fused answer pools them, its threshold is at 0.3."""
    rng = np.random.default_rng(seed)
    truth = np.tile([0.0, 0.0, 0.0, 1.0], n // 4)
    own = {m: rng.normal(truth, 1.2) for m in ("image", "audio", "text")}
    table = pd.DataFrame(
        {"case_id": [f"phantom-{i:05d}" for i in range(n)], "label": "pneumonia", "truth": truth} | own
    )
    for subset in ("image", "audio", "text", "image+audio", "image+text", "audio+text", "image+audio+text"):
        table[f"={subset}"] = sum(own[m] for m in subset.split("+"))
    fused = table["=image+audio+text"]
    undecided = fused.abs() < 0.2
    return table.assign(
        fused=fused,
        margin=fused - 0.3,
        late=fused,
        best=fused + truth,
        absent=undecided | (fused < 0),
        present=undecided | (fused >= 0),
        patient0=table["case_id"],
    )


def made_answers(table: pd.DataFrame | None = None) -> Answers:
    return Answers("phantoms", "seeds 0 to 79", "made", made_table() if table is None else table, "key")


@pytest.fixture
def one() -> LabelAnswers:
    return made_answers().of("pneumonia")


def csv(table: pd.DataFrame, **columns: object) -> bytes:
    return table.assign(**{"cohort": "phantoms", "source": "seeds 0 to 79", **columns}).to_csv(index=False).encode()


def test_roc_curves_are_those_of_scikit_learn(one: LabelAnswers) -> None:
    points = pd.DataFrame(compare_figures.roc(one))
    assert list(points["source"].unique()) == ["fused", "image", "audio", "text", "late", "best"]
    x, y, _ = reference_roc(one.truth, one.rows["audio"], drop_intermediate=False)
    audio = points[points["source"] == "audio"]
    np.testing.assert_allclose(audio[["x", "y"]], np.stack([x, y], axis=1))


def test_areas_are_those_of_scikit_learn_and_lie_in_their_intervals(one: LabelAnswers) -> None:
    for source, area in compare_figures.areas(one).items():
        assert area.value == pytest.approx(roc_auc_score(one.truth, one.rows[source]))
        assert area.low < area.value < area.high or area.value == 1


def test_subsets_are_those_of_the_modalities_that_speak(one: LabelAnswers) -> None:
    assert list(compare_figures.subset_areas(one)) == [
        "audio",
        "image",
        "text",
        "audio+text",
        "image+audio",
        "image+text",
        "image+audio+text",
    ]
    silent = LabelAnswers("pneumonia", one.rows.drop(columns="image"))
    assert silent.subsets() == ["audio", "text", "audio+text"]


def test_cases_that_lack_a_part_are_left_out_of_what_compares_modalities() -> None:
    table = made_table()
    table.loc[[3, 10], ["image", "=image", "=image+audio"]] = np.nan  # two films were refused
    answers = made_answers(table)
    found = answers.of("pneumonia")
    assert (len(found.rows), found.left_out) == (78, 2)
    assert found.sources() == answers.of("pneumonia").sources() == made_answers().of("pneumonia").sources()
    assert found.subsets() == made_answers().of("pneumonia").subsets()
    assert "2 more lack a part" in compare_tables.cohort_html(answers, found)


def test_a_modality_that_few_cases_have_leaves_none_out() -> None:
    table = made_table()
    table.loc[20:, ["image", "=image", "=image+audio", "=image+text"]] = np.nan
    found = made_answers(table).of("pneumonia")
    assert (len(found.rows), found.left_out) == (80, 0)
    assert found.subsets() == ["audio", "text", "audio+text"]


def test_confusion_is_at_the_fused_threshold(one: LabelAnswers) -> None:
    for source in ("fused", "text"):
        found = compare_figures.confusion(one, source)
        reference = confusion_matrix(one.truth, one.rows[source] >= 0.3)
        assert [[found.rejections, found.false_alarms], [found.misses, found.hits]] == reference.tolist()
        assert found.sensitivity == found.hits / 20


def test_the_tests_are_those_of_the_metrics(one: LabelAnswers) -> None:
    found = compare_figures.test(one, "image")
    assert found.delong == delong(one.rows["fused"], one.rows["image"], one.truth)
    assert found.mcnemar == mcnemar(one.rows["fused"] >= 0.3, one.rows["image"] >= 0.3, one.truth)
    assert found.bootstrap.difference == pytest.approx(found.delong.difference)


def test_composed_cases_are_not_taken_for_independent(one: LabelAnswers) -> None:
    composed = LabelAnswers("pneumonia", one.rows.assign(patient1=["a", "b"] * 40))
    found = compare_figures.test(composed, "image")
    assert found.delong is None
    assert found.mcnemar is None


def test_changes_are_the_cases_called_differently(one: LabelAnswers) -> None:
    changes = compare_figures.changes(one, "audio")
    differ = one.rows[(one.rows["fused"] >= 0.3) != (one.rows["audio"] >= 0.3)]
    assert {change.case_id for change in changes} == set(differ["case_id"])
    pairs = compare_figures.test(one, "audio").mcnemar
    assert pairs is not None
    assert sum(change.better for change in changes) == pairs.only_first
    assert sum(not change.better for change in changes) == pairs.only_second
    first = one.rows.set_index("case_id").loc[changes[0].case_id]
    assert logit(changes[0].fused) - logit(LABELS["pneumonia"].prevalence) == pytest.approx(first["fused"])


def test_reliability_is_at_the_share_of_the_cohort(one: LabelAnswers) -> None:
    points = compare_figures.reliability(one, "fused")
    assert sum(point["n"] for point in points) == 80
    expected = 1 / (1 + np.exp(-(one.rows["fused"] + logit(0.25))))
    assert sum(point["x"] * point["n"] for point in points) == pytest.approx(expected.sum())
    assert sum(point["y"] * point["n"] for point in points) == pytest.approx(20)


def test_only_labels_with_both_kinds_of_cases_are_offered() -> None:
    table = made_table()
    everyone = table.assign(label="murmur", truth=1.0)
    assert made_answers(pd.concat([table, everyone])).labels() == ["pneumonia"]


def test_a_file_gives_the_answers_back() -> None:
    answers = read_answers(csv(made_table()), "out.csv")
    assert (answers.cohort, answers.source, answers.how) == ("phantoms", "seeds 0 to 79", "read from out.csv")
    pd.testing.assert_frame_equal(answers.table, made_table(), check_dtype=False)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no table"),
        (b"\xff\xfe\x00broken", "no table|lacks"),
        (b'{"labels": {}}', "lacks the columns"),
        (b"patient,stratum,label,truth,evidence,probability\na,,pneumonia,1,0.5,0.5\n", "lacks the columns case_id"),
        (csv(made_table().head(0)), "holds no answers"),
        (csv(made_table().assign(label="plague")), "not known here: plague"),
        (csv(made_table().assign(truth=2)), "not 0 or 1"),
        (csv(made_table(), cohort="hospital"), "mixes cohorts"),
        (csv(made_table().assign(absent="perhaps")), "not True or False"),
        (csv(made_table().assign(image="x")), "not a number"),
        (csv(made_table().assign(fused=np.inf)), "infinite"),
    ],
)
def test_a_bad_file_is_refused_in_plain_words(data: bytes, words: str) -> None:
    with pytest.raises(CorruptFileError, match=words) as refused:
        read_answers(data, "out.csv")
    assert refused.value.file == "out.csv"


def test_the_cohort_says_what_it_is_and_how_many_patients(one: LabelAnswers) -> None:
    words = compare_tables.cohort_html(made_answers(), one)
    for part in ("Phantoms: drawn by this software, not patients", "80 patients", "20 with it, 60 without", "seeds 0"):
        assert part in words


def test_file_names_are_text() -> None:
    answers = read_answers(csv(made_table(), source="<b>x</b>"), "<i>.csv")
    words = compare_tables.cohort_html(answers, answers.of("pneumonia"))
    assert "<b>x" not in words
    assert "<i>" not in words


def test_the_pictures_hold_every_answer(one: LabelAnswers) -> None:
    def text(chart: object) -> str:
        return str(chart.to_dict())  # type: ignore[attr-defined]

    roc = text(compare_charts.roc_chart(compare_figures.roc(one), LIGHT))
    assert all(title in roc for title in ("Fused", "Film alone", "Late pooling", "Best possible"))
    told_apart = compare_charts.roc_chart(compare_figures.roc(one), LIGHT).to_dict()["resolve"]["scale"]
    assert told_apart["color"] == told_apart["strokeDash"]  # else each gets a legend of its own
    missing = text(compare_charts.missing_chart(compare_figures.subset_areas(one), LIGHT))
    assert all(title in missing for title in ("Film + sound", "Sound + note", "'All'"))


def test_names_of_subsets_do_not_cover_each_other() -> None:
    places = compare_charts.spread({"image": 0.7, "audio": 0.7, "text": 0.705, "image+text": 0.7}, 0.02)
    singles = sorted(places[name] for name in ("image", "audio", "text"))
    assert np.diff(singles).min() >= 0.02 - 1e-9
    assert places["image+text"] == 0.7
