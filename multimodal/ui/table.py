"""The tables and the legend beside the picture, as safe markup. Pure functions."""

from __future__ import annotations

from html import escape
from itertools import combinations

from multimodal.case import Diagnosis, LabelResult, subset_key
from multimodal.labels import LABELS, Modality
from multimodal.picture import data_uri
from multimodal.ui.answer import REACH_MEANING, band, percent, reach, reach_words
from multimodal.ui.theme import WORDS, Palette
from multimodal.ui.viewer import visible


def legend(diagnosis: Diagnosis, colours: Palette) -> str:
    """The marks of the picture, drawn once for the page."""
    marks = {
        Modality.IMAGE: '<rect x="2.5" y="2.5" width="9" height="9"/>',
        Modality.AUDIO: '<path d="M7 2 12 11.5H2Z"/>',
        Modality.TEXT: '<path d="M7 1 13 7 7 13 1 7Z"/>',
    }
    ring = '<circle cx="7" cy="7" r="5.5"/>'
    entries = [
        (_mark(ring, colours.accent, fill=colours.accent), "Fused answer"),
        (_mark(ring, colours.accent), "Fused, uncertain"),
        *(
            (_mark(marks[modality], colours.modalities[modality]), f"{WORDS[modality]} alone")
            for modality in Modality
            if modality in diagnosis.by_modality
        ),
        (_mark('<path d="M7 1V13"/>', colours.ink), "Threshold"),
    ]
    items = "".join(f'<li><img src="{source}" alt="">{words}</li>' for source, words in entries)
    if any(reach(result) for result in diagnosis.labels):
        band_mark = _mark('<path d="M0 7H14" stroke-width="6" stroke-opacity=".3"/>', colours.accent)
        items += f'<li title="{escape(REACH_MEANING)}"><img src="{band_mark}" alt=""><abbr>95 % range</abbr></li>'
    return f'<ul class="mm-legend">{items}</ul>'


def _mark(shape: str, stroke: str, fill: str = "none") -> str:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 14 14">'
        f'<g fill="{fill}" stroke="{stroke}" stroke-width="2">{shape}</g></svg>'
    )
    return data_uri(svg.encode(), "image/svg+xml")


def comparison_table(diagnosis: Diagnosis) -> str:
    """Every single modality, every pair and the fusion as an HTML table; bold where the label was found."""
    columns = [(WORDS[m], dict(diagnosis.by_modality.get(m, {}))) for m in Modality if m in diagnosis.by_modality]
    for pair in combinations(Modality, 2):
        key = subset_key(frozenset(pair))
        if key in diagnosis.by_subset:
            columns.append((" + ".join(WORDS[m].lower() for m in pair).capitalize(), dict(diagnosis.by_subset[key])))
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title, _ in columns)
    body = "".join(
        f'<tr><th scope="row" title="{escape(LABELS[result.label].term)}">{escape(result.name)}</th>'
        + _cell(result.probability, result, extra=" mm-fused", about=_ranged(result))
        + f'<td class="mm-word" title="{escape(band(result).meaning)}">{band(result)}</td>'
        + "".join(_cell(values.get(result.label), result) for _, values in columns)
        + "</tr>"
        for result in diagnosis.labels
    )
    return (
        '<div class="mm-scroll" tabindex="0" role="region" aria-label="Every modality and pair">'
        '<table class="mm-table"><thead><tr><th scope="col">Label</th><th scope="col">All fused</th>'
        f'<th scope="col" class="mm-word">In words</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def provenance_table(diagnosis: Diagnosis) -> str:
    """The networks and the files behind an answer, with their hashes."""
    models = "".join(
        _row(WORDS.get(Modality(kind), kind) if kind in set(Modality) else kind.capitalize(), ref.name, ref.sha256)
        for kind, ref in diagnosis.models.items()
    )
    files = "".join(
        _row(
            WORDS[Modality(item.modality)] if item.site is None else f"{item.site} sound",
            item.name,
            item.sha256,
            used=item.used,
        )
        for item in diagnosis.items
    )
    foot = f"Version {diagnosis.version}, answered in {diagnosis.elapsed_ms / 1000:.2f} s."
    return (
        '<div class="mm-scroll" tabindex="0" role="region" aria-label="Models and files"><table class="mm-table left">'
        '<thead><tr><th scope="col">Kind</th><th scope="col">Name</th><th scope="col">SHA-256</th></tr></thead>'
        f'<tbody>{models}{files}</tbody></table></div><p class="mm-muted">{escape(foot)}</p>'
    )


def _row(kind: str, name: str, sha256: str, *, used: bool = True) -> str:
    left = "" if used else " (not used)"
    return (
        f'<tr><th scope="row">{escape(kind.capitalize())}</th><td>{escape(visible(name))}{left}</td>'
        f"<td><code>{escape(sha256)}</code></td></tr>"
    )


def _ranged(result: LabelResult) -> str:
    words = reach_words(result)
    return f' title="95 % range: {words}"' if words else ""


def _cell(probability: float | None, result: LabelResult, extra: str = "", about: str = "") -> str:
    if probability is None:
        return f'<td class="mm-none{extra}" title="Does not speak of this label">–</td>'
    found = " mm-found" if probability >= result.threshold else ""
    return f'<td class="{(found + extra).strip()}"{about}>{percent(probability)}</td>'
