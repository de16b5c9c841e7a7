"""Open-I: chest radiology reports of the Indiana University hospital network.

Demner-Fushman et al., "Preparing a collection of radiology examinations for distribution and
retrieval", J. Am. Med. Inform. Assoc. 23 (2016), doi:10.1093/jamia/ocv080; https://openi.nlm.nih.gov
(``NLMCXR_reports.tgz``).

``ecgen-radiology/1.xml``: ``AbstractText`` with the labels INDICATION, COMPARISON, FINDINGS and
IMPRESSION, and ``MeSH/major`` terms coded by hand, such as ``Cardiomegaly/mild`` or ``normal``. A report is
one patient. Labels follow the terms: airspace disease, infiltrate and consolidation count as pneumonia,
hyperinflation as obstructive, oedema and congestion as heart failure; opacities, markings and other lung
terms leave pneumonia unknown. A report without terms, or with "No Indexing", says nothing.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from multimodal.datasets.builders.entry import Builder, Entry, Label, files, report
from multimodal.errors import ManifestError
from multimodal.formats import Kind

_TERMS = {
    "pneumonia": r"Pneumonia\b|Airspace Disease|Infiltrate|Consolidation",
    "obstructive_airway_disease": (
        r"(Pulmonary |Bullous )?Emphysema|Pulmonary Disease, Chronic Obstructive|Asthma|Lung/.*hyperdistention"
    ),
    "heart_failure": r"Heart Failure|Pulmonary Edema|Pulmonary Congestion",
    "pleural_effusion": r"Pleural Effusion",
    "cardiomegaly": r"Cardiomegaly|Cardiac Shadow/enlarged",
    "atelectasis": r"Pulmonary Atelectasis",
}
_MAY_BE_PNEUMONIA = r"(Opacity|Markings|Lung)(/|$)"
_NORMAL = "normal"
_SECTIONS = ("INDICATION", "COMPARISON", "FINDINGS", "IMPRESSION")


def entries(folder: Path) -> Iterator[Entry]:
    """Every report that holds text and terms."""
    for path in files(folder, ".xml").values():
        try:
            root = ElementTree.parse(path).getroot()  # noqa: S314  the user's own download; expat bounds expansion
        except (OSError, ElementTree.ParseError) as error:
            raise ManifestError("This report is no XML that can be read.", file=path.name) from error
        parts = {part.get("Label", "").upper(): "".join(part.itertext()) for part in root.iter("AbstractText")}
        terms = [(term.text or "").strip() for term in root.findall(".//MeSH/major")]
        columns = report(*(parts.get(name, "") for name in _SECTIONS))
        labels = _labels([term for term in terms if term and term != "No Indexing"])
        if columns["text"] and labels:
            yield Entry(path.stem.removeprefix("CXR"), labels, {**columns, "mesh": ";".join(terms)})


def _labels(terms: list[str]) -> dict[str, Label]:
    if not terms:
        return {}
    labels: dict[str, Label] = {"no_finding": int([term.lower() for term in terms] == [_NORMAL])}
    for label, pattern in _TERMS.items():
        labels[label] = int(any(re.match(pattern, term, re.IGNORECASE) for term in terms))
    if not labels["pneumonia"] and any(re.match(_MAY_BE_PNEUMONIA, term, re.IGNORECASE) for term in terms):
        labels["pneumonia"] = None
    return labels


BUILDER = Builder("openi", Kind.NOTE, ("no_finding", *_TERMS), entries)
