"""The tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, ForeignKey, Index, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

VERSION = 1
"""Of the tables below; a database written by a newer one is refused."""


class Utc(TypeDecorator[datetime]):
    """A point in time: aware in Python, UTC without a zone in the database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy names it
        """Turn an aware time to UTC."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy names it
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables."""


class VersionRow(Base):
    """The one row that says which tables these are."""

    __tablename__ = "store_version"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class CaseRow(Base):
    """A case: its diagnosis, what a list shows of it, and the review."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("cases_of_owner", "owner", "created"),
        Index("cases_of_batch", "owner", "batch", "title"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    batch: Mapped[str | None] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(Text)
    searched: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(Utc)
    updated: Mapped[datetime] = mapped_column(Utc)
    diagnosis: Mapped[str] = mapped_column(Text, deferred=True)
    main_label: Mapped[str | None] = mapped_column(String(64))
    main_probability: Mapped[float | None]
    modalities: Mapped[str] = mapped_column(String(32))
    verdict: Mapped[str | None] = mapped_column(String(16))
    comment: Mapped[str] = mapped_column(Text)
    reviewed: Mapped[datetime | None] = mapped_column(Utc)
    labels: Mapped[list[LabelRow]] = relationship(cascade="all, delete-orphan", passive_deletes=True)
    models: Mapped[list[ModelRow]] = relationship(cascade="all, delete-orphan", passive_deletes=True)
    inputs: Mapped[list[InputRow]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="InputRow.position"
    )


def _case_id() -> Mapped[str]:
    return mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)


class LabelRow(Base):
    """One label of a case: the answer, and the reviewer's correction."""

    __tablename__ = "case_labels"

    case_id: Mapped[str] = _case_id()
    label: Mapped[str] = mapped_column(String(64), primary_key=True)
    probability: Mapped[float | None]
    found: Mapped[bool]
    corrected: Mapped[bool | None]


class ModelRow(Base):
    """A bundle that answered."""

    __tablename__ = "case_models"

    case_id: Mapped[str] = _case_id()
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)


class InputRow(Base):
    """A file of a case, kept because the user asked for it."""

    __tablename__ = "case_inputs"

    case_id: Mapped[str] = _case_id()
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    data: Mapped[bytes] = mapped_column(LargeBinary)
