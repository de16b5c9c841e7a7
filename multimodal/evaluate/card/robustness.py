"""How a bundle bears wear and attack, and what it can tell when it should not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from multimodal.bundle import BundleConfig
from multimodal.evaluate.card.markdown import bullets, figure, folded, table

_STRESS = (
    "Mean AUROC of the same test items, worn or attacked at growing strength, and its difference to the items as they "
    "are (95 % intervals over patients). FGSM and PGD know the weights and push every known label the wrong way."
)
_AUDIT = (
    "Mean AUROC of the same test items after something was taken out of all of them, and its difference to the items "
    "as they are (95 % intervals over patients). Where the disease cannot be seen, 0.5 is the honest answer. How much "
    "metadata and a film's rim tell by themselves stands among the baselines under Results."
)
_ASKED = ("question", "how", "auroc", "difference")


def robustness(config: BundleConfig) -> str:
    """The curves of every source as tables."""
    return _sections(_STRESS, _measured(config, "stress", _curves))


def audit(config: BundleConfig) -> str:
    """The questions of a sceptical reader, source by source."""
    return _sections(_AUDIT, _measured(config, "audit", _answers))


def _sections(how: str, found: Iterator[str]) -> str:
    parts = list(found)
    return "\n\n".join([how, *parts]) if parts else ""


def _measured(config: BundleConfig, name: str, render: Any) -> Iterator[str]:
    for title, figures in config.metrics.items():
        if figures.get(name):
            yield f"### {title}, {'under stress' if name == 'stress' else 'audited'}\n\n{render(figures[name])}"


def _about(figures: Mapping[str, Any]) -> str:
    if not figures["labels"]:
        return f"{figures['items']} items: too few patients with and without any label to tell."
    whole = figure(figures["auroc"], figures["auroc_ci"])
    return (
        f"{figures['items']} items of {figures['patients']} patients, drawn by seed, so that rare labels are there; "
        f"as they are {whole}, over {', '.join(figures['labels'])}."
    )


def _curves(figures: Mapping[str, Any]) -> str:
    worst = [max(curve["points"], key=lambda point: -point["difference"]) | curve for curve in figures["curves"]]
    lines = [
        f"{curve['name']} costs at most {-min(0.0, curve['difference']):.3f}, at {curve['strength']:g} "
        f"({curve['what']})."
        for curve in sorted(worst, key=lambda curve: float(curve["difference"]))
    ]
    rows = [
        [f"{curve['name']}, {curve['what']}", f"{point['strength']:g}", *_both(point)]
        for curve in figures["curves"]
        for point in curve["points"]
    ]
    whole = folded("Every strength", table(["what", "strength", "auroc", "difference"], rows))
    return f"{_about(figures)}\n\n{bullets(lines)}\n\n{whole}"


def _answers(figures: Mapping[str, Any]) -> str:
    parts = [_about(figures)]
    rows = [[entry["name"], entry["what"], *_both(entry)] for entry in figures["questions"]]
    if rows:
        parts.append(table(_ASKED, rows))
    if source := figures.get("source"):
        told = figure(source["auroc"], source["auroc_ci"]) or "too few patients to tell"
        parts.append(
            f"Where an item is from, told by the embeddings against {source['against']} ({source['items']} items, "
            f"logistic regression, cross-fitted by patient): AUROC {told}."
        )
    return "\n\n".join(parts)


def _both(entry: Mapping[str, Any]) -> list[str]:
    return [
        figure(entry["auroc"], entry["auroc_ci"]),
        figure(entry["difference"], entry["difference_ci"]),
    ]
