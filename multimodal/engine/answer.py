"""From what the modalities say of a case to its diagnosis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import expit, logit
from torch import Tensor

from multimodal.calibrate import LabelCalibration, sureness
from multimodal.case import LabelResult, Notice, Patient, subset_key
from multimodal.engine.statement import Statement
from multimodal.fusion import FusionHead, FusionInput, encode_patient, fuse, shares, subsets
from multimodal.labels import LABELS, NO_FINDING, Modality
from multimodal.verdict import percent

Subset = frozenset[Modality]
Readings = Mapping[str, Mapping[str, LabelCalibration]]
"""Per label, and per pattern of modalities that speak of it, how fused evidence is read."""
NAMES = tuple(LABELS)
WORDS = {Modality.IMAGE: "film", Modality.AUDIO: "sound", Modality.TEXT: "note"}
NAMED = 3
"""Labels that a warning names before it counts the rest."""
DISAGREEMENT, SPEAKS = 3.0, 0.7
"""Evidence apart at which two modalities disagree, odds of 20 to 1, and how far each must then be from its threshold on
its own side to speak for or against a label at all, odds of 2 to 1."""


@dataclass(frozen=True)
class Fused:
    """Fused log-odds of one case.

    Attributes:
        values: Per subset of its modalities, per label that the subset speaks of, log-odds at the reference prevalence.
    """

    values: Mapping[Subset, Mapping[str, float]]

    @property
    def whole(self) -> Mapping[str, float]:
        """Of all modalities together."""
        return self.values[max(self.values, key=len)] if self.values else {}


def fuse_all(
    head: FusionHead,
    readings: Readings,
    cases: Sequence[tuple[Mapping[Modality, Statement], Patient]],
    prior: Mapping[str, float],
) -> list[Fused]:
    """Every non-empty subset of every case in one pass of the head.

    Args:
        head: On the CPU, in double precision.
        readings: Calibration of the head's labels; ``no_finding`` follows its rule alone.
        cases: What the modalities say, and the patient.
        prior: Reference prevalence of every label.
    """
    rows = [(case, subset) for case, (statements, _) in enumerate(cases) for subset in subsets(statements)]
    values: list[dict[Subset, dict[str, float]]] = [{} for _ in cases]
    if rows:
        given = _collate(head, [(*cases[case], subset) for case, subset in rows])
        log_prior = torch.tensor([logit(prior[name]) for name in NAMES], dtype=torch.float64)
        with torch.inference_mode():
            log_odds, heard = fuse(
                head, given, log_prior, NAMES, lambda relative, heard: _calibrated(relative, heard, readings)
            )
        for (case, subset), answer, spoken in zip(rows, log_odds.tolist(), heard.tolist(), strict=True):
            values[case][subset] = {n: z for n, z, said in zip(NAMES, answer, spoken, strict=True) if said}
    return [Fused(each) for each in values]


def _collate(head: FusionHead, rows: Sequence[tuple[Mapping[Modality, Statement], Patient, Subset]]) -> FusionInput:
    """A batch of the head; every modality that it reads is there, blank where a row lacks it."""
    shape = (len(rows), len(Modality), len(NAMES))
    evidence, speaks = np.zeros(shape), np.zeros(shape, bool)
    embeddings = {m: np.zeros((len(rows), dim)) for m, dim in head.embedding_dims.items()}
    present = torch.tensor([[m in subset for m in Modality] for _, _, subset in rows])
    for row, (statements, _, subset) in enumerate(rows):
        for slot, modality in enumerate(Modality):
            if modality not in subset:
                continue
            statement = statements[modality]
            columns = [NAMES.index(name) for name in statement.evidence]
            evidence[row, slot, columns] = list(statement.evidence.values())
            speaks[row, slot, columns] = True
            if modality in embeddings and statement.embedding is not None:
                embeddings[modality][row] = statement.embedding
    context = torch.tensor([encode_patient(patient) for _, patient, _ in rows], dtype=torch.float64)
    read = {modality: torch.from_numpy(rows) for modality, rows in embeddings.items()}
    return FusionInput(read, torch.from_numpy(evidence), torch.from_numpy(speaks), present, context)


def _calibrated(relative: Tensor, heard: Tensor, readings: Readings) -> Tensor:
    result = relative.clone()
    for name, by_pattern in readings.items():
        column = NAMES.index(name)
        for pattern, reading in by_pattern.items():
            speakers = torch.tensor([m in pattern.split("+") for m in Modality])
            rows = (heard[:, :, column] == speakers).all(dim=1)
            result[rows, column] = torch.from_numpy(reading.evidence(relative[rows, column].numpy()))
    return result


def label_results(
    fused: Fused,
    statements: Mapping[Modality, Statement],
    readings: Readings,
    prior: Mapping[str, float],
) -> tuple[tuple[LabelResult, ...], tuple[str, ...]]:
    """One result a label by falling probability, and the labels whose set could not be calibrated.

    A label is read by the fusion bundle's calibration for the modalities that speak of it. Without one, the threshold
    is the mean of the branches' (in evidence, where each lies near 0), and the set is that of the one branch that
    speaks of it; where several do, no calibration covers their sum and the set is {0, 1}. A label abstains where a
    calibrated set holds both answers, or where the verdict is less sure than the bundles that speak of it ask
    (:func:`multimodal.calibrate.sureness`); the modalities' variances add up as their evidence does. The threshold and
    cut-offs of ``no_finding`` are taken to be fitted on the answers of its rule.

    Args:
        fused: Answers of the head, in log-odds.
        statements: By modality.
        readings: Per label and pattern of modalities, how fused evidence is read.
        prior: Per label the reference prevalence.
    """
    results, uncovered = [], []
    for name, log_odds in fused.whole.items():
        base = float(logit(prior[name]))
        evidence = log_odds - base
        branches = [s for s in statements.values() if name in s.evidence]
        own = [c for s in branches for c in s.calibrations[name]]
        pattern = subset_key(frozenset(m for m, s in statements.items() if name in s.evidence))
        reading = readings.get(name, {}).get(pattern) or (own[0] if len(own) == 1 else None)
        threshold = reading.threshold if reading else sum(s.thresholds[name] for s in branches) / len(branches)
        covered = reading is not None and reading.conformal is not None
        answers = reading.set(evidence) if reading is not None else (0, 1)
        if not covered:
            uncovered.append(name)
        spread = math.sqrt(sum(s.variances.get(name, 0.0) for s in branches))
        least = max((s.least_sure for s in branches if s.least_sure is not None), default=0.0)
        open_set = covered and len(answers) > 1
        unsure = sureness(evidence - threshold, spread) < least
        results.append(
            LabelResult(
                label=name,
                name=LABELS[name].title,
                probability=float(expit(log_odds)),
                present=None if open_set or unsure else evidence >= threshold,
                threshold=float(expit(base + threshold)),
                set=answers,
                spread=spread,
            )
        )
    return tuple(sorted(results, key=lambda result: -result.probability)), tuple(uncovered)


def label_shares(
    fused: Fused, statements: Mapping[Modality, Statement], prior: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Per label the base and each modality's Shapley value, which add up to the fused log-odds.

    Args:
        fused: Answers of the head for every subset of modalities, in log-odds.
        statements: By modality; one that does not speak of a label has share 0.
        prior: Per label the reference prevalence.
    """
    result = {}
    for name in fused.whole:
        base = float(logit(prior[name]))
        speakers = [m for m, statement in statements.items() if name in statement.evidence]
        worth = {subset: answers[name] for subset, answers in fused.values.items() if name in answers}
        result[name] = {"base": base, **{m.value: v for m, v in shares(worth, speakers, base).items()}}
    return result


def by_modality(
    statements: Mapping[Modality, Statement],
    prior: Mapping[str, float],
    settle: Callable[[Mapping[str, float]], Mapping[str, float]],
) -> dict[str, dict[str, float]]:
    """Each branch's own calibrated probabilities, at the reference prevalence so that they can be compared.

    Args:
        statements: By modality.
        prior: Per label the reference prevalence.
        settle: Log-odds by label to those that are told.
    """
    return {
        modality.value: {
            name: float(expit(value))
            for name, value in settle({n: float(logit(prior[n])) + z for n, z in statement.evidence.items()}).items()
        }
        for modality, statement in statements.items()
    }


def by_subset(fused: Fused) -> dict[str, dict[str, float]]:
    """Fused probabilities of every subset, keyed "image+text"."""
    return {
        subset_key(subset): {name: float(expit(value)) for name, value in answers.items()}
        for subset, answers in fused.values.items()
    }


def cautions(statements: Mapping[Modality, Statement], uncovered: Sequence[str]) -> list[Notice]:
    """What a reader must know of the answer as a whole."""
    notices = []
    if not statements:
        notices.append(Notice("nothing_scored", "Not enough to say: nothing that was given could be scored."))
    if len(statements) == 1:
        (only,) = statements
        notices.append(Notice("single_modality", f"The answer rests on the {WORDS[only]} alone."))
    notices += _disagreements(statements)
    if uncovered:
        titles = [LABELS[name].title.lower() for name in uncovered[:NAMED]]
        rest = len(uncovered) - len(titles)
        named = ", ".join(titles) + (f" and {rest} more" if rest else "")
        message = f"Too few patients to tell how sure the answers on {named} are: these stay open."
        notices.append(Notice("sets_not_calibrated", message))
    return notices


def assumed(results: Sequence[LabelResult], own: Mapping[str, float], prior: Mapping[str, float]) -> list[Notice]:
    """What a prevalence that the user has set changes: the evidence stays, the odds move with the base rate.

    Args:
        results: What is told; one that was raised to a kind of it hangs on that kind's prevalence.
        own: Log-odds by label as the models give them.
        prior: Per label the prevalence.
    """
    notices = []
    for result in results:
        usual, given = LABELS[result.label].prevalence, prior[result.label]
        if given == usual or result.label == NO_FINDING or result.probability > float(expit(own[result.label])):
            continue
        otherwise = float(expit(logit(result.probability) - logit(given) + logit(usual)))
        message = (
            f"{result.name} is at {percent(result.probability)} with the prevalence of {percent(given)} that was set; "
            f"with the usual {percent(usual)} it would be at {percent(otherwise)}."
        )
        notices.append(Notice("prevalence_set", message))
    return notices


def _disagreements(statements: Mapping[Modality, Statement]) -> list[Notice]:
    notices = []
    for name in NAMES:
        margins = {m: s.evidence[name] - s.thresholds[name] for m, s in statements.items() if name in s.evidence}
        if name == NO_FINDING or len(margins) < 2:
            continue
        most, least = max(margins, key=lambda m: margins[m]), min(margins, key=lambda m: margins[m])
        if min(margins[most], -margins[least]) > SPEAKS and margins[most] - margins[least] > DISAGREEMENT:
            title = LABELS[name].title.lower()
            message = f"The {WORDS[most]} speaks for {title}, the {WORDS[least]} against it; look at both."
            notices.append(Notice("disagreement", message))
    return notices
