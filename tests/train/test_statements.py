from __future__ import annotations

import re

import torch

from multimodal.labels import SAID
from multimodal.train.statements import state, statements

TEXT = "INDICATION: cough. Lungs are clear."


def drawn(known: dict[str, bool], draws: int = 400) -> list[str]:
    torch.manual_seed(0)
    return [state(TEXT, known) for _ in range(draws)]


def added(text: str) -> str:
    """What was put in, of a text that still holds all of :data:`TEXT` in its order."""
    found = re.fullmatch(r"(INDICATION:)(.*?)( ?cough\.)(.*?)( ?Lungs are clear\.)(.*)", text)
    assert found
    return " ".join(found.group(2, 4, 6)).strip()


def test_half_of_the_draws_say_one_sentence_more_and_nothing_else_is_touched() -> None:
    more = [added(text) for text in drawn({"pneumonia": True, "cardiomegaly": False})]
    assert 150 < sum(not sentence for sentence in more) < 250
    assert {sentence[0].isupper() and sentence.endswith(".") for sentence in more if sentence} == {True}


def test_what_is_absent_is_only_ever_denied_and_what_is_present_only_ever_said() -> None:
    denial = re.compile(r"\b(no|not|never|negative|denies|without|absent|free|ruled out)\b", re.IGNORECASE)
    for name, value in (("pneumonia", True), ("cardiomegaly", False)):
        sentences = [sentence for text in drawn({name: value}) if (sentence := added(text))]
        assert {any(said.lower() in sentence.lower() for said in SAID[name]) for sentence in sentences} == {True}
        assert {bool(denial.search(sentence)) for sentence in sentences} == {not value}


def test_one_sentence_may_tell_what_is_there_from_what_is_not() -> None:
    sentences = {added(text).lower() for text in drawn({"pneumonia": True, "cardiomegaly": False}, 1000)}
    both = [text for text in sentences if any(word in text for word in (" without ", ", no ", " but no "))]
    assert both
    names = [text.split(part)[0] for text in both for part in (" without ", ", no ", " but no ") if part in text]
    assert set(names) <= {said.lower() for said in SAID["pneumonia"]}


def test_nothing_is_said_where_nothing_is_known_or_no_words_name_it() -> None:
    assert set(drawn({})) == set(drawn({"no_finding": True, "murmur": False})) == {TEXT}


def test_sentences_of_no_patient_say_what_they_are_told_to_mean() -> None:
    torch.manual_seed(0)
    drawn = [statements(("no_finding", *SAID)) for _ in range(200)]
    for text, said in drawn:
        named = {label for label in SAID if any(name.lower() in text.lower() for name in SAID[label])}
        assert named == set(said) != set()
    values = [value for _, said in drawn for value in said.values()]
    assert 0.35 < sum(values) / len(values) < 0.65
    assert {text.count(".") for text, _ in drawn} == {1, 2}
