"""What one modality says of a case: its items' outputs, averaged and calibrated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from multimodal.calibrate import LabelCalibration
from multimodal.case import FloatArray
from multimodal.engine.inference import ItemOutput, bounded
from multimodal.labels import Modality, Site, labels_of
from multimodal.zoo import LoadedBranch


@dataclass(frozen=True, eq=False)
class Statement:
    """What one modality says of a case.

    Attributes:
        evidence: Per label that it speaks of, calibrated log-odds less ``logit q_m``.
        embedding: (D,) mean embedding; None for an ensemble, which has no single one.
        calibrations: Per label, how each bundle that speaks of it reads it.
        variances: Per label that it speaks of, of the evidence, over the bundles' ensembles of heads.
        least_sure: How sure a verdict must be, see :func:`multimodal.calibrate.sureness`; None where no bundle says.
    """

    evidence: Mapping[str, float]
    embedding: FloatArray | None
    calibrations: Mapping[str, tuple[LabelCalibration, ...]]
    variances: Mapping[str, float] = field(default_factory=dict)
    least_sure: float | None = None

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Per label the threshold, in evidence; the mean over an ensemble."""
        return {label: fmean(c.threshold for c in each) for label, each in self.calibrations.items()}


def vocabulary(modality: Modality, members: Sequence[LoadedBranch], site: Site | None) -> frozenset[str]:
    """The labels that an item from this site lets the bundles speak of.

    Args:
        modality: Of the item.
        members: Its branches; a label that one of them is calibrated for counts.
        site: Of a sound; None for any.
    """
    trained = {label for member in members for label in member.config.calibration}
    return frozenset(trained) & frozenset(labels_of(modality, site))


def state(
    modality: Modality,
    members: Sequence[LoadedBranch],
    outputs: Sequence[Sequence[ItemOutput]],
    sites: Sequence[Site | None],
) -> Statement:
    """Average items into a statement.

    Logits and embeddings are averaged within a site, then over sites; only items that can speak of a label, by
    their site, count for it. Bundles of an ensemble are averaged in calibrated log-odds.

    Args:
        modality: Of all items.
        members: The bundles: one, or an ensemble.
        outputs: For each member, for each item.
        sites: For each item; None where it has none, and then it speaks of all that its bundle does.
    """
    said: dict[str, list[float]] = {}
    readings: dict[str, list[LabelCalibration]] = {}
    variances: dict[str, list[float]] = {}
    speaks_of = {site: labels_of(modality, site) for site in sites}
    for member, answers in zip(members, outputs, strict=True):
        said_by: dict[tuple[int, ...], tuple[npt.NDArray[Any], npt.NDArray[Any]]] = {}
        for column, label in enumerate(member.config.labels):
            heard = tuple(i for i, site in enumerate(sites) if label in speaks_of[site])
            if heard and label in member.calibrations:
                if heard not in said_by:
                    said_by[heard] = _logits_and_doubt(member, [answers[i] for i in heard], [sites[i] for i in heard])
                logits, doubt = said_by[heard]
                reading = member.calibrations[label]
                said.setdefault(label, []).append(float(bounded(reading.evidence(logits[column]))))
                readings.setdefault(label, []).append(reading)
                variances.setdefault(label, []).append(float(reading.scale * doubt[column]) ** 2)
    limits = [float(member.config.abstention["limit"]) for member in members if member.config.abstention]
    return Statement(
        evidence={label: fmean(values) for label, values in said.items()},
        embedding=_over_sites([output.embedding for output in outputs[0]], sites) if len(members) == 1 else None,
        calibrations={label: tuple(each) for label, each in readings.items()},
        variances={label: fmean(each) / len(each) + _variance(said[label]) for label, each in variances.items()},
        least_sure=max(limits, default=None),
    )


def _logits_and_doubt(
    member: LoadedBranch, answers: Sequence[ItemOutput], sites: Sequence[Site | None]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """(L,) mean logits, and the (L,) spread of each over the member's heads at the mean embedding."""
    logits = _over_sites([answer.logits for answer in answers], sites)
    if member.heads is None:
        return logits, np.zeros_like(logits)
    return logits, member.heads.spread(_over_sites([answer.embedding for answer in answers], sites))


def _variance(values: Sequence[float]) -> float:
    mean = fmean(values)
    return fmean((value - mean) ** 2 for value in values)


def _over_sites(values: Sequence[npt.NDArray[Any]], sites: Sequence[Site | None]) -> npt.NDArray[Any]:
    """Mean within each site, then over sites."""
    groups = [[value for value, at in zip(values, sites, strict=True) if at is site] for site in dict.fromkeys(sites)]
    mean: npt.NDArray[Any] = np.mean([np.mean(group, axis=0) for group in groups], axis=0)
    return mean
