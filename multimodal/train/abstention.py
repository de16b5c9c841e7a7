"""Fit how unsure a branch is, choose how sure its verdicts must be, and measure what that reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from torch import nn

from multimodal.branches import Branch
from multimodal.branches.heads import Heads, write_heads
from multimodal.bundle import BundleConfig, write_config
from multimodal.calibrate import RISK, LabelCalibration, fit_least_sure, sureness
from multimodal.datasets import Dataset, join, load_item
from multimodal.engine.inference import ItemOutput, run
from multimodal.errors import UsageError
from multimodal.metrics import auroc, bootstrap
from multimodal.zoo import Bundle, LoadedBranch, load_branch

HEADS = 8
"""Of an ensemble."""
PASSES = 32
"""With parts of the embedding dropped at random, to hold the ensemble against."""
MOST = 160
"""Items of a source and split that are looked at."""
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of the verdicts, given on the risk-coverage curve."""

ENSEMBLE, DROPOUT = "ensemble of heads", "Monte-Carlo dropout"
"""Two ways of asking again, in the words of the card."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on items of which the truth is known, one a label and item.

    Attributes:
        margins: (N,) evidence less its threshold.
        spreads: (N,) over the ensemble of heads.
        wrong: (N,) bool.
        weights: (N,) one over the label's rows: every label counts alike.
        patients: (N,) keys.
        doubts: Per way of asking again, (N,) how far the probability of the verdict moves.
    """

    margins: FloatArray
    spreads: FloatArray
    wrong: npt.NDArray[np.bool_]
    weights: FloatArray
    patients: npt.NDArray[np.str_]
    doubts: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def sure(self) -> FloatArray:
        """(N,) how sure each is."""
        return sureness(self.margins, self.spreads)


def fit_abstention(bundle: Bundle, datasets: Sequence[Dataset]) -> BundleConfig:
    """Fit an ensemble of heads on training patients, choose the least sureness on validation patients, write both.

    Args:
        bundle: A branch.
        datasets: Folders that it was trained on, with all their splits; test patients are only measured.

    Returns:
        The config as written.

    Raises:
        UsageError: If the bundle is no branch, or no validation row has a known label.
    """
    loaded = load_branch(bundle)
    data = join(datasets)
    heads = fit_heads(loaded, data.in_split("train"))
    validation = verdicts(loaded, heads, data.in_split("val"))
    if not len(validation.wrong):
        raise UsageError("Expected rows of the split val with known labels to choose how sure a verdict must be.")
    limit = fit_least_sure(validation.sure, validation.wrong, validation.weights)
    entry: dict[str, Any] = {"limit": limit, "risk": RISK, "val": _reached(validation, limit)}
    test = verdicts(loaded, heads, data.in_split("test"))
    if len(test.wrong):
        entry["test"] = _reached(test, limit)
    entry["sha256"] = write_heads(bundle.folder, heads)
    config = replace(bundle.config, abstention=entry)
    write_config(bundle.folder, config)
    return config


def fit_heads(branch: LoadedBranch, train: Dataset) -> Heads:
    """Logistic regressions on the embeddings of training items, each on another Bayesian bootstrap of the patients.

    Rubin, "The Bayesian bootstrap", Annals of Statistics 1981: every patient gets an exponential weight.
    """
    parts = [_chosen(part) for _, part in train.sources()]
    data = join(parts)
    x = np.stack([output.embedding for output in _outputs(branch, data)]).astype(np.float64)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    standard = (x - mean) / scale
    patients, whose = np.unique(data.rows["patient"].to_numpy(np.str_), return_inverse=True)
    rng = np.random.default_rng(0)
    weight, bias = (
        np.zeros((HEADS, len(branch.config.labels), x.shape[1])),
        np.zeros((HEADS, len(branch.config.labels))),
    )
    for head in range(HEADS):
        drawn = rng.exponential(size=len(patients))[whose]
        for column, label in enumerate(branch.config.labels):
            truth = data.label(label)
            known = ~np.isnan(truth)
            if len(np.unique(truth[known])) == 2:
                fitted = LogisticRegression(C=0.1, max_iter=300)
                fitted.fit(standard[known], truth[known], sample_weight=drawn[known])
                weight[head, column] = fitted.coef_[0] / scale
                bias[head, column] = fitted.intercept_[0] - weight[head, column] @ mean
    return Heads(weight.astype(np.float32), bias.astype(np.float32))


def _chosen(part: Dataset) -> Dataset:
    return part.where(np.sort(np.random.default_rng(len(part)).permutation(len(part))[:MOST]))


def _outputs(branch: LoadedBranch, data: Dataset) -> list[ItemOutput]:
    return [run(branch, [load_item(data, i)])[0] for i in range(len(data))]


def verdicts(branch: LoadedBranch, heads: Heads, data: Dataset) -> Verdicts:
    """What a branch says of rows, at the thresholds that its bundle carries.

    Raises:
        MultimodalError: If an item cannot be read or prepared.
    """
    parts = []
    for _, part in data.sources():
        chosen = _chosen(part)
        outputs = _outputs(branch, chosen)
        asked_again = {
            ENSEMBLE: np.stack([heads.logits(output.embedding) for output in outputs]),
            DROPOUT: np.stack([_dropped(branch.network, output.embedding) for output in outputs]),
        }
        for column, label in enumerate(branch.config.labels):
            known = ~np.isnan(chosen.label(label))
            if label not in branch.config.calibration or not known.any():
                continue
            reading = LabelCalibration.from_dict(branch.config.calibration[label])
            margins = reading.evidence([output.logits[column] for output in outputs]) - reading.threshold
            moved = {how: reading.scale * logits[:, :, column] for how, logits in asked_again.items()}
            parts.append(
                Verdicts(
                    margins[known],
                    moved[ENSEMBLE].std(1)[known],
                    ((margins >= 0) != (chosen.label(label) == 1))[known],
                    np.full(known.sum(), 1 / known.sum()),
                    chosen.rows["patient"].to_numpy(np.str_)[known],
                    {how: _unsteadiness(margins, evidence)[known] for how, evidence in moved.items()},
                )
            )
    fields = ("margins", "spreads", "wrong", "weights", "patients")
    joined = {name: np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0)]) for name in fields}
    ways = parts[0].doubts if parts else {}
    return Verdicts(**joined, doubts={how: np.concatenate([part.doubts[how] for part in parts]) for how in ways})


def _dropped(network: Branch, embedding: npt.ArrayLike) -> FloatArray:
    """Logits with the head's dropout on, as in training: (D,) to (PASSES, L).

    Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
    """
    dropout, linear = cast("tuple[nn.Dropout, nn.Linear]", tuple(network.head))
    weight, bias = (part.detach().double().cpu().numpy() for part in (linear.weight, linear.bias))
    kept = np.random.default_rng(0).random((PASSES, linear.in_features)) >= dropout.p
    logits: FloatArray = (np.asarray(embedding) * kept / (1 - dropout.p)) @ weight.T + bias
    return logits


def _unsteadiness(margins: FloatArray, evidence: FloatArray) -> FloatArray:
    """Standard deviation of the probability of each verdict, its threshold at one half: (N,) and (N, K) to (N,).

    In log-odds the same spread grows with the distance from the threshold, as a larger embedding moves all heads
    further, and is widest where errors are fewest.
    """
    spread: FloatArray = expit(margins[:, None] + evidence - evidence.mean(1, keepdims=True)).std(1)
    return spread


def risk_curve(found: Verdicts) -> list[list[float]]:
    """Coverage and risk as fewer verdicts are given, the surest first: the curve of selective prediction.

    Geifman and El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017; labels count alike.

    Returns:
        [share given, share of those that is wrong], one for each of :data:`SHARES`.
    """
    order = np.argsort(-found.sure, kind="stable")
    kept, errors = np.cumsum(found.weights[order]), np.cumsum((found.weights * found.wrong)[order])
    last = np.searchsorted(kept, np.array(SHARES) * kept[-1] * (1 - 1e-9))
    return [[share, float(errors[i] / kept[i])] for share, i in zip(SHARES, last, strict=True)]


def _reached(found: Verdicts, limit: float) -> dict[str, Any]:
    """Coverage and risk at the limit, without one and in between, and which sign of doubt finds errors how well."""
    given = found.sure >= limit

    def interval(signs: FloatArray) -> dict[str, Any]:
        measured = bootstrap(
            lambda weights: auroc(signs, found.wrong.astype(float), weights), found.patients, resamples=500
        )
        ci = [float(measured.low), float(measured.high)]
        return {"value": float(measured.value), "ci": ci if np.isfinite(ci).all() else None}

    answer: dict[str, Any] = {
        "verdicts": len(given),
        "patients": len(np.unique(found.patients)),
        "risk_without": float(np.average(found.wrong, weights=found.weights)),
        "coverage": float(np.average(given, weights=found.weights)),
        "risk": float(np.average(found.wrong[given], weights=found.weights[given])) if given.any() else None,
        "curve": risk_curve(found),
    }
    if 0 < found.wrong.mean() < 1:
        answer["finds_errors"] = {
            "nearness to the threshold": interval(-np.abs(found.margins)),
            **{how: interval(doubt) for how, doubt in found.doubts.items()},
            "nearness and ensemble": interval(-found.sure),
        }
    return answer
