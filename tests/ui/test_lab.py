"""The Model lab as a researcher uses it, without a browser."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event

import pytest
from streamlit.testing.v1 import AppTest

from multimodal import zoo
from multimodal.ui import engine
from multimodal.ui.lab_fit import Embeddings, Request
from multimodal.ui.lab_job import Tell
from tests.ui.made import Double
from tests.ui.reading import button, shown


@pytest.fixture
def lab(app: AppTest) -> AppTest:
    app.default_timeout = 240
    return app.switch_page("model_lab.py")


@pytest.fixture
def models(tiny_zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A writable copy of the tiny zoo, named by the environment."""
    root = tmp_path / "models"
    shutil.copytree(tiny_zoo, root)
    monkeypatch.setenv(zoo.ENVIRONMENT, str(root))
    return root


def finish(app: AppTest, key: str) -> AppTest:
    """Wait for a job of the session and draw the page again."""
    app.session_state[key].wait(120)
    return app.run()


def labelled(app: AppTest, label: str) -> str:
    """What a box of that label holds."""
    return str(next(one for one in app.selectbox if one.label == label).value)


def test_the_empty_lab_says_what_to_do_and_a_swap_is_one_click_away(lab: AppTest, double: Double) -> None:
    lab.run()
    assert not lab.exception
    assert "B is the same as A." in shown(lab)
    assert double.calls == []
    button(lab, "Film network: other_cnn").click()
    lab.run()
    assert not lab.exception
    assert lab.selectbox(key="b-image").value == "other_cnn"
    assert "<b>A.</b> gated was trained with these networks." in shown(lab)
    assert "<b>B.</b> gated was trained with another film network" in shown(lab)
    assert "Phantom drawn with: <b>pneumonia</b>. Not a real patient." in shown(lab)
    assert "A and B say the same" in shown(lab)


def test_b_in_the_address_and_a_choice_that_a_takes_over(lab: AppTest, double: Double) -> None:
    lab.query_params["b-fusion"] = "late"
    lab.run()
    assert not lab.exception
    assert "<b>B.</b> Late pooling" in shown(lab)
    lab.selectbox(key="fusion").set_value("late")
    lab.run()
    assert not lab.exception
    assert lab.selectbox(key="b-fusion").value == "as A"
    assert "B is the same as A." in shown(lab)


def test_a_phantom_with_real_networks_and_a_cohort(lab: AppTest, models: Path) -> None:
    lab.query_params["b-image"] = "other_image"
    lab.run()
    assert not lab.exception
    assert "labels" in shown(lab).split('<div class="mm-answer"')[1]
    lab.segmented_control(key="lab-on").set_value("cohort")
    lab.run()
    lab.number_input(key="lab-n").set_value(2)
    lab.run()
    button(lab, "Draw and compare").click()
    lab.run()
    finish(lab, "lab-cohort")
    assert not lab.exception
    assert "2 phantoms, drawn by this software: not patients" in shown(lab)
    assert "Agreement by label" in shown(lab)


def test_a_head_is_refitted_saved_and_used(lab: AppTest, models: Path) -> None:
    lab.query_params["b-image"] = "other_image"
    lab.query_params["lab"] = "Refit"
    lab.query_params["lab-phantoms"] = "6"
    lab.run()
    assert not lab.exception
    assert "until a refit" in shown(lab)
    button(lab, "Refit the head").click()
    lab.run()
    finish(lab, "lab-refit")
    assert not lab.exception
    assert not lab.error
    assert "This head has seen no patient" in shown(lab)
    lab.text_input(key="lab-name").set_value("tiny_gated")
    button(lab, "Save and use it").click()
    lab.run()
    assert "phantoms alone" in lab.error[0].value
    lab.text_input(key="lab-name").set_value("mine_phantoms")
    button(lab, "Save and use it").click()
    lab.run()
    assert not lab.exception
    assert "Kept as fusion/mine_phantoms. It is B's head now" in lab.success[0].value
    assert "<b>B.</b> mine_phantoms was trained with these networks." in shown(lab)
    assert "mine_phantoms" in lab.selectbox(key="fusion").options


def test_a_head_kept_beside_a_server_is_not_said_to_be_the_servers(
    lab: AppTest, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = engine.catalogue()
    monkeypatch.setattr(engine, "server", lambda: "http://ward.example")
    monkeypatch.setattr(engine, "catalogue", lambda: offered)
    lab.query_params["lab"] = "Refit"
    lab.query_params["lab-phantoms"] = "6"
    lab.run()
    button(lab, "Refit the head").click()
    lab.run()
    finish(lab, "lab-refit")
    button(lab, "Save and use it").click()
    lab.run()
    assert not lab.exception
    assert "the server answers with its own, and does not have it" in lab.success[0].value
    assert lab.selectbox(key="fusion").value == offered.options["fusion"][0].name


def test_what_is_refitted_is_a_head_of_the_same_kind(lab: AppTest, double: Double) -> None:
    lab.query_params.update({"lab": "Refit", "b-fusion": "late"})
    lab.run()
    assert not lab.exception
    assert labelled(lab, "Kind of head") == "late"
    lab.selectbox(key="b-fusion").set_value("as A")
    lab.run()
    assert labelled(lab, "Kind of head") == "gated"


def test_a_job_that_is_stopped_is_no_error(lab: AppTest, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = Event(), Event()

    def fit(request: Request, embeddings: Embeddings, tell: Tell) -> None:
        begun.set()
        go_on.wait(60)
        tell("Fitting the head", 0.5)

    monkeypatch.setattr("multimodal.ui.lab_refit.fit", fit)
    lab.query_params["lab"] = "Refit"
    lab.run()
    button(lab, "Refit the head").click()
    lab.run()
    assert begun.wait(60)
    button(lab, "Stop").click()
    lab.run()
    assert button(lab, "Stop").disabled
    go_on.set()
    finish(lab, "lab-refit")
    assert not lab.exception
    assert not lab.error
    assert [told.value for told in lab.info] == ["Stopped."]


def test_bundles_architectures_and_a_folder_that_is_none(lab: AppTest, models: Path, tmp_path: Path) -> None:
    lab.query_params["lab"] = "Bundles"
    lab.run()
    assert not lab.exception
    assert "tiny_image, tiny_audio, tiny_text" in shown(lab)
    lab.segmented_control(key="lab-kind").set_value("text")
    lab.run()
    assert "small_transformer" in shown(lab).split("Architectures: Note network")[1]
    button(lab, "Count the parameters").click()
    lab.run()
    assert not lab.exception
    assert " M</td>" in shown(lab).split("Architectures: Note network")[1]
    lab.text_input(key="lab-reference").set_value(str(tmp_path))
    button(lab, "Check").click()
    lab.run()
    assert "no readable config" in lab.error[0].value
    lab.text_input(key="lab-reference").set_value(str(models / "text" / "tiny_text"))
    button(lab, "Check").click()
    lab.run()
    lab.text_input(key="lab-added-name").set_value("copied_text")
    button(lab, "Add").click()
    lab.run()
    assert not lab.exception
    assert "Added as text/copied_text" in lab.success[0].value
    assert "copied_text" in lab.selectbox(key="text").options
