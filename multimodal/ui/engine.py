"""The engine behind the page: loaded once a choice of models, imported only when it is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import streamlit as st

from multimodal.case import Case, Diagnosis
from multimodal.labels import Modality
from multimodal.ui.memory import kept, recall
from multimodal.ui.record import Choice, fingerprint
from multimodal.ui.stack import ANSWER, imported

if TYPE_CHECKING:
    from multimodal.engine import Engine

FUSION = "fusion"
_REMEMBERED = 256
"""Items of a session whose embeddings are kept."""
LATE = "late"
"""Late pooling has no weights, so it is offered whether or not there is a bundle of it."""


@dataclass(frozen=True)
class Option:
    """A bundle that the sidebar offers.

    Attributes:
        name: Of the bundle.
        arch: Its architecture.
        sha256: Of its weights.
        branches: For a trained fusion head, the branches it was trained on: modality to sha256.
    """

    name: str
    arch: str
    sha256: str = ""
    branches: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """What the sidebar offers.

    Attributes:
        options: By kind, the default first.
        broken: Names of bundles whose config cannot be read.
    """

    options: Mapping[str, tuple[Option, ...]]
    broken: tuple[str, ...] = ()


def server() -> str:
    """Address of the server that answers in place of this process; empty for none."""
    return os.environ.get("MULTIMODAL_SERVER", "")


def catalogue() -> Catalogue:
    """The bundles of the zoo as they are on disk now, or those of the server.

    Raises:
        ServiceError: If the server cannot say.
    """
    return _offered(server()) if server() else _listed()


@st.cache_data(ttl=10, show_spinner=False)
def _offered(url: str) -> Catalogue:
    from multimodal.client import Client

    told = Client(url=url).catalogue
    options: dict[str, list[Option]] = {kind: [] for kind in (*Modality, FUSION)}
    for entry in sorted(told["bundles"], key=lambda entry: not entry["default"]):
        options[entry["kind"]].append(Option(entry["name"], entry["arch"], entry["sha256"], entry["branches"]))
    return _complete(options, told["broken"])


def _complete(options: dict[str, list[Option]], broken: Sequence[str]) -> Catalogue:
    if LATE not in {option.name for option in options[FUSION]}:
        options[FUSION].append(Option(LATE, LATE))
    return Catalogue({kind: tuple(of) for kind, of in options.items()}, tuple(broken))


def _listed() -> Catalogue:
    from multimodal.listing import listing

    listed = listing()
    options: dict[str, list[Option]] = {kind: [] for kind in (*Modality, FUSION)}
    for entry in sorted(listed.entries, key=lambda entry: not entry.default):
        options[entry.kind].append(Option(entry.name, entry.arch, entry.sha256, entry.branches))
    return _complete(options, list(listed.broken))


def load(choice: Choice) -> Engine:
    """The engine of a choice; shared by every session, since it holds no patient data."""
    return _load(choice.models, choice.device, choice.prevalence, server())


@st.cache_resource(max_entries=4, show_spinner=False)
def _load(
    models: tuple[tuple[str, str], ...], device: str, prevalence: tuple[tuple[str, float], ...], url: str
) -> Engine:
    if url:
        from multimodal.client import Client

        return cast("Engine", Client(dict(models), url=url, prevalence=dict(prevalence)))  # it answers as one
    imported(ANSWER)
    from multimodal.engine import Engine

    return Engine(dict(models), device=device, prevalence=dict(prevalence))


def remembered(case: Case, choice: Choice) -> Diagnosis | None:
    """The session's own diagnosis of this very case by these models, if it has been made."""
    known = recall(_key(case, choice))
    return known if isinstance(known, Diagnosis) else None


def diagnose(case: Case, choice: Choice) -> Diagnosis:
    """Diagnose a case and keep the answer in this session, and nowhere else.

    What the networks said of its items is kept too, so that another head or one more item runs only what is new.
    """
    return kept(_key(case, choice), lambda: _remembering(load(choice)).diagnose(case))


def _remembering(answering: Engine) -> Engine:
    """An engine of this process, with this session's memory of items; a server has its own."""
    from multimodal.engine import Engine, Reuse

    if not isinstance(cast("object", answering), Engine):
        return answering
    return answering.remembering(kept("embeddings", lambda: Reuse(_REMEMBERED)))


def _key(case: Case, choice: Choice) -> str:
    return f"diagnosis-{fingerprint(case, choice)}"
