"""The list of cases: filters above, a dense table below."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import streamlit as st

from multimodal.labels import LABELS, Modality
from multimodal.store import Query, ReviewState, Sort, Summary, Worklist
from multimodal.ui import evidence
from multimodal.ui.answer import percent
from multimodal.ui.record import findable
from multimodal.ui.theme import WORDS, Palette

PER_PAGE = 25
STATES = {ReviewState.OPEN: "To review", ReviewState.AGREE: "Agreed", ReviewState.DISAGREE: "Disagreed"}

_COLUMNS = (
    (Sort.CREATED, "Date"),
    (Sort.TITLE, "Title"),
    (Sort.FINDING, "Main finding"),
    (Sort.PROBABILITY, "Probability"),
    (None, "Record"),
    (Sort.REVIEW, "Review"),
    (None, "Models"),
)
_DESCENDING_FIRST = (Sort.CREATED, Sort.PROBABILITY)
_KEY = "worklist"


def _source(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


_TABLE = st.components.v2.component(
    "multimodal_worklist",
    html='<div class="worklist"></div>',
    css=_source("cases_table.css"),
    js=_source("cases_table.js"),
)


def show(mine: Worklist, colours: Palette) -> None:
    """Draw filters and table."""
    _filters(mine)
    found = mine.search(query())
    if not found.total:
        st.info("No case matches. Widen the search, or clear a filter.")
        return
    data = {
        "rows": [row(case) for case in found.cases],
        "columns": [{"sort": sort, "title": title} for sort, title in _COLUMNS],
        "sort": _sort(),
        "descending": _descending(),
        "first": _page() * PER_PAGE + 1,
        "total": found.total,
        "size": PER_PAGE,
        "marks": [{"word": WORDS[m], "modality": m, "colour": colour} for m, colour in colours.modalities.items()],
    }
    _TABLE(key=_KEY, data=data, on_open_change=_open, on_sort_change=_resort, on_page_change=_turn)


def query() -> Query:
    """What the filters ask for."""
    state = st.session_state
    days: tuple[date, ...] = tuple(state.get("cases-days") or ())
    return Query(
        search=state.get("cases-search") or "",
        label=state.get("cases-label"),
        review=state.get("cases-review"),
        model=state.get("cases-model"),
        since=days[0] if days else None,
        until=days[1] if len(days) > 1 else None,
        sort=_sort(),
        descending=_descending(),
        offset=_page() * PER_PAGE,
        limit=PER_PAGE,
    )


def row(case: Summary) -> dict[str, Any]:
    """A case as the table shows it."""
    created = case.created.astimezone()
    return {
        "id": case.id,
        "date": f"{created:%Y-%m-%d}",
        "time": f"{created:%H:%M}",
        "title": case.title,
        "finding": LABELS[case.finding].title if case.finding else None,
        "probability": case.probability,
        "percent": "" if case.probability is None else percent(case.probability),
        "modalities": list(case.modalities),
        "state": case.state,
        "review": STATES[case.state],
        "corrected": ", ".join(f"{LABELS[n].title}: {'yes' if v else 'no'}" for n, v in case.review.labels.items())
        if case.review
        else "",
        "models": ", ".join(case.models[kind] for kind in (*Modality, "fusion") if kind in case.models),
    }


def _filters(mine: Worklist) -> None:
    with st.container(horizontal=True, gap="small", key="cases-search-row"):
        st.text_input(
            "Search",
            key="cases-search",
            placeholder="Search title, comment or finding",
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=_to_first_page,
            persist_state="session",
        )
        st.date_input(
            "Days",
            [],
            format="YYYY-MM-DD",
            key="cases-days",
            label_visibility="collapsed",
            on_change=_to_first_page,
            persist_state="session",
            width=240,
        )
    with st.container(horizontal=True, gap="small", key="cases-filters"):
        _filter("Finding", "cases-label", {name: findable(name) for name in LABELS})
        _filter("Review", "cases-review", STATES)
        _filter("Model", "cases-model", {name: name for name in mine.models()})


def _filter(label: str, key: str, words: Mapping[Any, str]) -> None:
    st.selectbox(
        label,
        list(words),
        index=None,
        format_func=words.__getitem__,
        placeholder=f"Any {label.lower()}",
        key=key,
        label_visibility="collapsed",
        on_change=_to_first_page,
        persist_state="session",
    )


def _sort() -> Sort:
    return Sort(st.session_state.get("cases-sort", Sort.CREATED))


def _descending() -> bool:
    return bool(st.session_state.get("cases-descending", True))


def _page() -> int:
    return int(st.session_state.get("cases-page", 0))


def _to_first_page() -> None:
    st.session_state["cases-page"] = 0


def _open() -> None:
    evidence.forget()
    st.query_params["case"] = st.session_state[_KEY].open


def _resort() -> None:
    wanted = Sort(st.session_state[_KEY].sort)
    again = wanted is _sort()
    st.session_state["cases-descending"] = not _descending() if again else wanted in _DESCENDING_FIRST
    st.session_state["cases-sort"] = wanted
    _to_first_page()


def _turn() -> None:
    st.session_state["cases-page"] = max(0, _page() + int(st.session_state[_KEY].page))
