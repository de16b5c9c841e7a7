"""The model card of a bundle: what it is for, what it learned from, what it reached, what to beware of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from multimodal.branches.bundle import BundleConfig
from multimodal.datasets import SOURCES
from multimodal.errors import BundleInvalidError
from multimodal.labels import LABELS
from multimodal.zoo import Bundle

CARD, CONFIG = "README.md", "config.json"

SECTIONS = (
    "Intended use",
    "Limits",
    "Training data",
    "Training",
    "Results",
    "Calibration",
    "Known shortcuts",
    "Licence",
    "Identity",
)

SHORTCUTS: Mapping[str, str] = {
    "kermany": "The children's films of one hospital. The outer four pixels of a film tell pneumonia (AUROC 0.94), "
    "and which source a film is from can be told almost surely. The border is cut off before scoring.",
    "nih": "Film size tells pneumonia (AUROC 0.85 by size alone), so films are ranked within one size; "
    "labels are text-mined and partly wrong; heart failure is oedema, a proxy.",
    "cohen": "Collected from publications: image quality and layout differ between diseases.",
    "circor": "Mostly children; a murmur is labelled at the position where it is heard.",
    "bmdhs": "Age alone tells valve disease (AUROC 0.91): compare with the metadata baseline.",
    "kauh": "One recording in three filter modes: figures are by patient, never by file.",
    "icbhi": "The device tells the disease, and breath cycles differ from recordings: figures are given apart.",
    "openi": "Findings and impression restate the label: on whole reports a bag of words does as well.",
    "phantom": "Drawn by this project: a figure on phantoms says nothing of patients.",
}
"""What can be told of each source for the wrong reason."""

_WHAT = {
    "image": "Reads a chest film (posteroanterior, anteroposterior or paediatric)",
    "audio": "Listens to a heart or lung sound",
    "text": "Reads a clinical note or radiology report",
    "fusion": "Joins what the film, the sound and the note say",
}
_FIGURES = ("auroc", "auprc", "ece", "sensitivity", "specificity")


def write_card(bundle: Bundle, evaluations: Sequence[Mapping[str, Any]]) -> None:
    """Add evaluations to a bundle's config and write its card; the weights stay as they are.

    An evaluation of the same rows takes the place of an earlier one.

    Args:
        bundle: Any.
        evaluations: The ``figures`` of :func:`~multimodal.evaluate.evaluate_branch` or
            :func:`~multimodal.evaluate.evaluate_fusion`, one for each source and split.
    """
    config = bundle.config
    new = {_title(figures): dict(figures) for figures in evaluations}
    config = replace(config, metrics={**config.metrics, **new})
    text = config.to_json()
    BundleConfig.from_json(text)
    (bundle.folder / CONFIG).write_text(text, encoding="utf-8")
    (bundle.folder / CARD).write_text(render_card(config), encoding="utf-8")


def check_card(bundle: Bundle) -> None:
    """Check that a bundle's card belongs to its weights and lacks no section.

    Raises:
        BundleInvalidError: If the card is missing, names other weights or lacks a section.
    """
    path = bundle.folder / CARD
    if not path.exists():
        raise BundleInvalidError(f"{bundle.kind}/{bundle.name} has no model card.", file=CARD)
    text = path.read_text(encoding="utf-8")
    missing = [section for section in SECTIONS if f"\n## {section}\n" not in text]
    if missing:
        raise BundleInvalidError(f"The card of {bundle.name} lacks {', '.join(missing)}.", file=CARD)
    if bundle.config.sha256 not in text:
        raise BundleInvalidError(f"The card of {bundle.name} was written for other weights.", file=CARD)


def render_card(config: BundleConfig) -> str:
    """The card as Markdown, with the header that the Hugging Face Hub reads."""
    bodies = dict(zip(SECTIONS, (render(config) for render in _RENDERERS), strict=True))
    sections = "\n\n".join(f"## {title}\n\n{body}" for title, body in bodies.items())
    return f"{_header()}\n# {config.kind}/{config.name}\n\n{_summary(config)}\n\n{sections}\n"


def _header() -> str:
    return "---\nlibrary_name: multimodal-diagnosis\nlicense: other\ntags:\n- medical\n- research\n---\n"


def _summary(config: BundleConfig) -> str:
    names = ", ".join(LABELS[label].title.lower() for label in config.labels)
    return (
        f"{_WHAT[config.kind]} and speaks of: {names}. Architecture `{config.arch}`, {config.parameters:,} parameters."
    )


def _intended_use(config: BundleConfig) -> str:
    branch = "" if config.kind != "fusion" else " Only with the branches named under Identity."
    return (
        "Research on multimodal diagnosis and teaching, with a clinician reading the items themselves. It is not a "
        f"medical device and must not decide about a patient.{branch}"
    )


def _limits(config: BundleConfig) -> str:
    lines = [
        "A label is claimed only where ten or more real patients taught it; a label that is not claimed is not scored.",
        "Other hospitals, devices and ages than those under Training data can make it worse than the figures here.",
        "A probability holds at the reference prevalence shown in the app, which the user can set.",
    ]
    if config.kind == "fusion":
        lines.append(
            "No public source holds a film, a sound and a note of one patient: the head learned from composed cases "
            "(different patients who share a label) and phantoms, and its gain on real patients is not known."
        )
    return _bullets(lines)


def _training_data(config: BundleConfig) -> str:
    rows = []
    for name, parts in config.training.get("sources", {}).items():
        card = SOURCES.get(name)
        counts = [
            f"{split}: {part['items']:,} items of {part['patients']:,} patients"
            for split, part in parts.items()
            if isinstance(part, Mapping) and "patients" in part
        ]
        rows.append([card.title if card else name, "; ".join(counts), card.licence if card else "not stated"])
    table = _table(["source", "split by patient", "licence"], rows)
    positives = {
        name: parts["positive_patients"]
        for name, parts in config.training.get("sources", {}).items()
        if "positive_patients" in parts
    }
    if not positives:
        return table
    heading = ["patients with it in train", *positives]
    body = [[label, *(str(counts.get(label, 0)) for counts in positives.values())] for label in config.labels]
    return f"{table}\n\n{_table(heading, body)}"


def _training(config: BundleConfig) -> str:
    command = config.training.get("command") or "not recorded"
    recipe = ", ".join(f"{key} {value}" for key, value in config.training.get("recipe", {}).items())
    return f"```\n{command}\n```\n\nRecipe: {recipe or 'not recorded'}. Test patients were never touched."


def _results(config: BundleConfig) -> str:
    if not config.metrics:
        return "Not measured yet."
    note = (
        "Figures with patient-level bootstrap 95 % intervals. AUROC and AUPRC within one source, film size and "
        "sort of recording; sensitivity and specificity at the threshold that the bundle carries; calibration error "
        "(ece) at the prevalence of the rows measured."
    )
    return "\n\n".join([note, *(_evaluation(title, figures) for title, figures in config.metrics.items())])


def _evaluation(title: str, figures: Mapping[str, Any]) -> str:
    rows = [
        [label, str(entry["n"]), str(entry["patients"]), str(entry["positives"])]
        + [_figure(entry.get(name), entry.get(f"{name}_ci")) for name in _FIGURES]
        for label, entry in figures["labels"].items()
    ]
    parts = [f"### {title}", _table(["label", "n", "patients", "positives", *_FIGURES], rows)]
    beside = list(_beside(figures))
    if beside:
        parts.append(_table(["label", "against", "its AUROC", "difference"], beside))
    groups = [
        [group, label, str(entry["n"]), str(entry["positives"]), _figure(entry["auroc"], entry["auroc_ci"])]
        for group, entries in figures.get("by_group", {}).items()
        for label, entry in entries.items()
    ]
    if groups:
        table = _table(["group", "label", "n", "positives", "auroc"], groups)
        parts.append(f"<details><summary>By group</summary>\n\n{table}\n\n</details>")
    if "mean_auroc" in figures:
        mean = figures["mean_auroc"]
        parts.append(f"Mean AUROC over labels: {_figure(mean['value'], mean['ci'])}.")
    if "circor_weighted_accuracy" in figures:
        score = figures["circor_weighted_accuracy"]
        parts.append(f"CirCor challenge weighted accuracy, by patient: {_figure(score['value'], score['ci'])}.")
    parts += _mean(figures.get("mean", {}))
    return "\n\n".join(parts)


def _beside(figures: Mapping[str, Any]) -> Iterator[list[str]]:
    """Rows of a branch against its baselines, or of a fusion against each branch and late pooling."""
    for name, entries in figures.get("baselines", {}).items():
        for label, entry in entries["labels"].items():
            test = entry["branch_minus_baseline"]
            yield [label, name, _figure(entry["auroc"], None), _figure(test["difference"], test["ci"])]
        mean = entries["mean_branch_minus_baseline"]
        yield ["mean", name, "", _figure(mean["value"], mean["ci"])]
    for label, tests in figures.get("tests", {}).items():
        for name, test in tests.items():
            other = name.removeprefix("fused_minus_")
            alone = figures["by_modality"].get(other, {}).get(label, {}).get("auroc")
            yield [label, other, _figure(alone, None), _figure(test["difference"], test["ci"])]


def _mean(mean: Mapping[str, Any]) -> list[str]:
    if not mean:
        return []
    lines = [f"{name}: {_figure(entry['value'], entry['ci'])}" for name, entry in mean["auroc"].items()]
    lines += [
        f"{name.replace('_', ' ')}: {_figure(entry['difference'], entry['ci'])}"
        for name, entry in mean.items()
        if name.startswith("fused_minus")
    ]
    return [f"Mean AUROC over {', '.join(mean['labels'])}:", _bullets(lines)]


def _calibration(config: BundleConfig) -> str:
    rows = []
    for label, entry in config.calibration.items():
        sets = entry["conformal"]
        rows.append(
            [
                label,
                f"{entry['prevalence']:.3f}",
                f"{entry['threshold']:+.2f}",
                "too few patients: {0, 1}" if sets is None else f"{1 - sets['alpha']:.0%}",
                "" if sets is None else f"{sets['positives']} / {sets['negatives']}",
            ]
        )
    if not rows:
        return "Pools calibrated evidence; each branch carries its own calibration."
    table = _table(["label", "prevalence", "threshold (evidence)", "target coverage", "calibration patients"], rows)
    measured = [
        [title, label, *(("" if share is None else f"{share:.2f}") for share in entry["coverage"])]
        for title, figures in config.metrics.items()
        for label, entry in figures["labels"].items()
        if entry.get("coverage")
    ]
    if not measured:
        return table
    return f"{table}\n\nMeasured coverage:\n\n{_table(['rows', 'label', 'absent', 'present'], measured)}"


def _shortcuts(config: BundleConfig) -> str:
    sources = config.training.get("sources", {})
    return _bullets([f"{name}: {SHORTCUTS[name]}" for name in sources if name in SHORTCUTS] or ["None known."])


def _licence(config: BundleConfig) -> str:
    return f"The weights can be used under the terms of what they learned from: {config.licence or 'not stated'}."


def _identity(config: BundleConfig) -> str:
    lines = [f"sha256 of model.safetensors: `{config.sha256}`"]
    lines.append(f"trained: {config.training.get('date', 'date not recorded')}")
    lines += [f"{kind} branch: {entry['name']} `{entry['sha256']}`" for kind, entry in config.branches.items()]
    return _bullets(lines)


_RENDERERS = (
    _intended_use,
    _limits,
    _training_data,
    _training,
    _results,
    _calibration,
    _shortcuts,
    _licence,
    _identity,
)


def _title(figures: Mapping[str, Any]) -> str:
    data = figures["data"]
    return " ".join(str(data[key]) for key in ("cohort", "source", "split", "text_column") if data.get(key))


def _figure(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
