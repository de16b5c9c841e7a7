"""The worklist as files: a table to read, corrections to train on."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from multimodal.case import Text
from multimodal.errors import InputError
from multimodal.formats import Kind, read
from multimodal.labels import LABELS, NO_FINDING, Modality, labels_of
from multimodal.store.entries import Query, ReviewState, StoredCase
from multimodal.store.inputs import StoredInput
from multimodal.store.worklist import Worklist

FOLDS = 5
_SPLIT_OF_TWENTY = ("train",) * 14 + ("val",) * 3 + ("test",) * 3

# What a spreadsheet takes for a formula (OWASP, CSV Injection), at the start of a cell or after what it may
# take for the start of one: where the list separator is a semicolon, a quoted comma doesn't hide it.
_FORMULA = re.compile(r"(^|[;\t\r\n|])([ \N{NO-BREAK SPACE}]*)(?=[=+\-@\N{FULLWIDTH EQUALS SIGN}＋－＠])")


def csv_table(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> str:
    r"""Rows as CSV; text that a spreadsheet would run as a formula gets an apostrophe in front of it.

    >>> csv_table([{"title": "=1+1", "p": -0.5}], ["title", "p"])
    '"title","p"\r\n"\'=1+1",-0.5\r\n'
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_inert(row.get(column)) for column in columns])
    return buffer.getvalue()


def worklist_csv(worklist: Worklist, query: Query | None = None) -> str:
    """All cases that a query finds, a row each: what the list shows, the review, every label's probability.

    A ``review_...`` column is 1 or 0 where the reviewer stated the label, else empty.
    """
    found = worklist.search(replace(query or Query(), offset=0, limit=None)).cases
    stated = tuple(f"review_{label}" for label in LABELS)
    columns = ("id", "created", "title", "finding", "modalities", "models", "review", "comment", *LABELS, *stated)
    return csv_table((_row(worklist.get(case.id)) for case in found), columns)


def corrections(worklist: Worklist) -> Iterator[tuple[str, bytes]]:
    """What reviewers stated, as folders that ``multimodal train`` reads.

    One folder a modality (``corrections_image/metadata.csv`` and its files, and so on) with the cases whose
    files were kept and whose labels were stated: 1 or 0 as far as the modality, and the site of a sound, can
    speak of the label, else empty. A case counts as a patient; its split (70, 15, 15 per cent) and fold follow
    from its id. A file that stands in several cases is taken once, with the newest review.

    Yields:
        Path inside the export, and content.
    """
    rows: dict[Modality, list[dict[str, object]]] = {modality: [] for modality in Modality}
    seen: set[str] = set()
    for case in _reviewed(worklist):
        for number, kept in enumerate(worklist.inputs(case.id), start=1):
            modality = kept.kind.modality
            truth = _truth(case, kept.kind)
            if kept.sha256 in seen or kept.kind is Kind.SOUND or not truth:
                continue
            seen.add(kept.sha256)
            row: dict[str, object] = {**_place(case.id), **truth, "site": kept.kind.site or ""}
            if modality is Modality.TEXT:
                row["text"] = _note(kept)
            else:
                row["file_name"] = f"{case.id}-{number}{_suffix(kept.name)}"
                yield f"{_folder(modality)}/{row['file_name']}", kept.data
            rows[modality].append(row)
    for modality, of in rows.items():
        if of:
            content = "text" if modality is Modality.TEXT else "file_name"
            columns = (content, "patient_id", "split", "fold", "site", *LABELS)
            yield f"{_folder(modality)}/metadata.csv", _plain_csv(of, columns).encode()


def _reviewed(worklist: Worklist) -> Iterator[StoredCase]:
    """Cases with kept files and stated labels, the newest first, each read when it is asked for."""
    states = (ReviewState.AGREE, ReviewState.DISAGREE)
    cases = [case for state in states for case in worklist.search(Query(review=state, limit=None)).cases]
    chosen = [case for case in cases if case.review and case.review.labels]
    newest = sorted(chosen, key=lambda case: case.updated, reverse=True)
    return (worklist.get(case.id) for case in newest if case.has_inputs)


def _truth(case: StoredCase, kind: Kind) -> dict[str, int]:
    """What this file of the case shows, as far as the reviewer said and the file can."""
    stated = case.review.labels if case.review else {}
    spoken = labels_of(kind.modality, kind.site)
    truth = {name: value for name, value in stated.items() if name in spoken}
    if truth.get(NO_FINDING) == 0 and not any(value for name, value in truth.items() if name != NO_FINDING):
        del truth[NO_FINDING]  # something is abnormal, but perhaps nothing that this file shows
    return truth


def _place(case_id: str) -> dict[str, object]:
    number = int.from_bytes(sha256(case_id.encode()).digest()[:8], "big")
    return {
        "patient_id": case_id,
        "split": _SPLIT_OF_TWENTY[number % len(_SPLIT_OF_TWENTY)],
        "fold": number // len(_SPLIT_OF_TWENTY) % FOLDS,
    }


def _note(kept: StoredInput) -> str:
    try:
        item = read(kept.data, kept.name, kind=Kind.NOTE)
    except InputError:
        return ""
    return item.text if isinstance(item, Text) else ""


def _folder(modality: Modality) -> str:
    return f"corrections_{modality}"


def _suffix(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:] if dot > 0 else ""


def _plain_csv(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> str:
    """For the trainer, which must read what was written."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _row(case: StoredCase) -> dict[str, object]:
    review = case.review
    return {
        "id": case.id,
        "created": case.created.isoformat(timespec="seconds"),
        "title": case.title,
        "finding": case.finding or "",
        "modalities": "+".join(case.modalities),
        "models": " ".join(f"{kind}={name}" for kind, name in sorted(case.models.items())),
        "review": case.state.value,
        "comment": review.comment if review else "",
        **{result.label: round(result.probability, 4) for result in case.diagnosis.labels},
        **{f"review_{label}": value for label, value in (review.labels if review else {}).items()},
    }


def _inert(cell: object) -> object:
    if not isinstance(cell, str):
        return "" if cell is None else cell
    return _FORMULA.sub(r"\1\2'", cell)
