"""Keeping a diagnosis: the control beside it, on the Diagnose page."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

import streamlit as st

from multimodal.case import Case, Diagnosis
from multimodal.errors import MultimodalError
from multimodal.store import inputs_of
from multimodal.ui.cases_owner import worklist
from multimodal.ui.record import Record

SIGN_IN = "Others can reach this server: sign in, so that your cases stay yours."


def offer(record: Record, case: Case, diagnosis: Diagnosis) -> None:
    """Draw the control. Nothing is kept, and no database opened, until the reader saves."""
    saved: dict[str, str] = st.session_state.setdefault("saved", {})
    key = sha256(diagnosis.to_json().encode()).hexdigest()[:16]
    if key in saved:
        if st.button("Open in Cases", icon=":material/inventory_2:", key="open-saved"):
            st.switch_page("cases.py", query_params={"case": saved[key]})
        return
    with st.popover("Save to cases", icon=":material/bookmark_add:"), st.form(f"save-{key}", border=False):
        st.session_state.setdefault(f"title-{key}", _title(record))
        title = st.text_input("Title", key=f"title-{key}", max_chars=200, help="Shown in the list. No patient's name.")
        keep = st.checkbox("Keep the files too", key=f"keep-{key}")
        st.html(
            '<p class="mm-muted">Kept: the answer, hashes and models; not the names of files. With the files, the '
            "evidence can be opened again and corrections can train: DICOM headers are emptied of identity, notes stay "
            "as they are.</p>"
        )
        if st.form_submit_button("Save", type="primary"):
            _save(saved, key, title, diagnosis, record, case if keep else None)


def _save(saved: dict[str, str], key: str, title: str, diagnosis: Diagnosis, record: Record, kept: Case | None) -> None:
    try:
        cases = worklist()
        if cases is None:
            st.warning(SIGN_IN)
            return
        inputs = inputs_of(kept, record.sources) if kept else ()
        saved[key] = cases.save(diagnosis, title=title, inputs=inputs)
    except MultimodalError as error:
        st.error(error.message)
        return
    st.rerun()


def _title(record: Record) -> str:
    what = f"Phantom, {record.phantom.lower()}" if record.phantom else "Case"
    return f"{what}, {datetime.now().astimezone():%Y-%m-%d %H:%M}"
