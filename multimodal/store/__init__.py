"""The worklist: diagnoses and their reviews in a database, each owner's apart. No torch."""

from __future__ import annotations

from multimodal.store.database import DATABASE_VARIABLE, Store, database_url
from multimodal.store.entries import Page, Query, Review, ReviewState, Sort, StoredCase, Summary, Verdict
from multimodal.store.export import corrections, csv_table, worklist_csv
from multimodal.store.inputs import StoredInput, inputs_of
from multimodal.store.names import neutral
from multimodal.store.worklist import Worklist

__all__ = [
    "DATABASE_VARIABLE",
    "Page",
    "Query",
    "Review",
    "ReviewState",
    "Sort",
    "Store",
    "StoredCase",
    "StoredInput",
    "Summary",
    "Verdict",
    "Worklist",
    "corrections",
    "csv_table",
    "database_url",
    "inputs_of",
    "neutral",
    "worklist_csv",
]
