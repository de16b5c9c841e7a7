"""When a bundle does not answer: items that are foreign to it, verdicts that would not be sure enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from multimodal.bundle import BundleConfig
from multimodal.datasets import PHANTOM
from multimodal.evaluate.card.markdown import figure, folded, table


def refusal(config: BundleConfig) -> str:
    """The detector of foreign items, and the abstention; empty where a bundle has neither."""
    return "\n\n".join([*_detector(config.detector), *_abstention(config.abstention)])


def _detector(detector: Mapping[str, Any]) -> Iterator[str]:
    if not detector:
        return
    kinds = detector["foreign"]
    mean = sum(entry["refused"] for entry in kinds.values()) / len(kinds)
    worst = min(kinds, key=lambda kind: kinds[kind]["refused"])
    yield (
        f"Foreign items are told by their {detector['method']}, which is at most {detector['limit']:.2f} for an item "
        f"that is scored. Of foreign inputs {mean:.1%} are refused in the mean over {len(kinds)} kinds, each at a "
        f"limit that was set without it; the worst is {worst} ({kinds[worst]['refused']:.0%}). The kinds are drawn by "
        "this project: photographs and scans from a user's desk may be harder."
    )
    rows = [
        [kind.replace("_", " "), str(entry["n"]), figure(entry["refused"], entry["ci"])]
        for kind, entry in kinds.items()
    ]
    yield folded("Foreign inputs by kind", table(["kind", "n", "share refused"], rows))
    yield "Good items refused (phantoms are in domain; sources marked as not fitted on lent nothing to the detector):"
    good = sorted(detector["good"], key=lambda entry: entry["source"].startswith(PHANTOM))
    cells = [
        [
            entry["source"],
            entry["split"],
            str(entry["n"]),
            str(entry["patients"]),
            figure(entry["refused"], entry["ci"]),
        ]
        for entry in good
    ]
    yield table(["source", "split", "n", "patients", "share refused"], cells)


def _abstention(abstention: Mapping[str, Any]) -> Iterator[str]:
    if not abstention:
        return
    yield (
        "No verdict is given on a label whose prediction set holds both answers, or that is less sure than "
        f"{abstention['limit']:.2f}: its distance from the threshold in log-odds, less where the ensemble of heads "
        f"disagrees. The limit leaves at most {abstention['risk']:.0%} of validation verdicts wrong, labels counting "
        "alike, or else the surer half of them."
    )
    rows = [
        [
            split,
            str(found["verdicts"]),
            str(found["patients"]),
            *(figure(found[name]) for name in ("risk_without", "coverage", "risk")),
        ]
        for split, found in _splits(abstention)
    ]
    yield table(["split", "verdicts", "patients", "wrong of all", "share given", "wrong of those given"], rows)
    curves = {split: found["curve"] for split, found in _splits(abstention) if "curve" in found}
    if curves:
        yield "Risk by coverage: how many verdicts are wrong where only so many, the surest, are given:"
        shares = [f"{share:.0%} given" for share, _ in next(iter(curves.values()))]
        drawn = [[split, *(f"{risk:.1%}" for _, risk in curve)] for split, curve in curves.items()]
        yield table(["split", *shares], drawn)
    signs = [
        [split, sign, figure(entry["value"], entry["ci"])]
        for split, found in _splits(abstention)
        for sign, entry in found.get("finds_errors", {}).items()
    ]
    if any("dropout" in sign for _, sign, _ in signs):  # bundles guarded before hold other signs
        yield (
            "Which sign of doubt finds wrong verdicts how well: nearness to the threshold; how far the probability of "
            "a verdict moves over the ensemble of heads, or with parts of the embedding dropped at random (Monte-Carlo "
            "dropout of the head); and the sureness above, which joins nearness and ensemble."
        )
    if signs:
        yield table(["split", "sign of doubt", "AUROC of finding wrong verdicts"], signs)


def _splits(abstention: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((split, abstention[split]) for split in ("val", "test") if split in abstention)
