"""From a network's logit to a probability, a decision and a prediction set, label by label.

Everything is kept in *evidence*: the calibrated log-odds less the log-odds of the prevalence
q_m of the sample that the calibration was fitted on. Evidence is what the case itself says
(the log of a likelihood ratio), so it does not move when the reference prevalence does:
the probability at prevalence q is ``sigmoid(logit q + evidence)``, and a threshold or a
conformal cut-off held in evidence keeps its sensitivity and its coverage at any q.

One validation sample may fit all three parts of a :class:`LabelCalibration`: Platt scaling
is monotone, and the class-conditional cut-offs depend on the order of the logits alone, so
fitting both on the same patients costs the sets none of their coverage. The sample must
still be apart from the one that chose the weights or the epoch, with one row a patient
where rows of a patient are alike.
"""

from multimodal.calibrate.abstention import RISK, fit_least_sure, sureness
from multimodal.calibrate.conformal import ALPHA, MIN_PATIENTS, Conformal, fit_conformal
from multimodal.calibrate.label import LabelCalibration, fit_label
from multimodal.calibrate.scaling import fit_platt, fit_temperature
from multimodal.calibrate.threshold import choose_threshold

__all__ = [
    "ALPHA",
    "MIN_PATIENTS",
    "RISK",
    "Conformal",
    "LabelCalibration",
    "choose_threshold",
    "fit_conformal",
    "fit_label",
    "fit_least_sure",
    "fit_platt",
    "fit_temperature",
    "sureness",
]
