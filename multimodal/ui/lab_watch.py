"""How far a job is: the part of the page that looks again every second, and no other."""

from __future__ import annotations

from typing import Any

import streamlit as st

from multimodal.ui.lab_job import Job


@st.fragment(run_every=1.0)
def watch(key: str) -> None:
    """Draw the progress of the session's job of that key, with a way to stop it."""
    job: Job[Any] | None = st.session_state.get(key)
    if job is None or not job.running:
        st.rerun()
    words, done = job.progress
    with st.container(border=True, key=f"{key}-progress"):
        bar, stop = st.columns([5, 1], vertical_alignment="center")
        bar.progress(done, words)
        stop.button(
            "Stop",
            icon=":material/stop:",
            on_click=job.stop,
            disabled=job.stopping,
            key=f"{key}-stop",
            width="stretch",
        )


def tell(job: Job[Any]) -> None:
    """Say why a job that is over has no result, if it has none."""
    if job.stopped:
        st.info("Stopped.")
    elif job.problem:
        st.error(job.problem)
