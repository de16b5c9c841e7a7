"""``multimodal diagnose`` and ``multimodal batch``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multimodal.cli.options import Backend, Json, Models, Prevalences, Sex, aside, pairs, prevalences_of, screen
from multimodal.errors import UsageError

if TYPE_CHECKING:
    from multimodal.case import Case, Diagnosis
    from multimodal.engine import Engine
    from multimodal.explain import Explanation

AUTO = "auto"


def diagnose(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Films, sounds and notes of one patient; a folder or a zip of them. "
            "A prefix says what a file is: heart:a.wav, lung:b.wav, note:c.txt.",
        ),
    ],
    age: Annotated[float | None, typer.Option(min=0, max=130, help="Age in years.")] = None,
    sex: Annotated[Sex | None, typer.Option(help="Sex.")] = None,
    model: Models = None,
    prevalence: Prevalences = None,
    backend: Backend = "torch",
    explain: Annotated[
        list[str] | None,
        typer.Option(
            "--explain",
            metavar="LABEL",
            help="Also say what in each item speaks for a label, or for the one the answer leads with (auto); "
            "may be repeated.",
        ),
    ] = None,
    json: Json = False,
    report: Annotated[
        Path | None, typer.Option(metavar="OUT.pdf", dir_okay=False, help="Also write a one-page report as PDF.")
    ] = None,
) -> None:
    """Diagnose one patient's record; any part of it may be missing."""
    chosen, assumed = pairs("--model", model), prevalences_of(prevalence)

    from multimodal.case import Patient
    from multimodal.engine import Engine
    from multimodal.formats import read_case

    case = read_case(files, patient=Patient(age=age, sex=sex))
    engine = Engine(chosen, prevalence=assumed, backend=backend)
    diagnosis = engine.diagnose(case)
    why = _explained(engine, case, diagnosis, explain or ())
    diagnosis = replace(diagnosis, explanations=tuple(found.to_json() for found in why))
    if report is not None:
        _write_report(report, engine, case, diagnosis)
    if json:
        typer.echo(diagnosis.to_json(indent=2))
    else:
        from multimodal.cli.show import show_diagnosis, show_why

        show_diagnosis(diagnosis, screen)
        show_why(why, case, screen)


def _explained(engine: Engine, case: Case, diagnosis: Diagnosis, labels: Sequence[str]) -> list[Explanation]:
    """Why, for each label; "auto" is the one that the answer leads with."""
    if not labels:
        return []
    from multimodal.explain import explain_case
    from multimodal.report import lead

    spoken = [result.label for result in diagnosis.labels]
    wanted = dict.fromkeys(lead(diagnosis) if label == AUTO else label for label in labels)
    for label in wanted:
        if label is not None and label not in spoken:
            raise UsageError(f"Expected --explain with {AUTO} or one of {', '.join(spoken)}, but got {label}.")
    return [found for label in wanted if label is not None for found in explain_case(engine, case, diagnosis, label)]


def _write_report(path: Path, engine: Engine, case: Case, diagnosis: Diagnosis) -> None:
    from multimodal.report import explained
    from multimodal.report import report as made

    data = made(diagnosis, case, explanations=explained(engine, case, diagnosis))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError("The report can't be written here; choose another folder.", file=str(path)) from error
    aside.print(f"Report written to {path}.", markup=False)


def batch(
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST.csv", help="One row a file: case_id, path, kind, site, age, sex.")
    ],
    out: Annotated[Path, typer.Option(metavar="RESULTS.jsonl", help="One JSON line a case.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run stopped.")] = False,
    model: Models = None,
    prevalence: Prevalences = None,
    backend: Backend = "torch",
) -> None:
    """Diagnose every case of a manifest; a bad case never stops the rest."""
    chosen, assumed = pairs("--model", model), prevalences_of(prevalence)

    from rich.progress import track

    from multimodal.batch import run_batch
    from multimodal.engine import Engine

    engine = Engine(chosen, prevalence=assumed, backend=backend)
    summary = run_batch(
        manifest, out, engine, resume=resume, track=lambda cases: track(cases, "Diagnosing", console=aside)
    )
    skipped = f", {summary.skipped} done before" if summary.skipped else ""
    aside.print(f"{summary.diagnosed} diagnosed, {summary.failed} failed{skipped}.")
