"""The sections of a card, in their order. To add one, write its function and name it here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from multimodal.bundle import BundleConfig
from multimodal.evaluate.card.calibration import calibration
from multimodal.evaluate.card.explanations import explanations
from multimodal.evaluate.card.refusal import refusal
from multimodal.evaluate.card.results import results
from multimodal.evaluate.card.robustness import audit, robustness
from multimodal.evaluate.card.shortcuts import shortcuts
from multimodal.evaluate.card.training import training, training_data
from multimodal.evaluate.card.use import identity, intended_use, licence, limits, summary

Section = Callable[[BundleConfig], str]

SECTIONS: Mapping[str, Section] = MappingProxyType(
    {
        "Intended use": intended_use,
        "Limits": limits,
        "Training data": training_data,
        "Training": training,
        "Results": results,
        "Calibration": calibration,
        "When it does not answer": refusal,
        "Explanations": explanations,
        "Robustness": robustness,
        "Known shortcuts": shortcuts,
        "Shortcut audit": audit,
        "Licence": licence,
        "Identity": identity,
    }
)
"""Heading -> its Markdown, from the config alone; a section that returns nothing is left out of that bundle's card."""

_HEADER = "---\nlibrary_name: multimodal-diagnosis\nlicense: other\ntags:\n- medical\n- research\n---\n"


def written(config: BundleConfig) -> dict[str, str]:
    """The sections that a bundle's card has."""
    bodies = {title: section(config) for title, section in SECTIONS.items()}
    return {title: body for title, body in bodies.items() if body}


def render_card(config: BundleConfig) -> str:
    """The card as Markdown, with the header that the Hugging Face Hub reads."""
    sections = "\n\n".join(f"## {title}\n\n{body}" for title, body in written(config).items())
    return f"{_HEADER}\n# {config.kind}/{config.name}\n\n{summary(config)}\n\n{sections}\n"
