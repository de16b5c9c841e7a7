"""What can be told without looking at the disease: the bar that a branch has to clear.

A baseline learns from rows of the same folders that the branch is measured on and is scored on the
same rows. A branch that does no better than the rim of a film, or than age and sex, has learned just that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from multimodal.case import Image, Text
from multimodal.datasets import LABEL_NAMES, Dataset, load_item
from multimodal.labels import Modality
from multimodal.metrics.checks import FloatArray

NUMBERS = ("age", "side_px")
WORDS = ("sex", "age_group", "view", "device", "position", "posture")
RIM_PX = 4
RIM_ROWS = 1500
"""Most films that the rim baseline learns from: enough for its few hundred inputs, and quick to read."""
_FILM_PX = 224
_SEGMENT_PX = 8


@dataclass(frozen=True)
class Baseline:
    """One baseline.

    Attributes:
        inputs: A dataset's rows as the model takes them, of length N.
        model: A fresh scikit-learn classifier.
        most_rows: Most rows of other data that it learns from, evenly chosen.
    """

    inputs: Callable[[Dataset], Any]
    model: Callable[[], Any]
    most_rows: int = 10**9


def baselines(chosen: Dataset, labels: Sequence[str], train: Dataset | None) -> dict[str, FloatArray]:
    """Scores of every baseline that the data allows.

    ``metadata`` knows age, sex, view, device, position and film size; ``rim`` the outer four pixels of a
    film at 224 px; ``bag_of_words`` the words and word pairs of a note (TF-IDF, logistic regression).

    Args:
        chosen: Rows to score.
        labels: L labels.
        train: Rows to learn from; None to learn, for each fold of ``chosen``, from its other folds.

    Returns:
        Name -> (N, L) log-odds; NaN where the learning rows are all of one class.
    """
    return {name: _scores(baseline, chosen, labels, train) for name, baseline in _allowed(chosen).items()}


def _allowed(data: Dataset) -> dict[str, Baseline]:
    found = {}
    if any(name in data.rows and data.rows[name].nunique() > 1 for name in (*NUMBERS, *WORDS)):
        found["metadata"] = Baseline(_metadata, _metadata_model)
    if data.modality is Modality.IMAGE:
        found["rim"] = Baseline(_rims, lambda: make_pipeline(StandardScaler(), _regression(0.01)), RIM_ROWS)
    if data.modality is Modality.TEXT:
        found["bag_of_words"] = Baseline(
            _notes,
            lambda: make_pipeline(
                TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", sublinear_tf=True),  # noqa: S106
                _regression(10.0),
            ),
        )
    return found


def _scores(baseline: Baseline, chosen: Dataset, labels: Sequence[str], train: Dataset | None) -> FloatArray:
    inputs = baseline.inputs(chosen)
    scores = np.full((len(chosen), len(labels)), np.nan)
    if train is not None:
        if len(train) > baseline.most_rows:
            train = train.where(np.linspace(0, len(train) - 1, baseline.most_rows).astype(int))
        learned = baseline.inputs(train)
        for column, label in enumerate(labels):
            scores[:, column] = _fit(baseline, learned, train.label(label), inputs)
        return scores
    folds = chosen.rows["fold"].to_numpy()
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        for column, label in enumerate(labels):
            answers = chosen.labels[outside, LABEL_NAMES.index(label)]
            scores[inside, column] = _fit(baseline, _take(inputs, outside), answers, _take(inputs, inside))
    return scores


def _fit(baseline: Baseline, learned: Any, answers: npt.NDArray[Any], inputs: Any) -> FloatArray | float:
    """Log-odds of the inputs, by a model of the rows whose answer is known."""
    known = np.flatnonzero(~np.isnan(answers))
    if len(np.unique(answers[known])) < 2:
        return np.nan
    model = baseline.model().fit(_take(learned, known), answers[known].astype(int))
    decision: FloatArray = model.decision_function(inputs)
    return decision


def _take(inputs: Any, rows: npt.NDArray[np.intp]) -> Any:
    return inputs.iloc[rows] if hasattr(inputs, "iloc") else inputs[rows]


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)


def _metadata(data: Dataset) -> Any:
    """The columns, missing ones and missing cells as unknown."""
    table = data.rows.reindex(columns=[*NUMBERS, *WORDS])
    words = {name: table[name].astype(object).where(table[name].notna(), "") for name in WORDS}
    return table.assign(**words).astype({**dict.fromkeys(NUMBERS, float), **dict.fromkeys(WORDS, str)})


def _metadata_model() -> Any:
    numbers = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=0.0, add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    words = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((numbers, list(NUMBERS)), (words, list(WORDS)))
    return make_pipeline(columns, _regression(1.0))


def _rims(data: Dataset) -> FloatArray:
    """(N, F) the outer pixels of every film, averaged along the side over stretches of eight."""
    return np.stack([_rim(item) for i in range(len(data)) if isinstance(item := load_item(data, i), Image)])


def _rim(film: Image) -> FloatArray:
    picture = PIL.Image.fromarray(film.pixels).resize((_FILM_PX, _FILM_PX), PIL.Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, dtype=np.float64)
    sides = [np.rot90(pixels, turns)[:RIM_PX] for turns in range(4)]
    return np.concatenate([side.reshape(RIM_PX, -1, _SEGMENT_PX).mean(-1).ravel() for side in sides])


def _notes(data: Dataset) -> npt.NDArray[np.object_]:
    texts = [item.text for i in range(len(data)) if isinstance(item := load_item(data, i), Text)]
    return np.array(texts, dtype=object)
