"""Measure fusion: every subset, against each branch's own answer and against late pooling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit

from multimodal.case import Diagnosis
from multimodal.engine import Engine
from multimodal.errors import UsageError
from multimodal.evaluate.cohorts import Cohort, Member
from multimodal.evaluate.figures import RESAMPLES, comparison, label_figures, pseudonym, ranking
from multimodal.evaluate.units import Units
from multimodal.labels import LABELS, NO_FINDING, Modality
from multimodal.metrics import auroc, bootstrap, paired_bootstrap
from multimodal.metrics.checks import FloatArray
from multimodal.zoo import Bundle

_CASES_AT_ONCE = 16
FUSED, LATE, BEST = "fused", "late", "best"
MODALITIES = tuple(m.value for m in Modality)


@dataclass(frozen=True)
class FusionEvaluation:
    """What a fusion reached.

    Attributes:
        figures: The answer of ``multimodal evaluate fusion/NAME --json``: plain numbers.
        answers: One row a case and label with a known truth: ``case_id``, ``label``, ``truth``, ``margin`` (evidence
            less threshold), ``absent`` and ``present`` (whether 0 and 1 are in the set), evidence under "fused",
            "late", each modality ("image": the branch's own answer), each subset ("=image+text") and "best"
            where the best answer is known; NaN where an answer is not given; ``patient0`` ... the patients' keys.
    """

    figures: dict[str, Any]
    answers: pd.DataFrame

    def predictions(self) -> pd.DataFrame:
        """:attr:`answers` with where they come from, and a hash in the place of the keys of real cases and patients."""
        data = self.figures["data"]
        keys = [c for c in map(str, self.answers) if c == "case_id" or c.startswith("patient")]
        hashed = {c: self.answers[c].map(pseudonym, na_action="ignore") for c in keys if data["cohort"] != "phantoms"}
        return self.answers.assign(cohort=data["cohort"], source=data["source"], **hashed)


def evaluate_fusion(
    bundle: Bundle | None, cohort: Cohort, *, device: str = "auto", resamples: int = RESAMPLES
) -> FusionEvaluation:
    """Diagnose a cohort and measure the answers.

    Args:
        bundle: A fusion head, measured with the branches that it was trained on; None for plain ``late`` pooling
            of the default branches.
        cohort: Cases with a known truth.
        device: "auto", "cuda", "mps" or "cpu".
        resamples: Of the bootstrap.

    Raises:
        UsageError: If the bundle is a branch, or no case has a known label that is spoken of.
    """
    if bundle is not None and bundle.kind != "fusion":
        raise UsageError(f"Expected a fusion head, but {bundle.kind}/{bundle.name} is a branch.")
    trained_on = {} if bundle is None else {m: str(entry["name"]) for m, entry in bundle.config.branches.items()}
    engine = Engine({**trained_on, "fusion": LATE if bundle is None else bundle.name}, device=device, coherent=False)
    answers = pd.DataFrame(diagnose_cohort(engine, cohort))
    if answers.empty:
        raise UsageError("No case of the cohort has a known label that the models speak of.")
    figures = {
        "bundle": {"kind": "fusion", "name": engine.models["fusion"].name, "sha256": engine.models["fusion"].sha256},
        "branches": {kind: ref.name for kind, ref in engine.models.items() if kind != "fusion"},
        "data": {
            "cohort": cohort.name,
            "source": cohort.source,
            "cases": cohort.size,
            "patients": int((np.unique(_patients(answers)) != "").sum()),
        },
        **measure(answers, resamples=resamples),
    }
    return FusionEvaluation(figures, answers)


def measure(answers: pd.DataFrame, *, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Figures of diagnosed cases.

    Args:
        answers: As :attr:`FusionEvaluation.answers`.
        resamples: Of the bootstrap.

    Returns:
        ``labels``: figures of the whole answer. ``by_modality``: AUROC of each branch's own answer. ``by_subset``:
        AUROC of each subset fused. ``tests``: fused against each branch's own answer, the best of them, and
        ``late``, by AUROC on the same cases. ``mean``: the same over labels. ``missing``: mean AUROC by the number
        of modalities given.
    """
    by_label = {str(label): rows for label, rows in answers.groupby("label", sort=False)}
    by_label = {label: by_label[label] for label in LABELS if label in by_label}
    subsets = sorted((c for c in map(str, answers) if c.startswith("=")), key=lambda c: (c.count("+"), c))
    tests = {label: _tests(rows, resamples) for label, rows in by_label.items()}
    return {
        "labels": {label: _figures(rows, resamples) for label, rows in by_label.items()},
        "by_modality": _rankings(by_label, [*MODALITIES, LATE, BEST], resamples),
        "by_subset": {key[1:]: entries for key, entries in _rankings(by_label, subsets, resamples).items()},
        "tests": {label: entry for label, entry in tests.items() if entry},
        "mean": _mean(answers, by_label, resamples),
        "missing": _missing(by_label, subsets),
    }


def fused_units(answers: pd.DataFrame) -> dict[str, tuple[Units, FloatArray]]:
    """Per label: its cases with fused evidence, and how far each is above its threshold."""
    return {
        str(label): (_units(rows, FUSED), rows["margin"].to_numpy(np.float64))
        for label, rows in answers.groupby("label", sort=False)
    }


def diagnose_cohort(engine: Engine, cohort: Cohort) -> Iterator[dict[str, Any]]:
    """Rows of :attr:`FusionEvaluation.answers`, as the cases are diagnosed."""
    members = iter(cohort.members())
    while group := list(islice(members, _CASES_AT_ONCE)):
        for member, diagnosis in zip(group, engine.diagnose_many([m.case for m in group]), strict=True):
            yield from _rows(member, diagnosis, engine.prevalence)


def _rows(member: Member, diagnosis: Diagnosis, prevalence: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """One row a label with a known truth, every answer as evidence: log-odds less those of the prevalence."""
    for result in diagnosis.labels:
        label = result.label
        if label not in member.truth:
            continue
        prior = float(logit(prevalence[label]))

        def evidence(p: float, prior: float = prior) -> float:
            return float(logit(np.clip(p, 1e-12, 1 - 1e-12))) - prior

        own = {m: evidence(said[label]) for m, said in diagnosis.by_modality.items() if label in said}
        row: dict[str, Any] = {
            "case_id": member.case.case_id,
            "label": label,
            "truth": float(member.truth[label]),
            FUSED: evidence(result.probability),
            "margin": float(logit(result.probability) - logit(result.threshold)),
            "absent": 0 in result.set,
            "present": 1 in result.set,
            **own,
            **{f"={key}": evidence(said[label]) for key, said in diagnosis.by_subset.items() if label in said},
            **{f"patient{i}": key for i, key in enumerate(member.patients)},
        }
        if label != NO_FINDING:
            row[LATE] = sum(own.values())
        if member.best is not None:
            row[BEST] = evidence(member.best[label])
        yield row


def _patients(rows: pd.DataFrame) -> npt.NDArray[np.str_]:
    return np.asarray(rows[[c for c in map(str, rows) if c.startswith("patient")]], dtype=np.str_)


def _units(rows: pd.DataFrame, column: str) -> Units:
    rows = rows[rows[column].notna()]
    return Units(
        by_patient=True,
        scores=rows[column].to_numpy(np.float64),
        targets=rows["truth"].to_numpy(np.float64),
        patients=_patients(rows),
        strata=np.full(len(rows), "", dtype=np.str_),
        groups={},
    )


def _figures(rows: pd.DataFrame, resamples: int) -> dict[str, Any]:
    held = zip(rows["absent"], rows["present"], strict=True)
    sets = [(*((0,) if absent else ()), *((1,) if present else ())) for absent, present in held]
    return label_figures(_units(rows, FUSED), rows["margin"].to_numpy(np.float64), sets, resamples=resamples)


def _rankings(by_label: Mapping[str, pd.DataFrame], columns: Sequence[str], resamples: int) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for column in columns:
        for label, rows in by_label.items():
            if column in rows and rows[column].notna().any():
                answer.setdefault(column, {})[label] = ranking(_units(rows, column), resamples=resamples)
    return answer


def _tests(rows: pd.DataFrame, resamples: int) -> dict[str, Any]:
    """Fused against every other answer, on the cases where a choice was to be had: two modalities or more speak."""
    rows = rows[_speakers(rows) > 1]
    answer: dict[str, Any] = {}
    for column in (*MODALITIES, LATE, BEST):
        both = rows[rows[column].notna()] if column in rows else rows[:0]
        if both["truth"].nunique() == 2:
            answer[f"fused_minus_{column}"] = comparison(
                paired_bootstrap(auroc, both[FUSED], both[column], both["truth"], _patients(both), resamples=resamples)
            ) | {"n": len(both)}
    return answer


def _speakers(rows: pd.DataFrame) -> pd.Series:
    """How many modalities speak of the label, case by case."""
    return rows.reindex(columns=list(MODALITIES)).notna().sum(axis=1)


def _mean(answers: pd.DataFrame, by_label: Mapping[str, pd.DataFrame], resamples: int) -> dict[str, Any]:
    """Mean AUROC over labels: fused, the best single modality of each label, and late; and the differences.

    The best modality of a label is the one with the highest AUROC on these very cases, which favours it. Of phantoms
    also the best answer that their generator allows.
    """
    usable = {label: _whole(rows) for label, rows in by_label.items() if label != NO_FINDING}
    usable = {label: rows for label, rows in usable.items() if rows["truth"].nunique() == 2}
    if not usable:
        return {}
    best = {label: _best_modality(rows) for label, rows in usable.items()}
    cases = answers.drop_duplicates("case_id")
    where = {case: i for i, case in enumerate(cases["case_id"])}

    def mean(column: Mapping[str, str], weights: FloatArray) -> FloatArray:
        values = []
        for label, rows in usable.items():
            index = rows["case_id"].map(where).to_numpy()
            values.append(auroc(rows[column[label]], rows["truth"], weights[..., index]))
        return np.asarray(np.mean(values, axis=0))

    def interval(first_column: Mapping[str, str], second: Mapping[str, str] | None) -> Any:
        return bootstrap(
            lambda w: mean(first_column, w) - (0 if second is None else mean(second, w)),
            _patients(cases),
            resamples=resamples,
        )

    fused = dict.fromkeys(usable, FUSED)
    columns = {FUSED: fused, "best_modality": best, LATE: dict.fromkeys(usable, LATE)}
    if all(BEST in rows for rows in usable.values()):
        columns["best_answer"] = dict.fromkeys(usable, BEST)
    found = {name: interval(column, None) for name, column in columns.items()}
    return {
        "labels": list(usable),
        "best_modality": best,
        "auroc": {name: {"value": entry.value, "ci": [entry.low, entry.high]} for name, entry in found.items()},
        **{
            f"fused_minus_{name}": {"difference": entry.value, "ci": [entry.low, entry.high]}
            for name in list(columns)[1:]
            for entry in [interval(fused, columns[name])]
        },
    }


def _whole(rows: pd.DataFrame) -> pd.DataFrame:
    """The cases in which all modalities speak of the label that ever do; none where fewer than two do."""
    speaking = [m for m in MODALITIES if m in rows and rows[m].notna().any()]
    return rows[rows[speaking].notna().all(axis=1)] if len(speaking) > 1 else rows[:0]


def _best_modality(rows: pd.DataFrame) -> str:
    """The modality with the highest AUROC, of those that speak."""
    whole = [m for m in MODALITIES if m in rows and rows[m].notna().all()]
    return max(whole, key=lambda m: float(auroc(rows[m], rows["truth"])))


def _missing(by_label: Mapping[str, pd.DataFrame], subsets: Sequence[str]) -> dict[str, Any]:
    """Mean AUROC over labels and subsets of each size, on the cases that have every modality that any case has."""
    answer: dict[str, list[float]] = {}
    for rows in by_label.values():
        spoken = [key for key in subsets if rows[key].notna().any()]
        whole = rows[rows[spoken].notna().all(axis=1)]
        if len(spoken) < 2 or whole["truth"].nunique() < 2:
            continue
        for key in spoken:
            answer.setdefault(str(key.count("+") + 1), []).append(float(auroc(whole[key], whole["truth"])))
    return {size: float(np.mean(values)) for size, values in sorted(answer.items())}
