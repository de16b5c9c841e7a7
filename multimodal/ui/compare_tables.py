"""The words and tables of the Compare page, as safe markup. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from multimodal.metrics import Interval
from multimodal.ui.answer import percent
from multimodal.ui.compare_answers import BEST, COHORTS, FUSED, LATE, TITLES, Answers, LabelAnswers
from multimodal.ui.compare_figures import Change, Confusion, Test
from multimodal.ui.interval import figure, interval_html, p_value, spoken

TESTS = (
    '<p class="mm-muted">AUROC: 1 is perfect, 0.5 (the tick) is chance; intervals of 95 % by drawing whole patients '
    "with replacement. Difference: fused less the row's, on the same cases. DeLong tests the same difference; McNemar "
    "tests the calls at the threshold (in brackets the cases that only fused, and only this, called right). "
    "No correction for looking at many labels.</p>"
)

CALLS = (
    '<p class="mm-muted">Both at the threshold of the fused answer, which was chosen on held-out patients. '
    "Every case is called here, also where the Diagnose page would give no verdict.</p>"
)


def cohort_html(answers: Answers, one: LabelAnswers) -> str:
    """What the cohort is, how it came about, and how many patients have the label: always visible."""
    patients = len({key for row in one.patients for key in row if key})
    n, positives = len(one.rows), int(one.truth.sum())
    facts = (
        f"{patients} patients" if n == patients else f"{n} cases made of {patients} patients",
        f"{positives} with it, {n - positives} without",
        answers.source,
        answers.how,
        *([f"{one.left_out} more lack a part or had it refused, and are left out"] if one.left_out else []),
    )
    return (
        f'<div class="mm-cohort" role="note"><b>{escape(COHORTS[answers.cohort])}</b>'
        f"{''.join(f'<span>{escape(fact)}</span>' for fact in facts)}</div>"
    )


def verdict_html(name: str, other: str, test: Test) -> str:
    """The paired test in one sentence."""
    found = test.bootstrap
    interval = (
        f"{spoken(found.difference, (found.low, found.high), signed=True)}; p {p_value(found.p_value, equals=True)}"
    )
    against = f"{name.lower()}, fused against {TITLES[other].lower()}"
    if found.low > 0:
        words = "Fusion tells better who has it"
    elif found.high < 0:
        words = "Fusion tells worse who has it"
    else:
        words = "No difference can be told"
    return (
        f'<div class="mm-answer"><h2>{words}</h2>'
        f"<p>{escape(against[0].upper() + against[1:])}: difference of AUROC {interval}.</p></div>"
    )


def areas_html(areas: Mapping[str, Interval], tests: Mapping[str, Test]) -> str:
    """A row a source: its AUROC, and the tests against it."""
    rows = "".join(_area(source, area, tests.get(source)) for source, area in areas.items())
    head = ("Answer", "AUROC", "95 % interval", "Fused less this", "p", "DeLong p", "McNemar p")
    return _scroll(
        '<table class="mm-table"><thead><tr>'
        + "".join(f'<th scope="col">{title}</th>' for title in head)
        + f"</tr></thead><tbody>{rows}</tbody></table>",
        "AUROC of every answer, and tests",
    )


def confusion_html(title: str, counts: Confusion) -> str:
    """Counts of calls, and the shares that they come to."""
    found = f"finds {counts.hits} of {counts.hits + counts.misses} with it ({counts.sensitivity:.0%})"
    cleared = (
        f"clears {counts.rejections} of {counts.rejections + counts.false_alarms} others ({counts.specificity:.0%})"
    )
    return _scroll(
        f'<table class="mm-table mm-confusion"><caption class="mm-muted">{escape(title)}: {found}, {cleared}</caption>'
        '<thead><tr><th scope="col"></th><th scope="col">Called</th><th scope="col">Not called</th></tr></thead><tbody>'
        f'<tr><th scope="row">Has it</th><td class="right">{counts.hits}</td><td>{counts.misses}</td></tr>'
        f'<tr><th scope="row">Does not</th><td>{counts.false_alarms}</td><td class="right">{counts.rejections}</td>'
        "</tr></tbody></table>",
        f"Confusion matrix, {title}",
    )


def change_html(change: Change, other: str) -> str:
    """One changed case in a line."""
    truth = "has it" if change.truth else "does not have it"
    return (
        f'<p class="mm-change"><b>{escape(change.case_id)}</b><span>{truth}</span>'
        f"<span>{escape(other)} {percent(change.other)}, fused {percent(change.fused)}</span></p>"
    )


def _area(source: str, area: Interval, test: Test | None) -> str:
    colour = {FUSED: "accent", LATE: "muted", BEST: "ink"}.get(source, source)
    interval = None if area.low != area.low else (area.low, area.high)
    cells = [
        interval_html(area.value, interval).replace("<span ", f'<span style="--mm-of:var(--mm-{colour})" ', 1),
        escape(spoken(area.value, interval)),
        *(_test(test) if test else ("",) * 4),
    ]
    return f'<tr><th scope="row">{TITLES[source]}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _test(test: Test) -> tuple[str, ...]:
    found, pairs = test.bootstrap, test.mcnemar
    return (
        spoken(found.difference, (found.low, found.high), signed=True),
        p_value(found.p_value),
        figure(None) if test.delong is None else p_value(test.delong.p_value),
        figure(None) if pairs is None else f"{p_value(pairs.p_value)} ({pairs.only_first} : {pairs.only_second})",
    )


def _scroll(table: str, label: str) -> str:
    return f'<div class="mm-scroll" tabindex="0" role="region" aria-label="{escape(label)}">{table}</div>'
