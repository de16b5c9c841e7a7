"""``multimodal diagnose`` and ``multimodal batch``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multimodal.cli.options import Backend, Json, Models, Prevalences, Sex, aside, pairs, prevalences_of, screen
from multimodal.errors import UsageError

if TYPE_CHECKING:
    from multimodal.case import Case, Diagnosis
    from multimodal.engine import Engine


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

    case = read_case(files, patient=Patient(age=age, sex=sex), isolated=False)
    engine = Engine(chosen, prevalence=assumed, backend=backend)
    diagnosis = engine.diagnose(case)
    if report is not None:
        _write_report(report, engine, case, diagnosis)
    if json:
        typer.echo(diagnosis.to_json(indent=2))
    else:
        from multimodal.cli.show import show_diagnosis

        show_diagnosis(diagnosis, screen)


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
