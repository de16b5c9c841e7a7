"""The public sources: where each comes from and on what terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from multimodal.labels import Modality


@dataclass(frozen=True)
class SourceCard:
    """What a reader must know of a source.

    Attributes:
        name: Folder name, first half of every patient key.
        title: Full name with the paper.
        modality: What it holds.
        licence: As the source states it.
        url: Page of the official download.
        terms: What the licence means for weights trained on it.
    """

    name: str
    title: str
    modality: Modality
    licence: str
    url: str
    terms: str


_FREE = "may be used and shared, with attribution"
_NON_COMMERCIAL = "non-commercial use only"
_PHYSIONET = "credentialed access; neither data nor weights may be passed on outside the agreement"

# fmt: off
SOURCES: Mapping[str, SourceCard] = MappingProxyType({card.name: card for card in (
    SourceCard("kermany", "Paediatric chest films, Guangzhou (Kermany et al., Cell 2018)", Modality.IMAGE,
               "CC BY 4.0", "https://data.mendeley.com/datasets/rscbjbr9sj", _FREE),
    SourceCard("nih", "ChestX-ray14 (Wang et al., CVPR 2017)", Modality.IMAGE,
               "NIH terms of use", "https://nihcc.app.box.com/v/ChestXray-NIHCC",
               "any use, with attribution to the NIH"),
    SourceCard("cohen", "COVID-19 image data collection (Cohen et al., 2020)", Modality.IMAGE,
               "per image", "https://github.com/ieee8023/covid-chestxray-dataset", "partly non-commercial"),
    SourceCard("circor", "CirCor DigiScope phonocardiograms (Oliveira et al., JBHI 2022)", Modality.AUDIO,
               "ODC-By 1.0", "https://physionet.org/content/circor-heart-sound/1.0.3/", _FREE),
    SourceCard("bmdhs", "BMD-HS, valve disease by echocardiography (Ali et al., 2024)", Modality.AUDIO,
               "not stated", "https://github.com/mHealthBuet/BMD-HS-Dataset",
               "ask the authors before other than research use"),
    SourceCard("kauh", "Lung sounds, King Abdullah University Hospital (Fraiwan et al., Data in Brief 2021)",
               Modality.AUDIO, "CC BY 4.0", "https://data.mendeley.com/datasets/jwyy9np4gv", _FREE),
    SourceCard("icbhi", "ICBHI 2017 respiratory sounds (Rocha et al., Physiol. Meas. 2019)", Modality.AUDIO,
               "CC0", "https://bhichallenge.med.auth.gr", "free"),
    SourceCard("openi", "Indiana University chest reports, Open-I (Demner-Fushman et al., JAMIA 2016)", Modality.TEXT,
               "CC BY-NC-ND 4.0", "https://openi.nlm.nih.gov", _NON_COMMERCIAL),
    SourceCard("aci_bench", "ACI-Bench visit notes (Yim et al., Sci. Data 2023)", Modality.TEXT,
               "CC BY 4.0", "https://github.com/wyim/aci-bench", _FREE),
    SourceCard("chexpert", "CheXpert (Irvin et al., AAAI 2019)", Modality.IMAGE,
               "Stanford research use agreement", "https://stanfordmlgroup.github.io/competitions/chexpert/",
               _NON_COMMERCIAL),
    SourceCard("mimic_cxr", "MIMIC-CXR-JPG with reports (Johnson et al., 2019)", Modality.IMAGE,
               "PhysioNet credentialed", "https://physionet.org/content/mimic-cxr-jpg/", _PHYSIONET),
    SourceCard("phantom", "Phantoms drawn by this project: no patients", Modality.IMAGE,
               "Apache-2.0", "", "free"),
)})
# fmt: on


def terms(names: Iterable[str]) -> str:
    """Under what terms weights can be used that were trained on these sources, for a model card."""
    cards = [(name, SOURCES.get(name)) for name in names]
    return "; ".join(
        f"{name}: {card.licence} ({card.terms})" if card else f"{name}: licence not stated" for name, card in cards
    )
