"""A and B: the sidebar's choice, and what the lab holds against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape

import streamlit as st

from multimodal.labels import Modality
from multimodal.ui import engine, sidebar
from multimodal.ui.record import Choice
from multimodal.ui.theme import WORDS

AS_A = "as A"
"""What B takes over from A; no bundle can have this name."""

TITLES: Mapping[str, str] = {**{m.value: f"{WORDS[m]} network" for m in Modality}, engine.FUSION: "Fusion"}


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        name: "A" or "B".
        choice: Its models.
        picked: Kind to its bundle.
    """

    name: str
    choice: Choice
    picked: Mapping[str, engine.Option]

    @property
    def misfits(self) -> list[str]:
        """The branches that its head was not trained with."""
        return list(sidebar.swapped(self.picked))

    @property
    def fit(self) -> str:
        """Whether its head fits its branches, in one line."""
        head = self.picked.get(engine.FUSION)
        if head is None or not head.branches:
            return "Late pooling: it has no weights and fits any network."
        if not self.misfits:
            return f"{head.name} was trained with these networks."
        words = " and ".join(WORDS[Modality(kind)].lower() for kind in self.misfits)
        return f"{head.name} was trained with another {words} network: answers are pooled (late fusion) until a refit."


def choose(a: Choice) -> tuple[Side, Side] | None:
    """Draw B's choice beside A's; kept in the address. None where there is no network at all."""
    options = engine.catalogue().options
    names = dict(a.models)
    if not any(kind in names for kind in Modality):
        return None
    chosen = dict(names)
    with st.container(border=True, key="lab-sides"):
        for column, kind in zip(st.columns(len(TITLES)), TITLES, strict=True):
            with column:
                others = [option.name for option in options[kind] if option.name != names.get(kind)]
                if others:
                    _forget_what_is_gone(f"b-{kind}", [AS_A, *others])
                    pick = st.selectbox(
                        f"B: {TITLES[kind].lower()}", [AS_A, *others], key=f"b-{kind}", bind="query-params"
                    )
                    chosen[kind] = names.get(kind, AS_A) if pick == AS_A else pick
                st.html(f'<p class="mm-muted">A: {escape(names.get(kind, "none installed"))}</p>')
        sides = tuple(
            Side(name, replace(a, models=tuple(models.items())), _picked(options, models))
            for name, models in (("A", names), ("B", {k: v for k, v in chosen.items() if v != AS_A}))
        )
        st.html("".join(_line(side) for side in sides))
    return sides[0], sides[1]


def suggestions(a: Side) -> list[tuple[str, str, str]]:
    """Swaps that are one click away: kind, bundle and what the button says."""
    options = engine.catalogue().options
    found = []
    for kind, title in TITLES.items():
        mine = a.picked.get(kind)
        other = next((option for option in options[kind] if mine is not None and option.name != mine.name), None)
        if other is not None:
            found.append((kind, other.name, f"{title}: {other.name}"))
    return found


def use(side: str, kind: str, name: str) -> None:
    """Make a bundle A's or B's choice, before the widgets are drawn again."""
    if side == "A":
        st.session_state[kind] = name
    else:
        st.session_state[f"b-{kind}"] = name


def _forget_what_is_gone(key: str, options: list[str]) -> None:
    """A choice that A has taken over, or that is no longer there, falls back to A's."""
    if st.session_state.get(key, AS_A) not in options:
        st.session_state[key] = AS_A


def _picked(options: Mapping[str, tuple[engine.Option, ...]], models: Mapping[str, str]) -> dict[str, engine.Option]:
    return {kind: next(o for o in options[kind] if o.name == name) for kind, name in models.items()}


def _line(side: Side) -> str:
    mark = "mm-swap" if side.misfits else "mm-muted"
    return f'<p class="{mark}" role="status"><b>{side.name}.</b> {escape(side.fit)}</p>'


def stands() -> str:
    """Where a bundle that has been kept is found now."""
    if engine.server():
        return "It is in the models of this machine; the server answers with its own, and does not have it."
    return "It stands in the sidebar now."
