"""``multimodal train`` and ``multimodal evaluate``."""

from __future__ import annotations

import json as json_format
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multimodal.cli.options import (
    Json,
    Models,
    Reference,
    Settings,
    aside,
    changed,
    pairs,
    reference,
    screen,
    settings_of,
)
from multimodal.errors import UsageError

if TYPE_CHECKING:
    from multimodal.datasets import Dataset
    from multimodal.labels import Modality

FUSION = "fusion"
FOLDS = "folds"
"""In place of a split: what a cross-validation answered."""
IMAGENET = "imagenet"

Data = typer.Option(
    "--data",
    metavar="DIR",
    help="A folder with metadata.csv; for fusion KIND=DIR. May be repeated; folders are joined.",
)
TextColumn = Annotated[str, typer.Option(help="Column that holds the note, such as indication.")]


def train(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="image, audio, text or fusion.")],
    arch: Annotated[str, typer.Option(metavar="NAME", help="A registered architecture.")],
    data: Annotated[list[str], Data],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the new bundle, which takes its name.")],
    folds: Annotated[int, typer.Option(min=0, help="Cross-validate a branch by patient, this many folds.")] = 0,
    phantoms: Annotated[int, typer.Option(min=0, help="Phantom patients as one more source.")] = 0,
    text_column: TextColumn = "text",
    model: Models = None,
    settings: Settings = None,
    init: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Start from this bundle's weights, all but the heads.")
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Start from ImageNet weights (imagenet), or from an encoder: a folder or a Hub id."
        ),
    ] = None,
    pretrain_epochs: Annotated[
        int,
        typer.Option(
            min=0,
            help="First learn without labels for this many epochs: a text encoder fills in hidden words, an "
            "image encoder knows a film again.",
        ),
    ] = 0,
) -> None:
    """Train a branch, or a fusion head over trained branches, on labelled folders."""
    command = shlex.join(["multimodal", *sys.argv[1:]])
    groups = settings_of(settings)
    if kind == FUSION:
        from multimodal.train.cases import Cohorts
        from multimodal.train.fusion import default_recipe, train_fusion
        from multimodal.zoo import defaults, find

        if folds or init or pretrained or pretrain_epochs or groups["preparation"]:
            raise UsageError(
                "Expected no --folds, --init, --pretrained, --pretrain-epochs or preparation for fusion: "
                "a head is trained on what its branches say of new patients."
            )
        chosen = {**defaults(), **pairs("--model", model)}
        folders = folders_by_kind(data, text_column)
        branches = {modality: find(modality, chosen.get(modality, "")) for modality in folders}
        bundle = train_fusion(
            arch,
            branches,
            folders,
            out,
            cohorts=Cohorts(phantoms=phantoms),
            options=groups["option"],
            recipe=changed(default_recipe(arch), groups["recipe"]),
            command=command,
        )
    else:
        from multimodal.branches import default_options
        from multimodal.datasets import phantom_dataset, read_folder
        from multimodal.labels import Modality
        from multimodal.train.abstention import fit_abstention
        from multimodal.train.branch import PHANTOM_SEED, train_branch
        from multimodal.train.detector import fit_detector
        from multimodal.train.fit import writing
        from multimodal.train.recipe import RECIPES
        from multimodal.train.run import Start

        default_options(kind, arch)
        recipe = changed(RECIPES[Modality(kind)], groups["recipe"])
        start = Start(
            preparation=groups["preparation"],
            options=groups["option"],
            pretrained=pretrained == IMAGENET or pretrained or False,
            init=init,
            pretrain_epochs=pretrain_epochs,
        )
        sources = [read_folder(folder, kind, text_column=text_column) for folder in data]
        datasets = [*sources, phantom_dataset(phantoms, PHANTOM_SEED, kind)] if phantoms else sources
        bundle = train_branch(kind, arch, datasets, out, recipe=recipe, start=start, folds=folds, command=command)
        with writing() as first:
            if not first:
                return
            fit_detector(bundle, sources)
            fit_abstention(bundle, sources)
    aside.print(f"{bundle.kind}/{bundle.name} in {out}", markup=False)


def guard(
    bundle: Reference,
    data: Annotated[list[str], Data],
    others: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="A source that it was not trained on and that should pass; may be repeated."),
    ] = None,
) -> None:
    """Fit when a branch must not answer: foreign inputs, and verdicts that are not sure; its weights stay."""
    kind, name = reference(bundle)

    from multimodal.datasets import read_folder
    from multimodal.evaluate import write_card
    from multimodal.train.abstention import fit_abstention
    from multimodal.train.detector import fit_detector
    from multimodal.zoo import find

    found = find(kind, name)
    folders = [read_folder(folder, kind) for folder in data]
    detector = fit_detector(found, folders, [read_folder(folder, kind) for folder in others or ()]).detector
    reached = fit_abstention(found, folders).abstention["val"]
    write_card(found, [])
    refused = [entry["refused"] for entry in detector["foreign"].values()]
    aside.print(
        f"{kind}/{name} refuses {sum(refused) / len(refused):.0%} of foreign inputs of kinds it was not tuned on and "
        f"gives {reached['coverage']:.0%} of its verdicts.",
        markup=False,
        soft_wrap=True,
    )


def evaluate(
    bundle: Reference,
    data: Annotated[list[str] | None, Data] = None,
    cases: Annotated[
        Path | None, typer.Option(metavar="MANIFEST.csv", help="For fusion: a paired cohort with label columns.")
    ] = None,
    phantoms: Annotated[
        int, typer.Option(min=0, help="For fusion: so many phantoms, beside the best answer that their truth allows.")
    ] = 0,
    split: Annotated[str, typer.Option(metavar="NAME", help="Any value of the split column, or folds.")] = "val",
    text_column: TextColumn = "text",
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Also compare a branch, row by row, with this one, or an ensemble a+b."),
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="OUT.csv", help="Also write every answer, patients under a hash.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also draw ROC, reliability, confusion and stress as PNG.")
    ] = None,
    explanations: Annotated[
        bool, typer.Option("--explanations", help="Also measure what it marks in items against random marks.")
    ] = False,
    stress: Annotated[
        bool, typer.Option("--stress", help="Also wear and attack items; the AUROC at each strength.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="Also look for shortcuts: what it tells when it should not.")
    ] = False,
    card: Annotated[bool, typer.Option("--card", help="Add the figures to the bundle's config and card.")] = False,
    json: Json = False,
) -> None:
    """Measure a bundle on labelled data: by label, with intervals over patients."""
    kind, name = reference(bundle)
    paired = bool(cases) or phantoms > 0
    if (data is not None) + bool(cases) + (phantoms > 0) != 1 or (paired and kind != FUSION):
        raise UsageError("Expected --data; or, for fusion, --cases or --phantoms instead.")
    asked = {"explanations": explanations, "stress": stress, "audit": audit}
    parts = [part for part, wanted in asked.items() if wanted]
    if parts and kind == FUSION:
        raise UsageError(f"Expected no --{parts[0]} for fusion: a head is as good as the branches that it joins.")
    if against and kind == FUSION:
        raise UsageError("Expected no --against for fusion: it is compared with its branches and late pooling anyway.")

    from multimodal.evaluate import (
        PARTS,
        BranchEvaluation,
        FusionEvaluation,
        composed_cohort,
        evaluate_against,
        evaluate_branch,
        evaluate_folds,
        evaluate_fusion,
        paired_cohort,
        phantom_cohort,
        plot,
        start,
        write_card,
    )
    from multimodal.zoo import find

    evaluation: BranchEvaluation | FusionEvaluation
    if kind == FUSION:
        if cases:
            cohort = paired_cohort(cases)
        elif phantoms:
            cohort = phantom_cohort(phantoms)
        else:
            cohort = composed_cohort(folders_by_kind(data or (), text_column), split=split)
        evaluation = evaluate_fusion(None if name == "late" else find(kind, name), cohort)
    else:
        from multimodal.datasets import join, read_folder

        found = find(kind, name)
        folders = [read_folder(folder, kind, text_column=text_column) for folder in data or ()]
        note = text_column if kind == "text" else ""
        if split == FOLDS:
            if against or parts:
                raise UsageError("Expected no more than the figures of the folds: their networks are not the bundle's.")
            evaluation = evaluate_folds(found, folders)
        else:
            evaluation = evaluate_branch(found, folders, split=split, text_column=note)
        if against:
            others = [find(kind, other) for other in against.split("+")]
            evaluation.figures["against"] = {against: evaluate_against(evaluation, others)}
        if parts:
            begun = start(found, join(folders).in_split(split))
            evaluation.figures.update({part: PARTS[part](begun, None) for part in parts})
    try:
        if predictions:
            evaluation.predictions().to_csv(predictions, index=False)
        if plots:
            plot(evaluation, plots)
        if card:
            write_card(find(kind, name), [evaluation.figures])
    except OSError as error:
        raise UsageError(f"The results cannot be written ({error}).") from error
    if json:
        typer.echo(json_format.dumps(evaluation.figures, indent=2, allow_nan=False))
        return

    from multimodal.cli.show import show_evaluation

    show_evaluation(evaluation.figures, bundle, screen)


def folders_by_kind(values: Sequence[str], text_column: str) -> dict[Modality, Dataset]:
    """Read ``KIND=DIR`` folders; those of one kind are joined.

    Raises:
        UsageError: If one is no such pair.
        ManifestError: If a folder cannot be used.
    """
    from multimodal.datasets import join, read_folder
    from multimodal.labels import Modality

    folders: dict[Modality, list[Dataset]] = {}
    for value in values:
        ((kind, folder),) = pairs("--data", [value]).items()
        if kind not in set(Modality):
            raise UsageError(f"Expected --data with one of {', '.join(Modality)}, but got {kind}.")
        folders.setdefault(Modality(kind), []).append(read_folder(folder, kind, text_column=text_column))
    return {modality: join(folders[modality]) for modality in Modality if modality in folders}
