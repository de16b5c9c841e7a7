"""The Diagnose page as a reader uses it, without a browser."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from multimodal.case import Case, Diagnosis, Notice, Patient
from multimodal.engine import inference
from multimodal.errors import BundleNotFoundError, BusyError, UnavailableError
from multimodal.labels import Modality, Site
from multimodal.ui import engine, evidence
from multimodal.ui.upload import SAMPLES
from tests.ui.conftest import beats_wav, film_png, record
from tests.ui.made import Double
from tests.ui.reading import button, give, headline, made, shown


def test_the_empty_page_says_what_to_do_and_diagnoses_nothing(app: AppTest, double: Double) -> None:
    app.run()
    assert not app.exception
    assert app.title[0].value == "Diagnose"
    assert "Data stays on this machine" in shown(app)
    assert "not real people" in shown(app)
    assert {one.label for one in app.button} == {words for _, words, _ in SAMPLES}
    assert double.calls == []


def test_a_server_that_could_not_answer_can_be_asked_again(
    app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(case: Case) -> Diagnosis:
        raise BusyError("Too much is waiting at the server.")

    answered = double.diagnose
    monkeypatch.setattr(double, "diagnose", busy)
    give(app.run(), record())
    assert "Too much is waiting at the server." in shown(app)
    monkeypatch.setattr(double, "diagnose", answered)
    button(app, "Ask again").click().run()
    assert headline(app)
    assert "Ask again" not in {one.label for one in app.button}


def test_models_of_a_server_that_was_away_can_be_looked_for_again(
    app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> engine.Catalogue:
        raise UnavailableError("The server cannot be reached.")

    there = engine.catalogue
    monkeypatch.setattr(engine, "catalogue", away)
    app.run()
    assert "cannot be reached" in app.sidebar.error[0].value
    monkeypatch.setattr(engine, "catalogue", there)
    button(app, "Look again").click().run()
    assert not app.sidebar.error
    assert app.sidebar.selectbox


def test_a_long_strip_of_tiles_says_how_many_there_are(app: AppTest, double: Double) -> None:
    sounds = [(f"{n}.wav", beats_wav(n), "audio/wav") for n in range(4)]
    give(app.run(), sounds)
    assert "scroll sideways" not in shown(app)
    give(app, record()[2:])
    assert "4 sounds, 1 note: scroll sideways for all of them." in shown(app)


def test_the_tiles_tell_what_became_of_each_item(app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = double.diagnose

    def answer(case: Case) -> Diagnosis:
        diagnosis = answered(case)
        foreign = Notice("foreign", "This does not read like a clinical note.", item="note.txt", refused=True)
        guess = Notice("site_guessed", "Taken for a lung sound by its content.", item="sound.wav")
        items = tuple(replace(item, site=item.site or "lung") for item in diagnosis.items)
        return replace(diagnosis, quality=(foreign, guess), items=items)

    monkeypatch.setattr(double, "diagnose", answer)
    give(app.run(), [("sound.wav", beats_wav(), "audio/wav"), *record()[2:]])
    sound, note = (body for body in (element.proto.body for element in app.get("html")) if "mm-tile" in body[:40])
    assert "Good quality" in sound
    assert "Not used: This does not read like a clinical note." in note
    kind = next(box for box in app.selectbox if box.label == "Kind of sound.wav")
    assert (kind.value, kind.options) == ("", ["Heart sound", "Lung sound", "Lung sound?"])
    kind.set_value(Site.HEART)
    app.run()
    assert not app.exception
    assert double.calls[-1].audios[0].site is Site.HEART


def test_leaving_an_item_out_changes_the_answer_and_putting_it_back_is_instant(app: AppTest, double: Double) -> None:
    give(app.run(), record())
    whole = headline(app)
    button(app, "Leave out note.txt").click()
    app.run()
    assert headline(app) != whole
    assert double.calls[-1].texts == ()
    assert [tab.label for tab in app.tabs] == ["Film", "Sound"]
    button(app, "Put back note.txt").click()
    app.run()
    assert headline(app) == whole
    assert len(double.calls) == 2


def test_everything_left_out_asks_for_an_item(app: AppTest, double: Double) -> None:
    give(app.run(), record()[2:])
    button(app, "Leave out note.txt").click()
    app.run()
    assert "Everything is left out" in app.info[0].value


def test_the_kind_of_a_sound_can_be_corrected(app: AppTest, double: Double) -> None:
    give(app.run(), record()[1:2])
    kind = next(one for one in app.selectbox if one.label.startswith("Kind of"))
    kind.set_value("Lung sound")
    app.run()
    assert double.calls[-1].audios[0].site is Site.LUNG


def test_age_and_sex_reach_the_engine(app: AppTest, double: Double) -> None:
    give(app.run(), record()[2:])
    app.number_input(key="age").set_value(70)
    app.run()
    assert double.calls[-1].patient.age == 70


def test_a_rerun_does_not_read_or_diagnose_again(app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    give(app.run(), record())
    monkeypatch.setattr("multimodal.formats.read_case", None)
    app.run()
    assert not app.exception
    assert len(double.calls) == 1


def test_a_new_case_forgets_age_and_sex(app: AppTest, double: Double) -> None:
    give(app.run(), record()[2:])
    app.number_input(key="age").set_value(70)
    app.button_group(key="sex").set_value("F")
    app.run()
    assert double.calls[-1].patient == Patient(age=70, sex="F")
    button(app, "New case").click()
    app.run()
    give(app, record()[:1])
    assert double.calls[-1].patient == Patient()


def test_one_label_is_picked_for_all_the_evidence_and_marked_in_the_picture(
    app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(evidence, "_explained", lambda item, label, choice: asked.append(label))
    give(app.run(), record())
    assert asked == ["pneumonia"] * 3
    app.selectbox(key="evidence-label").set_value("heart_failure").run()
    assert not app.exception
    assert asked[3:] == ["heart_failure"] * 3
    app.session_state["evidence-label"] = "murmur"  # as a click on its row does
    app.run()
    assert asked[6:] == ["murmur"] * 3
    assert "datum.label == 'murmur'" in app.get("vega_lite_chart")[0].proto.spec
    button(app, "Leave out beats.wav").click()
    app.run()
    assert not app.exception
    assert asked[9:] == ["murmur"] * 2


def test_the_evidence_opens_where_something_speaks_for_the_label(
    app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    tabs = st.tabs
    monkeypatch.setattr(
        st, "tabs", lambda titles, **options: opened.append(options["default"]) or tabs(titles, **options)
    )
    give(app.run(), record())
    app.session_state["evidence-label"] = "murmur"
    app.run()
    assert not app.exception
    assert opened == ["Film", "Sound"]


def test_warnings_are_told_beside_the_answer_and_a_notice_names_few_files(app: AppTest, double: Double) -> None:
    give(app.run(), record())
    assert "#warnings" not in shown(app)
    give(app, [(f"broken{n}.dcm", bytes(range(256)), "application/dicom") for n in range(5)])
    assert "<b>broken2.dcm</b> <abbr" in shown(app)
    assert "<b>broken3.dcm</b>" not in shown(app)
    assert "broken4.dcm" in shown(app)
    button(app, "New case").click()
    app.run()
    give(app, record()[:1])
    assert '<a href="#warnings">1 warning below the evidence</a>' in shown(app)


def test_a_swapped_branch_in_the_address_is_marked(app: AppTest, double: Double) -> None:
    app.query_params["image"] = "other_cnn"
    app.run()
    assert app.selectbox(key="image").value == "other_cnn"
    assert "<b>Swapped.</b> gated was trained with another network" in shown(app)
    app.selectbox(key="fusion").set_value("late")
    app.run()
    assert "Swapped." not in shown(app)


def test_a_missing_model_is_said_and_the_record_stays(
    app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(choice: object) -> Double:
        raise BundleNotFoundError("There is no trained branch.")

    monkeypatch.setattr(engine, "load", refuse)
    give(app.run(), record())
    assert not app.exception
    assert "There is no trained branch." in shown(app)
    assert "beats.wav" in shown(app)


def test_a_hostile_note_is_text(app: AppTest, double: Double) -> None:
    note = b"<script>alert(1)</script> **bold** :red[x] the patient has a cough and a fever"
    give(app.run(), [("<b>n</b>.txt", note, "text/plain")])
    assert not app.exception
    assert "<script>" not in shown(app)
    assert "&lt;script&gt;" in shown(app)
    assert "<b>n</b>" not in shown(app)


def test_the_real_engine_with_tiny_bundles(app: AppTest, tiny_zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (tiny_zoo,))
    prepared, ready = [], inference.ready
    monkeypatch.setattr(
        inference, "ready", lambda branch, item, device: prepared.append(item.modality) or ready(branch, item, device)
    )
    give(app.run(), [*record(), ("second.png", film_png(), "image/png")])
    assert not app.exception
    assert set(prepared) == set(Modality)
    prepared.clear()
    assert app.selectbox(key="image").options == ["tiny_image", "other_image"]
    assert app.selectbox(key="fusion").options == ["tiny_gated", "late"]
    assert "mm-answer" in shown(app)
    (diagnosis,) = made(app)
    assert json.loads(diagnosis.to_json())["models"]["fusion"]["name"] == "tiny_gated"
    app.selectbox(key="image").set_value("other_image")
    app.run()
    assert "late fusion" in shown(app)
    assert {one.models["fusion"].name for one in made(app)} == {"tiny_gated", "late"}
    assert set(prepared) == {Modality.IMAGE}, "sounds and notes were scored before"


def test_a_bundle_that_cannot_be_read_is_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "image" / "torn"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{")
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (tmp_path,))
    catalogue = engine.catalogue()
    assert catalogue.broken == ("image/torn",)
    assert catalogue.options["image"] == ()
