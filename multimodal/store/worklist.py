"""One owner's cases: save, find, open, review, delete."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, time, timedelta
from pathlib import PurePath
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from multimodal.case import Diagnosis
from multimodal.errors import UsageError
from multimodal.formats import Kind
from multimodal.labels import LABELS, Modality
from multimodal.store.entries import (
    Page,
    Query,
    Review,
    ReviewState,
    Sort,
    StoredCase,
    Summary,
    Verdict,
    is_found,
    main_finding,
    stated_labels,
)
from multimodal.store.inputs import StoredInput
from multimodal.store.names import neutral
from multimodal.store.schema import CaseRow, InputRow, LabelRow, ModelRow

LONGEST_TITLE = 200
LONGEST_COMMENT = 10_000


class Sessions(Protocol):
    """What a worklist needs of the database."""

    def reading(self) -> AbstractContextManager[Session]:
        """A session to read in."""
        ...

    def writing(self) -> AbstractContextManager[Session]:
        """A session whose changes are kept together or not at all."""
        ...

    def scrub(self) -> None:
        """Leave nothing of what was deleted."""
        ...


class Worklist:
    """The cases of one owner; every statement it makes is bound to that owner.

    Args:
        sessions: The database.
        owner: A key, up to 64 characters; never shown.

    Attributes:
        owner: That key.

    Raises:
        StoreError: From every method, if the database fails.
    """

    def __init__(self, sessions: Sessions, owner: str) -> None:
        if not 0 < len(owner) <= 64:
            raise UsageError("Expected an owner of 1 to 64 characters.")
        self._sessions = sessions
        self.owner = owner

    def save(
        self, diagnosis: Diagnosis, *, title: str, inputs: Sequence[StoredInput] = (), batch: str | None = None
    ) -> str:
        """Keep a diagnosis; names of files are replaced, and the files only kept where they are given.

        Args:
            diagnosis: The engine's answer.
            title: What the list shows.
            inputs: Files to keep with it.
            batch: Key of the batch that it came from.

        Returns:
            The id of the case.

        Raises:
            UsageError: If the title is empty or too long.
        """
        case_id = str(uuid.uuid4())
        stored = neutral(diagnosis, case_id)
        names = {item.sha256: item.name for item in stored.items}
        main = main_finding(stored)
        now = datetime.now(UTC)
        row = CaseRow(
            id=case_id,
            owner=self.owner,
            batch=batch,
            title=_title(title),
            created=now,
            updated=now,
            diagnosis=_storable(stored.to_json()),
            main_label=main and main.label,
            main_probability=main and main.probability,
            modalities="+".join(m for m in Modality if any(item.modality == m for item in stored.items)),
            comment="",
            labels=[
                LabelRow(label=r.label, probability=r.probability, found=is_found(r), corrected=None)
                for r in stored.labels
            ],
            models=[ModelRow(kind=kind, name=ref.name, sha256=ref.sha256) for kind, ref in stored.models.items()],
            inputs=[
                InputRow(
                    position=position,
                    kind=kept.kind,
                    name=_named(names.get(kept.sha256, f"{kept.kind}-{position + 1}"), kept),
                    sha256=kept.sha256,
                    data=kept.data,
                )
                for position, kept in enumerate(inputs)
            ],
        )
        row.searched = _searched(row)
        with self._sessions.writing() as session:
            session.add(row)
        return case_id

    def search(self, query: Query | None = None) -> Page:
        """The cases that a query finds."""
        query = query or Query()
        conditions = [CaseRow.owner == self.owner, *_conditions(query)]
        order = _ORDER[query.sort]
        newest = (CaseRow.created.desc(), CaseRow.id)
        chosen = (
            _LISTED.where(*conditions)
            .order_by(order.is_(None), order.desc() if query.descending else order.asc(), *newest)
            .offset(query.offset)
            .limit(query.limit)
        )
        with self._sessions.reading() as session:
            total = session.scalar(select(func.count()).select_from(CaseRow).where(*conditions)) or 0
            cases = tuple(Summary(**_summary(row, held)) for row, held in session.execute(chosen))
        return Page(cases, total)

    def get(self, case_id: str) -> StoredCase:
        """One case in full.

        Raises:
            UsageError: If the owner has no such case.
        """
        with self._sessions.reading() as session:
            row, held = self._case(session, case_id)
            return StoredCase(**_summary(row, held), diagnosis=Diagnosis.from_json(row.diagnosis))

    def inputs(self, case_id: str) -> tuple[StoredInput, ...]:
        """The kept files of a case, in the order of its items.

        Raises:
            UsageError: If the owner has no such case.
        """
        with self._sessions.reading() as session:
            row, _ = self._case(session, case_id)
            return tuple(StoredInput(Kind(kept.kind), kept.name, kept.sha256, kept.data) for kept in row.inputs)

    def review(self, case_id: str, review: Review) -> None:
        """Keep a review in place of an earlier one.

        Raises:
            UsageError: If the owner has no such case, or the review contradicts itself.
        """
        stated = stated_labels(review)
        with self._sessions.writing() as session:
            row, _ = self._case(session, case_id)
            row.verdict = Verdict(review.verdict)
            row.comment = _clean(review.comment, keep="\n\t")[:LONGEST_COMMENT]
            row.reviewed = row.updated = datetime.now(UTC)
            known = {label.label: label for label in row.labels}
            for name in sorted({*known, *stated}):
                if name not in known:
                    known[name] = LabelRow(label=name, probability=None, found=False)
                    row.labels.append(known[name])
                known[name].corrected = bool(stated[name]) if name in stated else None
            row.searched = _searched(row)

    def delete(self, case_id: str) -> None:
        """Delete a case for good, its kept files included.

        Raises:
            UsageError: If the owner has no such case.
        """
        with self._sessions.writing() as session:
            session.delete(self._case(session, case_id)[0])
        self._sessions.scrub()

    def models(self) -> tuple[str, ...]:
        """Names of all bundles that answered, in order."""
        with self._sessions.reading() as session:
            names = session.scalars(select(ModelRow.name).join(CaseRow).where(CaseRow.owner == self.owner).distinct())
            return tuple(sorted(names))

    def batch(self, key: str) -> dict[str, Diagnosis]:
        """What a batch has answered so far, by title."""
        chosen = select(CaseRow.title, CaseRow.diagnosis).where(CaseRow.owner == self.owner, CaseRow.batch == key)
        with self._sessions.reading() as session:
            return {title: Diagnosis.from_json(text) for title, text in session.execute(chosen)}

    def _case(self, session: Session, case_id: str) -> tuple[CaseRow, bool]:
        mine = _LISTED.where(CaseRow.owner == self.owner, CaseRow.id == case_id)
        found = session.execute(mine).one_or_none()
        if found is None:
            raise UsageError("There is no such case in this worklist.")
        return found[0], found[1]


_LISTED: Select[CaseRow, bool] = select(CaseRow, exists().where(InputRow.case_id == CaseRow.id)).options(
    selectinload(CaseRow.labels), selectinload(CaseRow.models)
)
"""A case without its diagnosis and files, and whether it has files."""


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if words := _clean(query.search).casefold():
        conditions.append(CaseRow.searched.contains(words, autoescape=True))
    if query.label is not None:
        stated = or_(LabelRow.corrected.is_(True), LabelRow.found.is_(True) & LabelRow.corrected.is_(None))
        conditions.append(CaseRow.labels.any((LabelRow.label == query.label) & stated))
    if query.review is ReviewState.OPEN:
        conditions.append(CaseRow.verdict.is_(None))
    elif query.review is not None:
        conditions.append(CaseRow.verdict == query.review.value)
    if query.model is not None:
        conditions.append(CaseRow.models.any(ModelRow.name == query.model))
    if query.since is not None:
        conditions.append(CaseRow.created >= datetime.combine(query.since, time(), UTC))
    if query.until is not None:
        conditions.append(CaseRow.created < datetime.combine(query.until + timedelta(days=1), time(), UTC))
    return conditions


_ORDER: Mapping[Sort, InstrumentedAttribute[Any]] = {
    Sort.CREATED: CaseRow.created,
    Sort.TITLE: CaseRow.searched,  # begins with the title, and upper case counts as lower
    Sort.FINDING: CaseRow.main_label,
    Sort.PROBABILITY: CaseRow.main_probability,
    Sort.REVIEW: CaseRow.verdict,
}


def _summary(row: CaseRow, has_inputs: bool) -> dict[str, Any]:
    review = None
    if row.verdict is not None:
        stated = {label.label: int(label.corrected) for label in row.labels if label.corrected is not None}
        review = Review(Verdict(row.verdict), {name: stated[name] for name in LABELS if name in stated}, row.comment)
    return {
        "id": row.id,
        "title": row.title,
        "created": row.created,
        "updated": row.updated,
        "finding": row.main_label,
        "probability": row.main_probability,
        "modalities": tuple(Modality(name) for name in row.modalities.split("+") if name),
        "models": {model.kind: model.name for model in row.models},
        "review": review,
        "has_inputs": has_inputs,
    }


def _named(name: str, kept: StoredInput) -> str:
    return str(PurePath(name).with_suffix(PurePath(kept.name).suffix))


def _title(title: str) -> str:
    clean = " ".join(_clean(title).split())
    if not 0 < len(clean) <= LONGEST_TITLE:
        raise UsageError(f"Expected a title of 1 to {LONGEST_TITLE} characters.")
    return clean


def _searched(row: CaseRow) -> str:
    found = [LABELS[label.label].title for label in row.labels if label.found or label.corrected]
    return "\n".join((row.title, row.comment, *found)).casefold()


def _clean(text: str, keep: str = "") -> str:
    """Text without control and direction characters, and with nothing that a database can't hold."""
    return _storable(
        "".join(c if c in keep or unicodedata.category(c) not in {"Cc", "Cf"} else " " for c in text)
    ).strip()


def _storable(text: str) -> str:
    """Half of a surrogate pair is no character; a file name may bring one."""
    return text.encode("utf-8", "replace").decode("utf-8")
