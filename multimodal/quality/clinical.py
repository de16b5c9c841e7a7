"""The words that notes are made of: parts of the body, complaints, diseases, treatments, and their abbreviations.

A *stem* is the beginning of a word; what everyday words begin with too stands among the whole words. Gathered from
training notes and held against other texts: a shopping list has none, and hardly any indication is without.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Set


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CHEST_STEMS = _words(
    "airspace airway angina aort asthma atelecta atri auscult breath bronch cardi copd cough crackle cxr diastol "
    "dyspn emphys heart hilar lobar lobe lung mediastin mitral murmur pacemaker parenchym perihilar pleur pneumo "
    "pulmon respir rhonch sarcoid shortness sputum systol tachy thora tubercul valv ventric wheez"
)
_CHEST_WORDS = _words("ards chest rales rib ribs sob tb")

_PART_STEMS = _words(
    "abdom ankle appendic appendix bowel cranial elbow femor femur gallbladder humera humeri humeru kidney knee liver "
    "lumbar mammogra menisc ovar pancrea patell pelvi prostat renal sinus spleen tibia uteri uteru wrist"
)
_PART_WORDS = _words("colon")
_EVERYDAY_PARTS = _words("brain breast breasts foot hand hands hip hips shoulder shoulders skull toe toes")
"""A text that names them alone may be of anything."""

_STEMS = _words(
    "abnormal abscess achalas acute adenopath allerg alveol alzheimer anaemi anasarca anemi angio anorexi antibiotic "
    "anticoag apnea apnoea arrhythm arthrit ascit aspirat aspirin bacter bilateral biops bleed blood cancer carcin "
    "catheter chemo chronic cirrho clinic complain confusion congenital congest consolidat constipat coronar covid "
    "cramp crohn croup cyano cyst dehydrat delirium dementia depression diabet diagnos dialys disease dislocat dizz "
    "doctor dysph eczema edema effus embol epilep esoph exertion fatigue febril fever fibri fibro fractur goiter "
    "goitre granulom gunshot haemat haemo headache hemat hemo hepat hernia hiccup histoplas hoarse hospital "
    "hyperexpan hyperglyc hyperinflat hyperlip hypertens hypertroph hypoglyc hypotens hypothyr hypovol hypox immun "
    "implant infarct infect infiltrat inflam influenz inhal injur insomnia insulin intoxicat intub isch itch jaundice "
    "lesion letharg leuk lightheaded lupus lymph malaise malaria malignan mastectom measles medical medication "
    "melanom metasta mumps muscul myelo myoc nause neoplas nephr neuro nodul nurse obes oedema oncolog opaci osteo "
    "overdose oxygen palpit parkinson patient pertussis phlegm physician polyp postop preop presyncop prurit psorias "
    "psych radiogra reflux rheum rigors sarcoma scler scoliosis seizure seps septic sickle spasm spondyl sprain "
    "stenos steroid stroke suicid surger surgic swelling swollen symptom syncop syndrom therapy throat thrombo "
    "thyroid tingl tobacco tracheo transplant trauma tremor tumor tumour ulcer unremarkable unresponsive unwell urin "
    "vaccin vascul vertig viral virus vomit weakness wound"
)
_WORDS = _words(
    "ache aches aching checkup chills choked choking fainted fainting findings flu mass masses numb numbness o2 pain "
    "painful painless pains picc poisoning rash scar scars sick smoker smokers smokes smoking stent swallowing sweat "
    "sweating sweats abg acs afib aicd aki aml ams asd avr bipap bmt bp cabg cad cbc chd chf ckd cll cml cp cpap ct "
    "cva cvc djd dka dvt dx ecg ecmo ekg esrd etoh ett fx gerd gsw hcc hiv hpi htn hx icd icu ild inr ipf ivdu lll "
    "loc lul lvh mrsa mva mvc mvr ngt nstemi osa pda pe pfo pmh pn pna ppd ppm pt pts ptx pvd rll rml rsv rul rx sars "
    "sle stab stemi svt sx tavr tia tof uti vats vsd wbc workup yo yof yom"
)
_ENDINGS = _words(
    "atrophy dystrophy ectasia ectasis ectomy emia itis megaly opathic opathy oscopy ostomy otomy penia plegia pnea "
    "rrhage rrhea rrhoea uria"
)
_ALL_STEMS = _STEMS | _CHEST_STEMS | _PART_STEMS
_ALL_WORDS = _WORDS | _CHEST_WORDS | _PART_WORDS
_LONGEST = 12
"""Letters of a stem or an ending."""
_PHRASES = re.compile(
    r"\b(?:(?:b/l|c/o|f/u|h/o|n/v|r/o|s/p|w/u|y/o)\b|blurred vision|central line|check-up|intensive care|mental status|"
    r"night ?sweats|normal limits|passed out|(?:physical|routine) exam|p(?:ost|re)[- ]op|rule out|status post|"
    r"weight (?:gain|loss)|work-up|x-?rays?\b|years?[- ]old)|"
    r"(?<![\d.])\d{3}\.\d{1,2}(?![\d.])|\b[a-tv-z]\d{2}\.\d",  # ICD-9 and ICD-10
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"\b(?:CA|CF|DM|GI|HR|IV|MI|URI)\b")
_MASKED = re.compile(r"\bX{3,}\b|_{3,}|\[\*\*")


def clinical_words(text: str) -> int:
    """How many words of a text belong in a note.

    >>> clinical_words("62 y/o M, COPD, r/o mass"), clinical_words("milk, bread and chicken breast")
    (4, 0)
    """
    return _count(text, _ALL_STEMS, _ALL_WORDS, _ENDINGS) + len(_PHRASES.findall(text)) + len(_CAPITALS.findall(text))


def chest_words(text: str) -> int:
    """How many words of a text are of the chest, of heart and lungs, or of what is heard and seen there."""
    return _count(text, _CHEST_STEMS, _CHEST_WORDS)


def other_organs(text: str) -> int:
    """How many words of a text are of other parts of the body."""
    return _count(text, _PART_STEMS, _PART_WORDS | _EVERYDAY_PARTS)


def is_masked(text: str) -> bool:
    """Whether words were taken out of a text to hide whose it is, as in public notes: ``Productive XXXX``."""
    return _MASKED.search(text) is not None


def _count(text: str, stems: Set[str], words: Set[str], endings: Set[str] = frozenset()) -> int:
    counts = Counter(re.findall(r"[a-z0-9]+", text.lower()))
    return sum(
        times
        for word, times in counts.items()
        if word in words
        or any(word[:size] in stems for size in range(1, _LONGEST + 1))
        or any(word[-size:] in endings for size in range(1, min(len(word), _LONGEST)))
    )
