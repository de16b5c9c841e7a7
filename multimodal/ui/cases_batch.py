"""Batches on the Cases page: one at a time for each owner, going on while the reader does something else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from multimodal.store import Worklist
from multimodal.ui import engine, where
from multimodal.ui.cases_job import Job, Phase, Progress
from multimodal.ui.cases_owner import kept_where
from multimodal.ui.door import server_address
from multimodal.ui.record import Choice
from multimodal.ui.viewer import visible

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

SHOWN_FAILURES = 20


@dataclass
class Place:
    """Where an owner's batch is found again, from any session of the owner."""

    job: Job | None = None


@st.cache_resource(show_spinner=False)
def place(owner: str) -> Place:
    """The owner's own place; there is one for each key and no way to another's."""
    del owner  # the key of the cache
    return Place()


def running(mine: Worklist) -> bool:
    """Whether a batch of the owner is under way."""
    job = place(mine.owner).job
    return job is not None and job.progress.phase is Phase.RUNNING


def intake_key() -> str:
    """Key of the popover that takes a batch: a new one for each batch, so that it closes when one starts."""
    return f"batch-intake-{st.session_state.get('batches', 0)}"


def intake(mine: Worklist, choice: Choice) -> None:
    """What a batch is, and the archive or folder to run."""
    mine_now = place(mine.owner)
    if running(mine):
        st.write("A batch is running. Wait for it or stop it first.")
        return
    st.html(
        '<p class="mm-muted">A zip or a folder, with a folder for each case or with <code>manifest.csv</code> '
        "(<code>case_id, path, kind, site, age, sex</code>) and the files it names. Every answer comes into this list "
        "under its case id. A batch that was cut short goes on when it is given again.</p>"
    )
    answered = f"{where.goes(server_address(), engine.server())} " if engine.server() else ""
    st.html(f'<p class="mm-muted">{escape(answered + kept_where())}</p>')
    archive = st.file_uploader("The cases as a zip", type="zip", key="batch-archive")
    folder = st.file_uploader("Or as a folder", accept_multiple_files="directory", key="batch-folder")
    keep = st.checkbox(
        "Keep the films and sounds too",
        key="batch-keep",
        help="Written anew, without anything else that their files hold. Notes are kept one by one, from Diagnose, "
        "where you see first what is taken out of them.",
    )
    if st.button("Run", type="primary", disabled=archive is None and not folder, key="batch-run"):
        data, name = (archive.getvalue(), archive.name) if archive is not None else _packed(folder)
        with st.spinner("Loading the networks"):
            answering = engine.load(choice)
        if mine_now.job is not None:
            mine_now.job.dismiss()
        mine_now.job = Job(data, name, mine, answering, models=repr(choice), keep_files=keep)
        mine_now.job.start()
        st.session_state["batches"] = st.session_state.get("batches", 0) + 1
        st.rerun()


def _packed(folder: Sequence[UploadedFile]) -> tuple[bytes, str]:
    """A folder as an archive, always the same for the same files, and its name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(folder, key=lambda file: file.name):
            archive.writestr(zipfile.ZipInfo(file.name), file.getvalue())
    return buffer.getvalue(), folder[0].name.partition("/")[0]


def progress(mine: Worklist) -> None:
    """How far the owner's batch is, if there is one."""
    job = place(mine.owner).job
    if job is None:
        return
    if job.progress.phase is Phase.RUNNING:
        _running(mine)
    else:
        _ended(mine, job)


@st.fragment(run_every=1.0)
def _running(mine: Worklist) -> None:
    """The part of the page that looks again every second, and no other."""
    job = place(mine.owner).job
    if job is None or job.progress.phase is not Phase.RUNNING:
        st.rerun()
    now = job.progress
    with st.container(border=True, key="batch"):
        words, stop = st.columns([5, 1], vertical_alignment="center")
        words.progress(now.done / now.total if now.total else 0.0, _words(job, now))
        stop.button("Stop", icon=":material/stop:", on_click=job.stop, key="batch-stop", width="stretch")


def _words(job: Job, now: Progress) -> str:
    if not now.total:
        return f"Unpacking {visible(job.name)}"
    return f"{now.done} of {now.total} cases, now at {visible(now.current)}"


def _ended(mine: Worklist, job: Job) -> None:
    now = job.progress
    with st.container(border=True, key="batch"):
        words, actions = st.columns([3, 2], vertical_alignment="center")
        words.html(f'<p role="status">{_outcome(job, now)}</p>')
        with actions.container(horizontal=True, horizontal_alignment="right"):
            if now.phase is Phase.STOPPED:
                st.button("Go on", icon=":material/play_arrow:", on_click=job.start, key="batch-resume")
            if job.jsonl:
                st.download_button(
                    "JSONL", job.jsonl, "results.jsonl", "application/jsonl", on_click="ignore", key="batch-jsonl"
                )
                st.download_button(
                    "CSV", job.csv().encode("utf-8-sig"), "results.csv", "text/csv", on_click="ignore", key="batch-csv"
                )
            st.button("Dismiss", icon=":material/close:", on_click=_dismiss, args=(mine,), key="batch-dismiss")
        if now.failures:
            with st.expander(f"{len(now.failures)} without an answer"):
                st.html(_failures(now))


def _outcome(job: Job, now: Progress) -> str:
    name = f"<b>{escape(visible(job.name))}</b>"
    if now.phase is Phase.FAILED:
        return f"{name}: {escape(now.problem or '')}"
    answered = now.done - len(now.failures)
    state = "Stopped" if now.phase is Phase.STOPPED else "Done"
    left = f", {now.total - now.done} left" if now.phase is Phase.STOPPED else ""
    return f"{name}: {state}. {answered} diagnosed, {len(now.failures)} without an answer{left}."


def _failures(now: Progress) -> str:
    entries = [
        f'<li class="refused"><b>{escape(visible(case))}</b>: {escape(visible(reason))}</li>'
        for case, reason in now.failures[:SHOWN_FAILURES]
    ]
    rest = len(now.failures) - len(entries)
    more = f"<li>and {rest} more, in the downloads</li>" if rest > 0 else ""
    return f'<ul class="mm-notices">{"".join(entries)}{more}</ul>'


def _dismiss(mine: Worklist) -> None:
    mine_now = place(mine.owner)
    if mine_now.job is not None:
        mine_now.job.dismiss()
        mine_now.job = None
