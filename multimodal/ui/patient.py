"""What is known beside the files: age, sex, and how common the conditions are where the patient is seen."""

from __future__ import annotations

import streamlit as st

from multimodal.case import Patient
from multimodal.labels import LABELS, NO_FINDING, Group
from multimodal.ui.record import Record

KEYS = ("age", "sex")
"""What a new case forgets; how common the conditions are belongs to the place and stays."""

_SEX = {"F": "Female", "M": "Male"}


def ask(record: Record) -> None:
    """Draw the questions; the answers hold on every page of the session."""
    known = record.case.patient
    age = None if known.age is None else round(known.age)
    st.number_input("Age in years", 0, 120, age, key="age", persist_state="session")
    st.segmented_control(
        "Sex", ("F", "M"), default=known.sex, format_func=_SEX.__getitem__, key="sex", persist_state="session"
    )
    st.markdown("**How common it is where the patient is seen**, in per cent")
    for label in _conditions():
        st.number_input(
            LABELS[label].title,
            0.1,
            99.0,
            100 * LABELS[label].prevalence,
            step=1.0,
            format="%.0f",
            key=f"prevalence-{label}",
            persist_state="session",
        )


def patient(record: Record) -> Patient:
    """Age and sex as the reader gave them, else as the files do."""
    known = record.case.patient
    return Patient(age=st.session_state.get("age", known.age), sex=st.session_state.get("sex", known.sex))


def prevalence() -> tuple[tuple[str, float], ...]:
    """The conditions that are not as common here as the reference says, with their share."""
    given = ((label, st.session_state.get(f"prevalence-{label}")) for label in _conditions())
    return tuple(
        (label, q / 100)
        for label, q in given
        if q is not None and round(q, 1) != round(100 * LABELS[label].prevalence, 1)
    )


def _conditions() -> list[str]:
    return [name for name, label in LABELS.items() if label.group is Group.CONDITION and name != NO_FINDING]
