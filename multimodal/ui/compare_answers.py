"""The answers of a cohort, of drawn phantoms or from a file of ``multimodal evaluate``. Pure functions."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from multimodal.errors import CorruptFileError
from multimodal.labels import LABELS, Modality
from multimodal.metrics.checks import FloatArray
from multimodal.ui.theme import WORDS

FUSED, LATE, BEST, MARGIN = "fused", "late", "best", "margin"
TITLES = {
    FUSED: "Fused",
    **{m.value: f"{WORDS[m]} alone" for m in Modality},
    LATE: "Late pooling",
    BEST: "Best possible",
}
"""What can answer, by its column. "Best possible" is the generator's own best answer to a phantom."""

COHORTS = {
    "phantoms": "Phantoms: drawn by this software, not patients",
    "composed": "Composed cases: items of different patients who share a label",
    "paired": "Paired cases: all items of a case are of one patient",
}
_MOST = 0.5
_KEYS = ("case_id", "label", "truth", FUSED, MARGIN, "absent", "present", "patient0", "cohort", "source")


@dataclass(frozen=True, eq=False)
class Answers:
    """What was answered to a cohort.

    Attributes:
        cohort: "phantoms", "composed" or "paired".
        source: Where the cases come from.
        how: How they were chosen, or which networks answered, in plain words.
        table: As :attr:`multimodal.evaluate.FusionEvaluation.answers`: evidence, which is log-odds less those
            of the reference prevalence, one row a case and label.
        key: Tells these answers from all others.
    """

    cohort: str
    source: str
    how: str
    table: pd.DataFrame
    key: str

    def labels(self) -> list[str]:
        """Labels that some cases have and others do not, by falling number of cases that have them."""
        known = self.table.groupby("label")["truth"].agg(["sum", "nunique"])
        return list(known[known["nunique"] == 2].sort_values("sum", ascending=False, kind="stable").index)

    def of(self, label: str) -> LabelAnswers:
        """The answers for one label, to the cases that hold every modality that answered to most cases.

        An item that was refused leaves its case without a part; single modalities and fusion are compared on the
        same cases, so that case is left out.
        """
        rows = self.table[self.table["label"] == label]
        spoke = [m.value for m in Modality if m.value in rows and rows[m.value].notna().mean() > _MOST]
        whole = rows[rows[spoke].notna().all(axis=1)]
        if whole["truth"].nunique() < 2:
            whole = rows
        return LabelAnswers(label, whole.reset_index(drop=True), left_out=len(rows) - len(whole))


@dataclass(frozen=True, eq=False)
class LabelAnswers:
    """The answers for one label.

    Attributes:
        label: Which.
        rows: One a case.
        left_out: Cases of the cohort that are not among them, for want of a part.
    """

    label: str
    rows: pd.DataFrame
    left_out: int = 0

    @property
    def truth(self) -> FloatArray:
        """(N,) 1 where the case has it."""
        return self.rows["truth"].to_numpy(np.float64)

    @property
    def patients(self) -> FloatArray:
        """(N, K) keys of the patients that a case is made of."""
        return self.rows[[c for c in self.rows if str(c).startswith("patient")]].to_numpy(np.str_)

    def sources(self) -> list[str]:
        """What answered in every case, the fused answer first."""
        return [s for s in TITLES if s in self.rows and len(self.rows) and self.rows[s].notna().all()]

    def subsets(self) -> list[str]:
        """Subsets of the modalities that speak of it in every case, singles first: "image", "image+text"."""
        speak = [m.value for m in Modality if m.value in self.sources()]
        names = [str(c)[1:] for c in self.rows if str(c).startswith("=") and self.rows[c].notna().all()]
        return sorted((n for n in names if set(n.split("+")) <= set(speak)), key=lambda n: (n.count("+"), n))

    def evidence(self, source: str) -> FloatArray:
        """(N,) evidence of a source."""
        return self.rows[source].to_numpy(np.float64)

    def subset(self, name: str) -> FloatArray:
        """(N,) evidence of fusion when it is given these modalities only."""
        return self.rows[f"={name}"].to_numpy(np.float64)

    def probability(self, source: str) -> FloatArray:
        """(N,) probability at the reference prevalence, as the Diagnose page shows it."""
        return np.asarray(expit(self.evidence(source) + float(logit(LABELS[self.label].prevalence))))

    def at_cohort(self, source: str) -> FloatArray:
        """(N,) probability at the share of this cohort that has it, which is what a reliability diagram needs."""
        return np.asarray(expit(self.evidence(source) + float(logit(self.truth.mean()))))

    def called(self, source: str) -> FloatArray:
        """(N,) whether a source is at or above the threshold of the fused answer, in every case."""
        threshold = self.evidence(FUSED) - self.rows[MARGIN].to_numpy(np.float64)
        return np.where(source == FUSED, self.rows[MARGIN] >= 0, self.evidence(source) >= threshold).astype(np.float64)

    def independent(self) -> bool:
        """Whether every case is one patient's, and no patient has two."""
        keys = self.patients
        return keys.shape[1] == 1 and len(np.unique(keys)) == len(keys)


def read_answers(data: bytes, name: str) -> Answers:
    """Read a file of ``multimodal evaluate fusion/NAME --predictions OUT.csv``.

    Raises:
        CorruptFileError: If it is not such a file.
    """
    try:
        table = pd.read_csv(io.BytesIO(data), dtype={"case_id": str, "cohort": str, "source": str})
    except (ValueError, UnicodeDecodeError) as error:
        raise CorruptFileError(f"This is no table of predictions. {_ASK}", file=name) from error
    for problem in _problems(table):
        raise CorruptFileError(f"{problem} {_ASK}", file=name)
    patients = [c for c in map(str, table) if c.startswith("patient")]
    table[patients] = table[patients].fillna("").astype(str)
    key = hashlib.sha256(data).hexdigest()
    cohort, source = table["cohort"].iloc[0], table["source"].iloc[0]
    return Answers(str(cohort), str(source), f"read from {name}", table.drop(columns=["cohort", "source"]), key)


_ASK = "Give a file that `multimodal evaluate fusion/NAME --predictions OUT.csv` wrote."


def _problems(table: pd.DataFrame) -> Iterator[str]:
    """What is wrong with a table, the first thing first."""
    missing = [key for key in _KEYS if key not in table]
    if missing:
        yield f"It lacks the columns {', '.join(missing)}."
        return
    if table.empty:
        yield "It holds no answers."
        return
    unknown = sorted({str(label) for label in table["label"]} - set(LABELS))
    if unknown:
        yield f"It holds labels that are not known here: {', '.join(unknown[:3])}."
    if not set(table["cohort"]) <= set(COHORTS) or table[["cohort", "source"]].drop_duplicates().shape[0] != 1:
        yield "It mixes cohorts, or names none."
    if not table["truth"].isin((0, 1)).all():
        yield "The truth is not 0 or 1 everywhere."
    if any(table[flag].dtype != bool for flag in ("absent", "present")):
        yield "The prediction sets are not True or False everywhere."
    numbers = [c for c in map(str, table) if c in (*TITLES, MARGIN) or c.startswith("=")]
    if not all(pd.api.types.is_numeric_dtype(table[c]) for c in numbers):
        yield "Some evidence is not a number."
    elif np.isinf(table[numbers].to_numpy(np.float64)).any() or table[[FUSED, MARGIN]].isna().any(axis=None):
        yield "Some evidence is missing or infinite."
