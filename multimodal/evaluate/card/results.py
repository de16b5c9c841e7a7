"""What a bundle reached: by evaluation, beside baselines, by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from multimodal.bundle import BundleConfig
from multimodal.evaluate.card.markdown import bullets, figure, folded, table

_FIGURES = ("auroc", "auprc", "ece", "sensitivity", "specificity", "aurc")


def results(config: BundleConfig) -> str:
    """Every evaluation: figures, baselines, groups."""
    if not config.metrics:
        return "Not measured yet."
    note = (
        "Figures with patient-level bootstrap 95 % intervals. AUROC and AUPRC within one source, film size and "
        "sort of recording; sensitivity and specificity at the threshold that the bundle carries; calibration error "
        "(ece) at the prevalence of the rows measured; area under the risk-coverage curve (aurc): the error rate among "
        "the surest verdicts, averaged over how many are given."
    )
    if config.training.get("cross_validation"):
        note += (
            " Rows of folds are those of train and val, each answered by a network that never saw its patient; "
            "thresholds and calibration come from them, which flatters sensitivity, specificity and ece there a little."
        )
    return "\n\n".join([note, *(_evaluation(title, figures) for title, figures in config.metrics.items())])


def _evaluation(title: str, figures: Mapping[str, Any]) -> str:
    rows = [
        [label, str(entry["n"]), str(entry["patients"]), str(entry["positives"])]
        + [figure(entry.get(name), entry.get(f"{name}_ci")) for name in _FIGURES]
        for label, entry in figures["labels"].items()
    ]
    parts = [f"### {title}", table(["label", "n", "patients", "positives", *_FIGURES], rows)]
    beside = list(_beside(figures))
    if beside:
        parts.append(table(["label", "against", "its AUROC", "difference"], beside))
    groups = [
        [group, label, str(entry["n"]), str(entry["positives"]), figure(entry["auroc"], entry["auroc_ci"])]
        for group, entries in figures.get("by_group", {}).items()
        for label, entry in entries.items()
    ]
    if groups:
        parts.append(folded("By group", table(["group", "label", "n", "positives", "auroc"], groups)))
    if "mean_auroc" in figures:
        mean = figures["mean_auroc"]
        parts.append(f"Mean AUROC over labels: {figure(mean['value'], mean['ci'])}.")
    if "circor_weighted_accuracy" in figures:
        score = figures["circor_weighted_accuracy"]
        parts.append(f"CirCor challenge weighted accuracy, by patient: {figure(score['value'], score['ci'])}.")
    parts += _mean(figures.get("mean", {}))
    return "\n\n".join(parts)


def _beside(figures: Mapping[str, Any]) -> Iterator[list[str]]:
    """Rows of a branch against its baselines, or of a fusion against each branch and late pooling."""
    for name, entries in figures.get("baselines", {}).items():
        for label, entry in entries["labels"].items():
            test = entry["branch_minus_baseline"]
            yield [label, name, figure(entry["auroc"]), figure(test["difference"], test["ci"])]
        mean = entries["mean_branch_minus_baseline"]
        yield ["mean", name, "", figure(mean["value"], mean["ci"])]
    for name, other in figures.get("against", {}).items():
        for label, entry in other["labels"].items():
            test = entry["difference"]
            yield [label, name, figure(entry.get("auroc")), figure(test["difference"], test["ci"])]
        mean = other["mean_difference"]
        yield ["mean", name, "", figure(mean["value"], mean["ci"])]
    for label, tests in figures.get("tests", {}).items():
        for name, test in tests.items():
            other = name.removeprefix("fused_minus_")
            alone = figures["by_modality"].get(other, {}).get(label, {}).get("auroc")
            yield [label, other, figure(alone), figure(test["difference"], test["ci"])]


def _mean(mean: Mapping[str, Any]) -> list[str]:
    if not mean:
        return []
    lines = [f"{name}: {figure(entry['value'], entry['ci'])}" for name, entry in mean["auroc"].items()]
    lines += [
        f"{name.replace('_', ' ')}: {figure(entry['difference'], entry['ci'])}"
        for name, entry in mean.items()
        if name.startswith("fused_minus")
    ]
    return [f"Mean AUROC over {', '.join(mean['labels'])}:", bullets(lines)]
