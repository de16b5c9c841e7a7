"""What trained branches say of rows, computed once, and cases made of those rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multimodal.datasets import LABEL_NAMES, ComposedCase, Dataset
from multimodal.engine.inference import evidence
from multimodal.fusion import FusionInput
from multimodal.labels import Modality, Site, labels_of
from multimodal.train.data import prepared
from multimodal.train.decode import decode
from multimodal.train.predict import predict
from multimodal.zoo import Bundle, load_branch

Members = Mapping[Modality, Sequence[int]]
"""Row numbers of each modality that a case is made of."""


@dataclass(frozen=True)
class Answers:
    """What one branch says of N rows.

    Attributes:
        embeddings: (N, D).
        evidence: (N, L) over the vocabulary; 0 where the branch does not speak.
        speaks: (N, L) bool.
    """

    embeddings: Tensor
    evidence: Tensor
    speaks: Tensor


def answer_rows(bundle: Bundle, dataset: Dataset, cache: Path | None) -> Answers:
    """Score every row of a dataset.

    Raises:
        UsageError: If the bundle is a fusion head.
    """
    loaded = load_branch(bundle)
    decoded = decode(dataset, loaded.preparation, margin=False, cache=cache)
    prediction = predict(loaded.network, [prepared(item, loaded.preparation, loaded.tokenizer) for item in decoded])
    own = evidence(loaded.config, prediction.logits.double().numpy())
    whole = np.full((len(dataset), len(LABEL_NAMES)), np.nan)
    whole[:, [LABEL_NAMES.index(name) for name in loaded.config.labels]] = own
    for row, site in enumerate(dataset.rows["site"]):
        allowed = labels_of(dataset.modality, Site(site) if site in set(Site) else None)
        whole[row, [name not in allowed for name in LABEL_NAMES]] = np.nan
    values = torch.from_numpy(whole).float()
    return Answers(prediction.embeddings, values.nan_to_num(0.0), ~values.isnan())


@dataclass(frozen=True)
class FusionCases:
    """B cases for a fusion head.

    Attributes:
        given: What the branches say, over the vocabulary.
        truth: (B, L): 1, 0 or NaN.
        prior: (B, L) log-odds of each label among the cases of the same origin, composed or phantoms.
    """

    given: FusionInput
    truth: Tensor
    prior: Tensor


def make_cases(answers: Mapping[Modality, Answers], members: Sequence[Members], truth: Tensor) -> FusionCases:
    """Average the rows of each case; a label's evidence over the rows that speak of it.

    Args:
        answers: Of each modality's rows.
        members: The rows of each case; a modality may be missing.
        truth: (B, L).
    """
    shape = (len(members), len(Modality), len(LABEL_NAMES))
    evidence_, speaks = torch.zeros(shape), torch.zeros(shape, dtype=torch.bool)
    embeddings = {m: torch.zeros(len(members), entry.embeddings.shape[1]) for m, entry in answers.items()}
    present = torch.zeros(shape[:2], dtype=torch.bool)
    for case, rows_of in enumerate(members):
        for slot, modality in enumerate(Modality):
            rows = list(rows_of.get(modality, ()))
            if not rows:
                continue
            said = answers[modality]
            count = said.speaks[rows].sum(0)
            present[case, slot] = True
            embeddings[modality][case] = said.embeddings[rows].mean(0)
            evidence_[case, slot] = said.evidence[rows].sum(0) / count.clamp_min(1)
            speaks[case, slot] = count > 0
    known = ~truth.isnan()
    positives = torch.where(known, truth, 0.0).sum(0)
    prior = torch.log((positives + 0.5) / (known.sum(0) - positives + 0.5)).expand_as(truth)
    return FusionCases(FusionInput(embeddings, evidence_, speaks, present), truth, prior)


def case_members(cases: Sequence[ComposedCase]) -> tuple[list[Members], Tensor]:
    """The rows of each composed case, of the modalities that cover its target, and the target's truth alone."""
    members: list[Members] = [{m: [case.rows[m]] for m in case.covering} for case in cases]
    truth = torch.full((len(cases), len(LABEL_NAMES)), torch.nan)
    for i, case in enumerate(cases):
        column = LABEL_NAMES.index(case.target)
        truth[i, column] = float(case.labels[column])
    return members, truth


def paired_members(datasets: Mapping[Modality, Dataset]) -> tuple[list[Members], Tensor]:
    """The rows of each patient, and its truth: a label holds if it does in any of them."""
    patients = sorted({key for data in datasets.values() for key in data.rows["patient"]})
    groups = {m: data.rows.groupby("patient").indices for m, data in datasets.items()}
    members: list[Members] = [
        {m: [int(row) for row in of_patient.get(key, ())] for m, of_patient in groups.items()} for key in patients
    ]
    truth = np.full((len(patients), len(LABEL_NAMES)), np.nan, np.float32)
    for case, rows_of in enumerate(members):
        for modality, rows in rows_of.items():
            if rows:
                truth[case] = np.fmax(truth[case], np.fmax.reduce(datasets[modality].labels[list(rows)]))
    return members, torch.from_numpy(truth)
