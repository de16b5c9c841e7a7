"""The bundles there are and which goes with which, one more from elsewhere, and the registered architectures."""

from __future__ import annotations

import inspect
from html import escape

import streamlit as st

from multimodal.errors import MultimodalError
from multimodal.labels import LABELS, Modality, labels_of
from multimodal.ui import engine, lab_fit
from multimodal.ui.lab_choice import TITLES, stands
from multimodal.ui.lab_tables import count, megabytes, table
from multimodal.ui.record import Choice
from multimodal.ui.stack import imported
from multimodal.ui.viewer import visible

_FETCHED, _REFUSED, _ADDED = "lab-fetched", "lab-fetch-refused", "lab-added"
_COUNTED = "lab-counted"
_NONE = "–"


def show(a: Choice) -> None:
    """Draw the tables."""
    with st.spinner("Reading the bundles"):
        rows, bundles = _bundles(), {kind: dict(a.models).get(kind, "") for kind in TITLES}
    st.subheader("Bundles")
    if rows:
        titles = ("Name", "Kind", "Architecture", "Parameters", "On disk", "Embedding", "Goes with")
        st.html(table("Bundles", titles, rows, left=True))
    else:
        st.info("There are no bundles yet. Train one, or add one below.")
    st.subheader("Add a bundle")
    _add()
    st.subheader("Architectures")
    kinds = list(TITLES)
    kind = st.segmented_control(
        "Kind", kinds, default=kinds[0], format_func=TITLES.__getitem__, required=True, key="lab-kind",
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    built = _heads(tuple(bundles.items())) if kind == engine.FUSION else _branches(kind)
    title = TITLES[kind]
    used = {arch: ", ".join(row[0] for row in rows if row[1:3] == (title, arch)) for arch, *_ in built}
    head = ("Architecture", "Parameters", "Embedding", "Options", "Bundles")
    cells = [(*row, used[row[0]] or _NONE) for row in built]
    st.html(table(f"Architectures: {title}", head, cells, left=True))
    of = "the networks chosen in the sidebar" if kind == engine.FUSION else "all labels that this kind can speak of"
    st.html(f'<p class="mm-muted">Parameters with the default options, for {of}.</p>')
    if kind not in (engine.FUSION, *st.session_state.get(_COUNTED, ())):
        st.button("Count the parameters", icon=":material/calculate:", on_click=_count, args=(kind,))


def _count(kind: str) -> None:
    st.session_state[_COUNTED] = {*st.session_state.get(_COUNTED, ()), kind}


def _bundles() -> list[tuple[str, ...]]:
    """A row a bundle: name, kind, architecture, parameters, size, embedding, and what it goes with."""
    from multimodal.zoo import bundles

    known = []
    for bundle in bundles():
        try:
            known.append((bundle, bundle.config))
        except MultimodalError:
            continue
    rows: list[tuple[str, ...]] = []
    for bundle, config in known:
        goes_with = [str(branch.get("name", "")) for branch in config.branches.values()] or [
            head.name
            for head, other in known
            if any(branch.get("sha256") == config.sha256 for branch in other.branches.values())
        ]
        embedding, size = str(config.embedding_dim or _NONE), megabytes(lab_fit.size(bundle))
        rows.append((
            bundle.name, TITLES[bundle.kind], config.arch, count(config.parameters), size, embedding,
            ", ".join(goes_with) or ("any network" if bundle.kind == engine.FUSION else "late pooling"),
        ))  # fmt: skip
    return rows


def _branches(kind: str) -> list[tuple[str, str, str, str]]:
    """A row an architecture: name, parameters and embedding once they are asked for, options with their defaults."""
    imported((f"multimodal.branches.{kind}",))
    from multimodal.branches import architectures, default_options

    with st.spinner("Looking for architectures"):
        archs = architectures(kind)
    sizes = dict.fromkeys(archs, (_NONE, _NONE))
    if kind in st.session_state.get(_COUNTED, ()):
        for arch in archs:
            with st.spinner(f"Building {arch} without its weights"):
                sizes[arch] = _size(kind, arch)
    return [(arch, *sizes[arch], _options(default_options(kind, arch))) for arch in archs]


@st.cache_data(show_spinner=False)
def _size(kind: str, arch: str) -> tuple[str, str]:
    """Parameters and length of the embedding; dashes for one that takes its shape from an encoder to be named."""
    imported((f"multimodal.branches.{kind}",))
    import torch

    from multimodal.branches import create
    from multimodal.prepare import settings_from

    try:
        with torch.device("meta"):
            network = create(kind, arch, labels=labels_of(Modality(kind)), preparation=settings_from(kind, {}))
    except MultimodalError:
        return _NONE, _NONE
    return count(sum(p.numel() for p in network.parameters())), str(network.embedding_dim)


@st.cache_data(show_spinner=False)
def _heads(chosen: tuple[tuple[str, str], ...]) -> list[tuple[str, str, str, str]]:
    """The same of fusion heads, over the chosen networks."""
    imported(("multimodal.fusion",))
    from multimodal.fusion import architectures, create
    from multimodal.zoo import find

    names = dict(chosen)
    dims = {m: find(m, names[m]).config.embedding_dim for m in Modality if names.get(m)}
    rows = []
    for arch in architectures():
        head = create(arch, labels=tuple(LABELS), embedding_dims=dims)
        options = {
            p.name: p.default
            for cls in type(head).__mro__
            for p in inspect.signature(cls).parameters.values()
            if p.default is not p.empty and p.name != "embedding_dims"
        }
        rows.append((arch, count(sum(p.numel() for p in head.parameters())), _NONE, _options(options)))
    return rows


def _options(options: dict[str, object]) -> str:
    return ", ".join(f"{name} {_NONE if value is None else value}" for name, value in options.items()) or _NONE


def _add() -> None:
    st.html(
        '<p class="mm-muted">From a folder of this machine, or from the Hub as '
        "<code>hf:organisation/name@revision</code>. Weights are read as numbers only: no code of a bundle is ever "
        "run. A name that is taken is refused.</p>"
    )
    place, action = st.columns([4, 1], vertical_alignment="bottom")
    place.text_input("Folder or Hub reference", key="lab-reference", placeholder="hf:organisation/name@revision")
    if action.button("Check", icon=":material/fact_check:", width="stretch"):
        _check(st.session_state["lab-reference"].strip())
    refused: str | None = st.session_state.get(_REFUSED)
    if refused:
        st.error(refused)
    added: str | None = st.session_state.get(_ADDED)
    if added:
        st.success(f"Added as {added}. {stands()}")
    bundle = st.session_state.get(_FETCHED)
    if bundle is None:
        return
    config = bundle.config
    labels = ", ".join(LABELS[label].title.lower() for label in config.labels)
    st.html(
        f"<p><b>{escape(config.kind)}/{escape(visible(config.name))}</b>: {escape(visible(config.arch))}, "
        f"{count(config.parameters)} parameters, speaks of {escape(labels)}. It has loaded and its hash is right.</p>"
    )
    name, action = st.columns([4, 1], vertical_alignment="bottom")
    name.text_input("Name here", config.name, key="lab-added-name")
    action.button("Add", icon=":material/add:", type="primary", on_click=_keep, width="stretch")


def _check(reference: str) -> None:
    for key in (_FETCHED, _REFUSED, _ADDED):
        st.session_state.pop(key, None)
    if not reference:
        st.session_state[_REFUSED] = "Give a folder or a Hub reference."
        return
    try:
        with st.spinner(f"Fetching and checking {visible(reference)}"):
            st.session_state[_FETCHED] = lab_fit.fetch(reference)
    except MultimodalError as error:
        st.session_state[_REFUSED] = str(error)


def _keep() -> None:
    st.session_state.pop(_REFUSED, None)
    try:
        bundle = lab_fit.add(st.session_state[_FETCHED], st.session_state["lab-added-name"].strip())
    except MultimodalError as error:
        st.session_state[_REFUSED] = error.message
        return
    st.session_state.pop(_FETCHED)
    st.session_state[_ADDED] = f"{bundle.kind}/{bundle.name}"
