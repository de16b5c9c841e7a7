"""The Compare page as a presenter uses it, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from multimodal.case import Case, Diagnosis
from multimodal.ui import engine
from multimodal.ui.record import Choice
from tests.ui.conftest import HOME, record
from tests.ui.made import Double
from tests.ui.reading import button, give, headline, shown
from tests.ui.test_compare_figures import csv, made_table


def start() -> AppTest:
    return AppTest.from_file(str(HOME), default_timeout=240)


def opened(app: AppTest) -> AppTest:
    app.run()
    app.switch_page("compare.py")
    return app.run()


def on_a_cohort(app: AppTest, source: str = "Phantoms, drawn now") -> AppTest:
    app.query_params.update({"compare": "A cohort", "cohort": source})
    return opened(app)


def upload(app: AppTest, data: bytes, name: str = "out.csv") -> AppTest:
    app.file_uploader[0].set_value([(name, data, "text/csv")])
    return app.run()


def test_leaving_a_modality_out_changes_the_answer_without_a_new_run(app: AppTest, double: Double) -> None:
    opened(app)
    assert not app.exception
    assert "Not a real patient" in shown(app)
    whole = headline(app)
    assert "Pneumonia" in whole
    app.pills(key="using").set_value(["image", "text"])
    app.run()
    assert not app.exception
    assert headline(app).startswith("Without the sound, ")
    assert headline(app) != whole
    app.pills(key="using").set_value(["image", "audio", "text"])
    app.run()
    assert headline(app) == whole
    assert len(double.calls) == 1


def test_everything_left_out_asks_for_a_part(app: AppTest, double: Double) -> None:
    opened(app)
    app.pills(key="using").set_value([])
    app.run()
    assert "Everything is left out" in app.info[0].value


def test_the_case_of_the_diagnose_page_comes_first(app: AppTest, double: Double) -> None:
    give(app.run(), record())
    app.switch_page("compare.py")
    app.run()
    assert not app.exception
    assert app.pills(key="case-shown").value == "open"
    assert [item.name for item in double.calls[-1].items] == ["film.png", "beats.wav", "note.txt"]


def test_what_was_said_of_the_patient_on_the_diagnose_page_holds_here(
    app: AppTest, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[float | None, tuple[tuple[str, float], ...]]] = []

    remembered = engine.remembered

    def recall(case: Case, choice: Choice) -> Diagnosis | None:
        asked.append((case.patient.age, choice.prevalence))
        return remembered(case, choice)

    monkeypatch.setattr(engine, "remembered", recall)
    give(app.run(), record())
    app.number_input(key="age").set_value(70)
    app.number_input(key="prevalence-pneumonia").set_value(40.0)
    app.run()
    app.switch_page("compare.py").run()
    assert not app.exception
    assert asked[-2:] == [(70, (("pneumonia", 0.4),))] * 2
    app.pills(key="case-shown").set_value("no_finding").run()
    assert asked[-1][0] != 70
    assert asked[-1][1] == ()


def test_one_modality_alone_cannot_be_compared(app: AppTest, double: Double) -> None:
    give(app.run(), record()[2:])
    app.switch_page("compare.py")
    app.run()
    assert "Nothing can be left out" in app.info[0].value


def test_the_evidence_is_one_click_away(app: AppTest, double: Double) -> None:
    opened(app)
    button(app, "See its evidence").click()
    app.run()
    app.switch_page("diagnose.py")
    app.run()
    assert not app.exception
    assert "Phantom drawn with: <b>pneumonia</b>" in shown(app)


def test_the_choices_live_in_the_address(double: Double) -> None:
    app = start()
    app.query_params.update({"case-shown": "Heart failure", "using": "Film"})
    opened(app)
    assert app.pills(key="case-shown").value == "heart_failure"
    assert app.pills(key="using").value == ["image"]


def test_an_empty_cohort_says_what_it_will_be(app: AppTest, double: Double) -> None:
    on_a_cohort(app)
    assert not app.exception
    assert "drawn by this software" in shown(app)
    assert double.calls == []


def test_a_cohort_of_phantoms_is_drawn_diagnosed_and_kept(tiny_zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multimodal.zoo.catalogue.roots", lambda: (tiny_zoo,))
    app = on_a_cohort(start())
    app.number_input(key="n").set_value(6)
    button(app, "Draw and diagnose").click()
    app.run()
    assert not app.exception
    page = shown(app)
    assert "Phantoms: drawn by this software, not patients" in page
    assert "6 patients" in page
    assert "seeds 5000 to 5005" in page
    assert "Best possible" in page
    answers = app.session_state["cohort-run"].answers()
    subsets = {name: len(answers.of(name).subsets()) for name in answers.labels()}
    assert subsets[app.selectbox(key="label").value] == max(subsets.values())
    rows = app.session_state["cohort-run"].rows
    app.selectbox(key="image").set_value("other_image")
    app.run()
    assert not app.exception
    assert "<b>Other models.</b> These answers were given by tiny_image" in shown(app)
    assert app.session_state["cohort-run"].rows is rows

    app.switch_page("diagnose.py").run()
    app.switch_page("compare.py").run()
    assert "seeds 5000 to 5005" in shown(app)
    assert app.session_state["cohort-run"].rows is rows

    reloaded = start()
    reloaded.query_params.update({key: app.query_params[key] for key in ("drawn", "n")})
    on_a_cohort(reloaded)
    assert not reloaded.exception
    assert "6 patients" in shown(reloaded)
    assert "seeds 5000 to 5005" in shown(reloaded)


def test_a_results_file_is_read_and_a_changed_case_opens_on_the_diagnose_page(app: AppTest, double: Double) -> None:
    upload(on_a_cohort(app, "A results file"), csv(made_table(), label="heart_failure"))
    assert not app.exception
    page = shown(app)
    assert "20 with it, 60 without" in page
    assert "read from out.csv" in page
    why = next(one for one in app.button if one.label == "See why")
    why.click()
    app.run()
    app.switch_page("diagnose.py")
    app.run()
    assert not app.exception
    assert double.calls[-1].case_id == why.key.removeprefix("why-")
    assert app.selectbox(key="evidence-label").value == "heart_failure"


def test_real_cases_of_a_file_are_not_opened(app: AppTest, double: Double) -> None:
    upload(on_a_cohort(app, "A results file"), csv(made_table(), cohort="paired", source="manifest.csv"))
    assert "The file names cases by a hash" in shown(app)
    assert all(one.label != "See why" for one in app.button)


def test_a_results_file_outlives_a_change_of_page_until_it_is_taken_away(app: AppTest, double: Double) -> None:
    upload(on_a_cohort(app, "A results file"), csv(made_table()))
    app.switch_page("diagnose.py").run()
    app.switch_page("compare.py").run()
    assert "read from out.csv" in shown(app)
    upload(app, csv(made_table()), "again.csv")
    app.file_uploader[0].set_value(None)
    app.run()
    assert not app.exception
    assert "again.csv" not in shown(app)


def test_a_bad_file_is_said_in_plain_words(app: AppTest, double: Double) -> None:
    upload(on_a_cohort(app, "A results file"), b"a,b\n1,2\n")
    assert not app.exception
    assert app.error[0].value.startswith("out.csv: It lacks the columns case_id, label")


def test_two_presenters_never_see_each_other(double: Double) -> None:
    one, other = (on_a_cohort(start(), "A results file") for _ in range(2))
    upload(one, csv(made_table(), source="canary-one"))
    other.run()
    assert "canary-one" in shown(one)
    assert "canary-one" not in shown(other)
