"""How a logit of one label is read: as evidence, a probability, a verdict and a prediction set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from multimodal.calibrate.checks import check_sample
from multimodal.calibrate.conformal import ALPHA, Conformal, fit_conformal
from multimodal.calibrate.scaling import fit_platt
from multimodal.calibrate.threshold import choose_threshold
from multimodal.errors import BundleInvalidError
from multimodal.metrics.checks import FloatArray


@dataclass(frozen=True)
class LabelCalibration:
    """How a logit of one label is read.

    Attributes:
        scale: Of the logit; not negative, 0 where the logit tells nothing.
        bias: Added; ``scale * logit + bias`` is the log-odds at prevalence ``prevalence``.
        prevalence: q_m, the share of positives in the weighted calibration sample.
        threshold: Present at or above this evidence.
        conformal: Cut-offs of the prediction set; None where patients were too few, and the
            set is {0, 1}.
    """

    scale: float
    bias: float
    prevalence: float
    threshold: float
    conformal: Conformal | None

    def evidence(self, logits: npt.ArrayLike) -> FloatArray:
        """Calibrated log-odds less ``logit(prevalence)``, of any shape."""
        return self.scale * np.asarray(logits, dtype=np.float64) + (self.bias - float(logit(self.prevalence)))

    def probability(self, logits: npt.ArrayLike, prevalence: float | None = None) -> FloatArray:
        """Calibrated probability, at the reference prevalence if one is given, else at q_m."""
        prior = float(logit(self.prevalence if prevalence is None else prevalence))
        return np.asarray(expit(self.evidence(logits) + prior))

    def set(self, evidence: float) -> tuple[int, ...]:
        """The prediction set: (0,), (1,) or (0, 1)."""
        if self.conformal is None:
            return (0, 1)
        absent, present = evidence <= self.conformal.most_absent, evidence >= self.conformal.least_present
        return (*((0,) if absent else ()), *((1,) if present else ()))

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers, for a bundle's config."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> LabelCalibration:
        """The inverse of :meth:`to_dict`.

        Raises:
            BundleInvalidError: If a key is missing or unknown, or a value is out of range.
        """
        numbers = _numbers(cls, raw, apart="conformal")
        cut_offs = raw["conformal"]
        conformal = None if cut_offs is None else Conformal(**_numbers(Conformal, cut_offs))
        if numbers["scale"] < 0 or not 0 < numbers["prevalence"] < 1:
            raise BundleInvalidError("A calibration needs a scale of 0 or more and a prevalence between 0 and 1.")
        return cls(**numbers, conformal=conformal)


def _numbers(cls: type, raw: Mapping[str, Any], *, apart: str | None = None) -> dict[str, Any]:
    """The mapping with exactly the fields of the dataclass, each a finite number but ``apart``."""
    expected = {entry.name for entry in fields(cls)}
    if not isinstance(raw, Mapping) or set(raw) != expected:
        raise BundleInvalidError(f"Expected a calibration with {', '.join(sorted(expected))}, but got {raw!r:.200}.")
    numbers = {key: value for key, value in raw.items() if key != apart}
    if any(isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v) for v in numbers.values()):
        raise BundleInvalidError(f"Expected a calibration of finite numbers, but got {raw!r:.200}.")
    return numbers


def fit_label(
    logits: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, alpha: float = ALPHA
) -> LabelCalibration:
    """Calibrate one label: Platt scaling, threshold and conformal cut-offs.

    Args:
        logits: (N,) of validation patients; for a fused answer its log-odds relative to the reference.
        targets: (N,), 0 or 1, both present.
        weights: (N,) of the rows in the scaling and the threshold, such as one over the size of the
            row's source. The cut-offs take every row alike.
        alpha: Target share of misses of the prediction set.

    Raises:
        UsageError: If an argument is not as described.

    >>> calibration = fit_label([-2.0, -1.0, -1.5, 0.5, 1.0, 3.0], [0, 0, 0, 0, 1, 1])
    >>> print(calibration.probability([-2.0, 3.0]).round(2), calibration.set(0.0))
    [0.12 0.78] (0, 1)
    """
    x, y, w = check_sample(logits, targets, weights)
    scale, bias = fit_platt(x, y, w)
    prevalence = float((w * y).sum() / w.sum())
    evidence = scale * x + bias - float(logit(prevalence))
    threshold = choose_threshold(evidence, y, w)
    return LabelCalibration(scale, bias, prevalence, threshold, fit_conformal(evidence, y, threshold, alpha=alpha))
