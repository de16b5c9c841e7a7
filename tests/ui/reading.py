"""The Diagnose page without a browser: what a reader does there and sees."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from multimodal.case import Diagnosis


def shown(app: AppTest) -> str:
    """All markup on the page, less the style sheet."""
    bodies = (element.proto.body for element in app.get("html"))
    return "\n".join(body for body in bodies if not body.startswith("<style>"))


def headline(app: AppTest) -> str:
    return shown(app).split('<div class="mm-answer"><h2>')[1].split("</h2>")[0]


def made(app: AppTest) -> list[Diagnosis]:
    """The diagnoses that the session keeps."""
    return [value for value in app.session_state["memory"].values() if isinstance(value, Diagnosis)]


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label.replace("\\", "") == label)


def give(app: AppTest, files: list[tuple[str, bytes, str]]) -> AppTest:
    app.file_uploader[0].set_value(files)
    return app.run()
