"""Notes with identifiers at known places: sentences of our own, identifiers by Faker."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faker import Faker

from multimodal.formats.screening import Found

LOCALES = ("en_US", "en_GB")
PLAIN = (
    "Cough and fever for 3 days, temperature 38.4 C, blood pressure 120/80, pulse 96.",
    "Crackles over the right lung base; grade 2/6 systolic murmur at the apex.",
    "Takes metoprolol 50 mg twice a day and furosemide 40 mg in the morning.",
    "White cells 12.4, CRP 85, creatinine 1.1 mg/dL, ejection fraction 55-60%.",
    "The heart is enlarged. No pneumothorax. T4-T5 disc space narrowed.",
    "COPD GOLD 2, FEV1/FVC 0.65, 30 pack-years, stopped in 2009.",
)


@dataclass(frozen=True)
class Known:
    """A note, and where each identifier stands."""

    text: str
    spans: tuple[tuple[int, int, Found | None], ...]


def _dates(fake: Faker) -> str:
    day = fake.date_between("-60y")
    formats = (
        "%d/%m/%Y",
        "%m/%d/%y",
        "%Y-%m-%d",
        "%d.%m.%Y",
        "%d %B %Y",
        "%B %d, %Y",
        "%d %b %Y",
        "%b %Y",
        "%-d %B",
        "%m-%d-%Y",
    )
    return day.strftime(random.choice(formats))


def _number(fake: Faker) -> str:
    return fake.bothify(random.choice(("MRN ######", "MRN: ########", "Hospital No. ?######", "NHS number ### ### ####",
                                       "SSN ###-##-####", "Accession no. ??-#######", "Record number ####-###")),
                        letters="ABCDEFGHJKLMN")  # fmt: skip


def _name(fake: Faker) -> str:
    title = random.choice(("Dr", "Dr.", "Mr", "Mr.", "Mrs", "Ms.", "Prof.", "Professor", "Miss"))
    initial = f"{fake.first_name()[0]}. {fake.last_name()}"
    return f"{title} {random.choice((fake.last_name(), fake.name_nonbinary(), initial))}"


SENTENCES: dict[Found | None, tuple[tuple[str, ...], Callable[[Faker], str]]] = {
    Found.DATE: (("Seen on {}.", "Film of {} for comparison.", "Born {}.", "Next visit {}, with results."), _dates),
    Found.NUMBER: (("{}.", "Patient with {}, known here."), _number),
    Found.PHONE: (("Phone {}.", "Can be reached at {} after five.", "Tel: {}"), lambda fake: fake.phone_number()),
    Found.ADDRESS: (("Lives at {}.", "Address: {}."), lambda fake: fake.address().replace("\n", ", ")),
    Found.NAME: (("Referred by {} for a film.", "{} was called about it.", "Discussed with {}."), _name),
    Found.MAIL: (("Write to {}.",), lambda fake: fake.ascii_email()),
    None: (("{} lives alone.", "His brother {} came along."), lambda fake: f"{fake.first_name()} {fake.last_name()}"),
}
"""Of each kind: sentences, and what is put into them; under None a name with neither title nor label."""


def known_notes(count: int, seed: int) -> Iterator[Known]:
    """Notes with one identifier of each kind among plain sentences."""
    random.seed(seed)
    fakes = [Faker(locale) for locale in LOCALES]
    for number, fake in enumerate(fakes):
        fake.seed_instance(seed + number)
    for number in range(count):
        fake = fakes[number % len(fakes)]
        parts: list[str] = []
        spans: list[tuple[int, int, Found | None]] = []
        for found, (sentences, drawn) in SENTENCES.items():
            value, sentence = drawn(fake), random.choice(sentences)
            start = sum(map(len, parts)) + sentence.index("{}")
            parts += [sentence.format(value), f" {random.choice(PLAIN)}\n"]
            spans.append((start, start + len(value), found))
        yield Known("".join(parts), tuple(spans))


def recall(notes: list[Known], found_in: Callable[[str], list[tuple[int, int]]]) -> dict[Found | None, float]:
    """By kind the share of identifiers of which nothing is left that tells: no digit, and no word but its title."""
    hits: dict[Found | None, list[bool]] = {}
    for note in notes:
        marked = {index for start, end in found_in(note.text) for index in range(start, end)}
        for start, end, found in note.spans:
            left = "".join(note.text[index] if index not in marked else " " for index in range(start, end))
            hits.setdefault(found, []).append(not _telling(left))
    return {found: sum(each) / len(each) for found, each in hits.items()}


_LABELS = frozenset(
    ("Dr", "Mr", "Mrs", "Ms", "Prof", "Professor", "Miss", "MRN", "Hospital", "No", "no", "NHS", "SSN", "Accession",
     "Record", "number")
)  # fmt: skip


def _telling(left: str) -> bool:
    words = left.replace(",", " ").replace(".", " ").replace(":", " ").replace("#", " ").split()
    return any(any(c.isdigit() for c in word) or (len(word) > 1 and word not in _LABELS) for word in words)
