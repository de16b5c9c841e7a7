"""What a bundle's probabilities rest on."""

from __future__ import annotations

from multimodal.bundle import BundleConfig
from multimodal.evaluate.card.markdown import table


def calibration(config: BundleConfig) -> str:
    """Prevalence, threshold and prediction sets, target and measured."""
    rows = []
    for label, pattern, entry in config.calibrations():
        sets = entry["conformal"]
        rows.append(
            [
                f"{label} ({pattern})" if pattern else label,
                f"{entry['prevalence']:.3f}",
                f"{entry['threshold']:+.2f}",
                "too few patients: {0, 1}" if sets is None else f"{1 - sets['alpha']:.0%}",
                "" if sets is None else f"{sets['positives']} / {sets['negatives']}",
            ]
        )
    if not rows:
        return "Pools calibrated evidence; each branch carries its own calibration."
    targets = table(["label", "prevalence", "threshold (evidence)", "target coverage", "calibration patients"], rows)
    measured = [
        [title, label, *(("" if share is None else f"{share:.2f}") for share in entry["coverage"])]
        for title, figures in config.metrics.items()
        for label, entry in figures["labels"].items()
        if entry.get("coverage")
    ]
    if not measured:
        return targets
    return f"{targets}\n\nMeasured coverage:\n\n{table(['rows', 'label', 'absent', 'present'], measured)}"
