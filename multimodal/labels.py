"""The vocabulary: what a diagnosis can speak of, and which modality can speak of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from multimodal.errors import UsageError


class Modality(StrEnum):
    """The three kinds of evidence, in the order used everywhere."""

    IMAGE = "image"
    AUDIO = "audio"
    TEXT = "text"


class Site(StrEnum):
    """Where a sound was recorded."""

    HEART = "heart"
    LUNG = "lung"


class Group(StrEnum):
    """A condition is a diagnosis; a finding is what was seen or heard."""

    CONDITION = "condition"
    FINDING = "finding"


@dataclass(frozen=True)
class Label:
    """One condition or finding.

    Attributes:
        name: Identifier used in files, columns and JSON.
        title: Plain words for a reader.
        term: The clinical term with what it covers here, shown on hover.
        group: Condition or finding.
        snomed: SNOMED CT concept identifier.
        modalities: Modalities that can speak of it.
        sites: Sites whose sounds can speak of it; empty if sounds cannot.
        prevalence: Reference prevalence q: the share of patients that a general
            cardiorespiratory clinic is assumed to see with it. A stated assumption that
            the user can replace, not an estimate from data.
    """

    name: str
    title: str
    term: str
    group: Group
    snomed: str
    modalities: frozenset[Modality]
    sites: frozenset[Site]
    prevalence: float


def _label(
    name: str, title: str, term: str, group: Group, snomed: str, prevalence: float, modalities: str, sites: str = ""
) -> Label:
    return Label(
        name=name,
        title=title,
        term=term,
        group=group,
        snomed=snomed,
        modalities=frozenset(Modality(m) for m in modalities.split()),
        sites=frozenset(Site(s) for s in sites.split()),
        prevalence=prevalence,
    )


_C, _F = Group.CONDITION, Group.FINDING
_ALL = "image audio text"
_VALVE = "audio text"

NO_FINDING = "no_finding"

# fmt: off
LABELS: Mapping[str, Label] = MappingProxyType(
    {
        label.name: label
        for label in (
            _label(NO_FINDING, "No abnormality", "Nothing abnormal in what was given", _C, "281900007", 0.40,
                   _ALL, "heart lung"),
            _label("pneumonia", "Pneumonia", "Pneumonia", _C, "233604007", 0.15, _ALL, "lung"),
            _label("obstructive_airway_disease", "Obstructive airway disease",
                   "Obstructive airway disease: asthma, COPD, emphysema", _C, "13645005", 0.15, _ALL, "lung"),
            _label("heart_failure", "Heart failure", "Heart failure with congestion (on films: pulmonary oedema)",
                   _C, "84114007", 0.10, _ALL, "lung"),
            _label("valvular_heart_disease", "Heart valve disease", "Valvular heart disease", _C, "368009", 0.10,
                   _VALVE, "heart"),
            _label("pleural_effusion", "Fluid around the lung", "Pleural effusion", _F, "60046008", 0.10,
                   _ALL, "lung"),
            _label("cardiomegaly", "Enlarged heart", "Cardiomegaly", _F, "8186001", 0.10, "image text"),
            _label("atelectasis", "Collapsed lung tissue", "Atelectasis", _F, "46621007", 0.10, "image text"),
            _label("murmur", "Heart murmur", "Heart murmur", _F, "88610006", 0.15, _VALVE, "heart"),
            _label("crackles", "Crackles", "Respiratory crackles", _F, "48409008", 0.20, _VALVE, "lung"),
            _label("wheezes", "Wheezes", "Wheezing", _F, "56018004", 0.15, _VALVE, "lung"),
            _label("aortic_stenosis", "Narrowed aortic valve", "Aortic stenosis", _F, "60573004", 0.05,
                   _VALVE, "heart"),
            _label("aortic_regurgitation", "Leaking aortic valve", "Aortic regurgitation", _F, "60234000", 0.05,
                   _VALVE, "heart"),
            _label("mitral_stenosis", "Narrowed mitral valve", "Mitral stenosis", _F, "79619009", 0.03,
                   _VALVE, "heart"),
            _label("mitral_regurgitation", "Leaking mitral valve", "Mitral regurgitation", _F, "48724000", 0.05,
                   _VALVE, "heart"),
        )
    }
)
# fmt: on

KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "valvular_heart_disease": (
            "aortic_stenosis",
            "aortic_regurgitation",
            "mitral_stenosis",
            "mitral_regurgitation",
        )
    }
)
"""The labels that are kinds of another one, by SNOMED CT's hierarchy: who has one of them has that other one."""

SAID: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pneumonia": ("pneumonia", "lobar pneumonia", "bronchopneumonia", "lung infection", "pneumonic consolidation"),
        "obstructive_airway_disease": (
            *("COPD", "emphysema", "chronic obstructive pulmonary disease", "hyperinflation"),
            *("chronic bronchitis", "obstructive airway disease", "asthma"),
        ),
        "heart_failure": (
            *("heart failure", "congestive heart failure", "CHF", "pulmonary edema"),
            *("decompensated heart failure", "vascular congestion"),
        ),
        "pleural_effusion": ("pleural effusion", "pleural effusions", "effusion", "pleural fluid"),
        "cardiomegaly": ("cardiomegaly", "cardiac enlargement", "enlargement of the heart", "enlarged heart"),
        "atelectasis": ("atelectasis", "atelectatic change", "bibasilar atelectasis", "volume loss"),
    }
)
"""How notes name a label, to put it into a sentence; only labels that a note names by words of its own."""


def check_labels(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names in vocabulary order.

    Raises:
        UsageError: If a name is not in the vocabulary or is given twice.
    """
    given = list(names)
    unknown = sorted(set(given) - set(LABELS))
    if unknown:
        raise UsageError(f"Expected labels out of {', '.join(LABELS)}, but got {', '.join(unknown)}.")
    if len(set(given)) != len(given):
        raise UsageError(f"Expected each label once, but got {', '.join(given)}.")
    return tuple(name for name in LABELS if name in given)


def labels_of(modality: Modality, site: Site | None = None) -> tuple[str, ...]:
    """Names of the labels that a modality can speak of, at one site for a sound.

    >>> "murmur" in labels_of(Modality.AUDIO, Site.LUNG)
    False
    """
    return tuple(
        name for name, label in LABELS.items() if modality in label.modalities and (site is None or site in label.sites)
    )
