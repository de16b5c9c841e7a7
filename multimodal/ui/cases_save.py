"""Keeping a diagnosis: the control beside it, on the Diagnose page."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from html import escape

import streamlit as st

from multimodal.case import Case, Diagnosis, Text
from multimodal.errors import MultimodalError
from multimodal.formats import screen
from multimodal.store import inputs_of
from multimodal.ui.cases_owner import kept_where, worklist
from multimodal.ui.record import Record
from multimodal.ui.viewer import visible

SIGN_IN = "Others can reach this server: sign in, so that your cases stay yours."


def offer(record: Record, case: Case, diagnosis: Diagnosis) -> None:
    """Draw the control. Nothing is kept, and no database opened, until the reader saves."""
    saved: dict[str, str] = st.session_state.setdefault("saved", {})
    key = sha256(diagnosis.to_json().encode()).hexdigest()[:16]
    if key in saved:
        if st.button("Open in Cases", icon=":material/inventory_2:", key="open-saved"):
            st.switch_page("cases.py", query_params={"case": saved[key]})
        return
    with st.popover("Save to cases", icon=":material/bookmark_add:"):
        st.session_state.setdefault(f"title-{key}", _title(record))
        title = st.text_input("Title", key=f"title-{key}", max_chars=200, help="Shown in the list. No patient's name.")
        keep = st.checkbox("Keep the files too", key=f"keep-{key}")
        if keep:
            st.html(_kept(case))
        else:
            st.html('<p class="mm-muted">Kept: the answer, hashes and models; not the names of files.</p>')
        st.html(f'<p class="mm-muted">{escape(kept_where())}</p>')
        if st.button("Save", type="primary", key=f"save-{key}"):
            _save(saved, key, title, diagnosis, case if keep else None)


def _kept(case: Case) -> str:
    """What would be kept of the files, and of each note what would be taken out."""
    written = (
        '<p class="mm-muted">With the files, the evidence can be opened again and corrections can train. Films and '
        "sounds are written anew, without names, dates, numbers or anything else that their files hold beside age and "
        "sex. Words burned into a film or spoken in a recording stay: look and listen.</p>"
    )
    if not case.texts:
        return written
    return (
        f"{written}<p>Patterns found the struck words, which won't be kept. <strong>They miss things, such as names "
        f"without a title: read what is left.</strong></p>{''.join(map(_difference, case.texts))}"
    )


def _difference(note: Text) -> str:
    parts, position = [], 0
    for mark in screen(note.text):
        before, found = note.text[position : mark.start], note.text[mark.start : mark.end]
        parts.append(f"{escape(visible(before))}<del>{escape(visible(found))}</del> <ins>[{mark.found}]</ins>")
        position = mark.end
    rest = escape(visible(note.text[position:]))
    return f'<div class="mm-note" tabindex="0"><div>{"".join(parts)}{rest}</div></div>'


def _save(saved: dict[str, str], key: str, title: str, diagnosis: Diagnosis, kept: Case | None) -> None:
    try:
        cases = worklist()
        if cases is None:
            st.warning(SIGN_IN)
            return
        saved[key] = cases.save(diagnosis, title=title, inputs=inputs_of(kept) if kept else ())
    except MultimodalError as error:
        st.error(error.message)
        return
    st.rerun()


def _title(record: Record) -> str:
    what = f"Phantom, {record.phantom.lower()}" if record.phantom else "Case"
    return f"{what}, {datetime.now().astimezone():%Y-%m-%d %H:%M}"
