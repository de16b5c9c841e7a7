"""The tables of a model card as safe markup. Pure functions from a bundle's config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multimodal.errors import BundleInvalidError
from multimodal.labels import LABELS
from multimodal.ui.answer import percent
from multimodal.ui.interval import figure, interval_html, spoken

if TYPE_CHECKING:
    from multimodal.zoo import BundleConfig

READING = (
    '<p class="mm-muted">The dot is the AUROC on a scale from 0.4 to 1, the bar its 95 % interval over patients, '
    "the tick chance (0.5). &gt; 0.99 alone: so is the interval. "
    "A baseline knows less than the model: a model should lie above it.</p>"
)
BASELINES = {
    "image": "Film alone",
    "audio": "Sound alone",
    "text": "Note alone",
    "late": "Late pooling",
    "best": "Best",
}


def style() -> str:
    """The style sheet that these tables need."""
    return f"<style>{Path(__file__).with_name('compare.css').read_text(encoding='utf-8')}</style>"


def header(config: BundleConfig, kind: str, *, default: bool) -> str:
    """Name, architecture and size, and what the bundle speaks of."""
    facts = [kind, config.arch, f"{config.parameters:,} parameters".replace(",", "\N{THIN SPACE}")]
    facts += ["used by default"] if default else []
    speaks = ", ".join(LABELS[label].title for label in config.labels)
    return (
        f'<div class="mm-cohort"><b>{escape(config.name)}</b>{"".join(f"<span>{escape(f)}</span>" for f in facts)}'
        f"<p>Speaks of: {escape(speaks)}.</p></div>"
    )


def measured(config: BundleConfig) -> list[tuple[str, str]]:
    """For each data set that the bundle was measured on: its name with its counts, and a table of labels.

    Raises:
        BundleInvalidError: If the config holds figures of another shape.
    """
    try:
        return [_evaluation(_data(name, figures), figures) for name, figures in config.metrics.items()]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise BundleInvalidError("Its measured figures are not of the schema.", file="config.json") from error


def sources(config: BundleConfig) -> str:
    """What the bundle learned from, with the terms of each source."""
    rows = [
        [name, *(f"{_count(entry, split, 'items')} / {_count(entry, split, 'patients')}" for split in ("train", "val"))]
        for name, entry in config.training.get("sources", {}).items()
    ]
    if not rows:
        return f'<p class="mm-muted">Not recorded.</p>{_licence(config)}'
    head = ["Source", "Trained on", "Held out"]
    note = '<p class="mm-muted">Items / patients. No patient is in both.</p>'
    return _table(head, rows, "Training data") + note + _licence(config)


def calibration(config: BundleConfig) -> str:
    """Threshold, prevalence and the target of the prediction sets, by label."""
    rows = []
    for label, pattern, entry in config.calibrations():
        sets = entry.get("conformal")
        promised = "too few patients"
        if sets is not None:
            promised = f"{percent(1 - sets['alpha'])} ({sets['positives']} / {sets['negatives']})"
        threshold = figure(entry["threshold"], signed=True)
        title = LABELS[label].title + (f" ({pattern.replace('+', ' + ')})" if pattern else "")
        rows.append([title, percent(entry["prevalence"]), threshold, promised])
    if not rows:
        return '<p class="mm-muted">None of its own: each branch carries its calibration.</p>'
    note = (
        '<p class="mm-muted">Threshold in log-odds from the base rate. In brackets the calibration patients with '
        "and without the label.</p>"
    )
    return _table(["Label", "Prevalence", "Threshold", "Sets hold the truth"], rows, "Calibration") + note


def identity(config: BundleConfig) -> str:
    """Hash of the weights, date, and for a fusion head the branches it was trained on."""
    rows = [["Weights (SHA-256)", _code(config.sha256)]]
    rows += [["Trained", escape(str(config.training.get("date") or "not recorded"))]]
    rows += [
        [f"{escape(kind)} branch", f"{escape(str(entry['name']))} {_code(str(entry['sha256']))}"]
        for kind, entry in config.branches.items()
    ]
    body = "".join(f'<tr><th scope="row">{name[0].upper()}{name[1:]}</th><td>{value}</td></tr>' for name, value in rows)
    return _scroll(f'<table class="mm-table left"><tbody>{body}</tbody></table>', "Identity")


def _licence(config: BundleConfig) -> str:
    terms = "".join(f"<li>{escape(part.strip())}</li>" for part in config.licence.split(";") if part.strip())
    return f'<p><b>Terms</b></p><ul class="mm-terms">{terms or "<li>Not stated.</li>"}</ul>'


def _data(name: str, figures: Mapping[str, Any]) -> str:
    """``kermany, val: 770 rows of 396 patients``."""
    data = figures["data"]
    where = ", ".join(str(data[key]) for key in ("cohort", "source", "split", "text_column") if data.get(key))
    counts = [f"{data[key]} {key}" for key in ("rows", "cases") if key in data]
    counts += [f"{data['patients']} patients"] if "patients" in data else []
    return f"{where or name}: {' of '.join(counts)}" if counts else where or name


def _evaluation(data: str, figures: Mapping[str, Any]) -> tuple[str, str]:
    beside = _beside(figures)
    names = list(dict.fromkeys(name for entries in beside.values() for name in entries))
    head = ["Label", "Units", "Patients", "With it", "AUROC", "95 % interval", *(_title(name) for name in names)]
    rows = []
    for label, entry in figures["labels"].items():
        value, interval = entry.get("auroc"), entry.get("auroc_ci")
        rows.append(
            [
                escape(LABELS[label].title),
                *(str(int(entry[key])) for key in ("n", "patients", "positives")),
                interval_html(value, interval),
                "–" if value is None else escape(spoken(value, interval)),
                *(escape(figure(beside.get(label, {}).get(name))) for name in names),
            ]
        )
    return data, _table(head, rows, f"AUROC by label, {data}", safe=True)


def _beside(figures: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """AUROC of what a bundle is measured against: label -> name -> value."""
    found: dict[str, dict[str, float | None]] = {}
    groups = {name: entry["labels"] for name, entry in figures.get("baselines", {}).items()}
    for name, entries in {**groups, **figures.get("by_modality", {})}.items():
        for label, entry in entries.items():
            found.setdefault(label, {})[name] = entry.get("auroc")
    return found


def _title(name: str) -> str:
    return BASELINES.get(name) or name.replace("_", " ").capitalize()


def _count(entry: Mapping[str, Any], split: str, what: str) -> str:
    return str(entry.get(split, {}).get(what, "–"))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], label: str, *, safe: bool = False) -> str:
    """A table whose first column names the row; ``safe`` where the cells are markup already."""
    top = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{cell}</th>' if i == 0 else f"<td>{cell}</td>"
            for i, cell in enumerate(row if safe else map(escape, row))
        )
        + "</tr>"
        for row in rows
    )
    return _scroll(f'<table class="mm-table"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>', label)


def _scroll(table: str, label: str) -> str:
    return f'<div class="mm-scroll" tabindex="0" role="region" aria-label="{escape(label)}">{table}</div>'
