"""A head refitted and kept, a bundle added: what is done, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from multimodal import zoo
from multimodal.case import Notice
from multimodal.engine import Engine
from multimodal.errors import BundleInvalidError, BundleNotFoundError, ManifestError, UsageError
from multimodal.ui import lab_cost, lab_fit
from multimodal.ui.lab_fit import Embeddings, Fitted, Request
from multimodal.ui.lab_job import Job, Tell
from multimodal.ui.record import Choice
from tests.engine.tiny import full_case
from tests.ui.conftest import NOTE, beats_wav, film_png

BRANCHES = (("image", "other_image"), ("text", "tiny_text"))
REQUEST = Request("concat", BRANCHES, phantoms=6)


def silent(words: str, done: float) -> None:
    """Hear nothing."""


@pytest.fixture
def models(tiny_zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A writable copy of the tiny zoo, named by the environment."""
    root = tmp_path / "models"
    shutil.copytree(tiny_zoo, root)
    monkeypatch.setenv(zoo.ENVIRONMENT, str(root))
    return root


@pytest.fixture(scope="module")
def fitted(tiny_zoo: Path) -> Fitted:
    """A head over six phantoms, with a swapped film network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(zoo.ENVIRONMENT, str(tiny_zoo))
        return lab_fit.fit(REQUEST, Embeddings(), silent)


def test_a_head_refitted_on_six_phantoms_loads_and_fits_again(fitted: Fitted, models: Path) -> None:
    assert fitted.on_phantoms_alone
    assert (fitted.cases, fitted.held_out) == (4, 2)
    choice = {**dict(BRANCHES), "audio": "tiny_audio"}
    before = Engine({**choice, "fusion": "tiny_gated"}, device="cpu")
    assert before.models["fusion"].name == "late"
    kept = lab_fit.keep(fitted, "mine_phantoms")
    assert kept.folder == models / "fusion" / "mine_phantoms"
    assert zoo.verify(kept).training["sources"] == {"phantom": {"train": {"items": 6, "patients": 6}}}
    after = Engine({**choice, "fusion": "mine_phantoms"}, device="cpu")
    assert after.models["fusion"].name == "mine_phantoms"
    diagnosis = after.diagnose(full_case())
    assert "fusion_fallback" not in {notice.code for notice in diagnosis.warnings if isinstance(notice, Notice)}


def test_the_weights_of_late_pooling_are_refitted_too(models: Path) -> None:
    kept = lab_fit.keep(lab_fit.fit(replace(REQUEST, arch="late"), Embeddings(), silent), "late_phantoms")
    after = Engine({**dict(BRANCHES), "audio": "tiny_audio", "fusion": kept.name}, device="cpu")
    assert after.models["fusion"].name == "late_phantoms"


def test_the_next_head_over_the_same_branches_scores_nothing_again(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings = Embeddings()
    first = embeddings.of(REQUEST, silent)
    monkeypatch.setattr("multimodal.train.cases.answer_rows", None)
    assert embeddings.of(Request("gated", BRANCHES, phantoms=6), silent) is first


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("mine", "has seen phantoms alone"),
        ("../phantoms", "Expected a name"),
        ("a b phantoms", "Expected a name"),
    ],
)
def test_a_name_is_checked(fitted: Fitted, models: Path, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        lab_fit.keep(fitted, name)


def test_a_bundle_is_never_overwritten(fitted: Fitted, models: Path) -> None:
    lab_fit.keep(fitted, "twice_phantoms")
    with pytest.raises(UsageError, match="already"):
        lab_fit.keep(fitted, "twice_phantoms")
    with pytest.raises(UsageError, match="already"):
        lab_fit.add(zoo.find("fusion", "tiny_gated"), "late")
    assert [path.name for path in (models / "fusion").iterdir() if path.name.startswith(".")] == []


def test_a_bundle_comes_in_from_a_folder_as_it_is(tiny_zoo: Path, models: Path) -> None:
    fetched = lab_fit.fetch(str(tiny_zoo / "text" / "tiny_text"))
    added = lab_fit.add(fetched, "another_text")
    assert zoo.find("text", "another_text").config.sha256 == fetched.config.sha256
    assert zoo.verify(added).name == "another_text"
    assert (added.folder / "tokenizer.json").exists()


def test_what_is_no_bundle_is_refused_plainly(models: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleInvalidError, match="no such folder"):
        lab_fit.fetch(str(tmp_path / "nowhere"))
    with pytest.raises(BundleInvalidError, match="no readable config"):
        lab_fit.fetch(str(tmp_path))
    with pytest.raises(BundleNotFoundError, match="organisation/name@revision"):
        lab_fit.fetch("hf:nonsense")


def test_changed_weights_are_refused(models: Path) -> None:
    weights = models / "text" / "tiny_text" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(BundleInvalidError, match="not the one that the config"):
        lab_fit.fetch(str(weights.parent))


def test_a_wrong_data_folder_is_a_plain_error(models: Path, tmp_path: Path) -> None:
    request = Request("concat", BRANCHES, 6, (("image", str(tmp_path)), ("text", str(tmp_path))))
    job = Job(lambda tell: lab_fit.fit(request, Embeddings(), tell))
    job.wait(60)
    assert job.result is None
    assert "No readable metadata.csv" in (job.problem or "")
    with pytest.raises(ManifestError):
        lab_fit.fit(request, Embeddings(), silent)


def test_one_folder_is_not_enough() -> None:
    assert lab_fit.folders_of({"image": " ", "text": ""}) == ()
    assert lab_fit.folders_of({"image": " /a ", "text": "/b"}) == (("image", "/a"), ("text", "/b"))
    with pytest.raises(UsageError, match="two modalities"):
        lab_fit.folders_of({"image": "/a", "text": ""})


def test_the_name_offered_is_free_and_says_phantoms() -> None:
    assert lab_fit.suggested(REQUEST, ()) == "concat_phantoms"
    assert lab_fit.suggested(REQUEST, ("concat_phantoms", "concat_phantoms_2")) == "concat_phantoms_3"
    on_data = Request("gated", BRANCHES, 6, (("image", "/a"), ("text", "/b")))
    assert lab_fit.suggested(on_data, ()) == "gated_refit"


def test_a_job_is_stopped_at_its_next_step() -> None:
    told, go_on = Event(), Event()

    def work(tell: Tell) -> str:
        tell("one", 0.5)
        told.set()
        go_on.wait(20)
        tell("two", 0.6)
        return "done"

    job = Job(work)
    assert told.wait(20)
    assert job.running
    assert job.progress == ("one", 0.5)
    assert not job.stopping
    job.stop()
    assert job.stopping
    assert job.progress == ("Stopping after this step", 0.5)
    go_on.set()
    job.wait(20)
    assert (job.running, job.stopped, job.result, job.problem) == (False, True, None, None)


def test_a_job_tells_a_fault_of_the_program_without_its_text() -> None:
    def work(tell: Tell) -> None:
        raise ValueError("secret")

    job = Job(work)
    job.wait(20)
    assert job.problem == "The program failed (ValueError)."
    assert not job.stopped


def test_every_stage_is_measured(models: Path) -> None:
    chosen = json.loads((models / zoo.DEFAULTS).read_text())
    sources = (("film.png", film_png()), ("heart:beats.wav", beats_wav()), ("note.txt", NOTE))
    cost = lab_cost.measure(Choice(tuple(chosen.items()), device="cpu"), sources, full_case(), runs=1)
    assert list(cost.stages) == [
        "Decode the files",
        "Prepare film", "Forward film",
        "Prepare sound", "Forward sound",
        "Prepare note", "Forward note",
        "Fusion, every subset",
        "Whole answer",
    ]  # fmt: skip
    assert all(milliseconds > 0 for milliseconds in cost.stages.values())
    bundles = [zoo.find(kind, name) for kind, name in chosen.items()]
    assert cost.parameters == sum(bundle.config.parameters for bundle in bundles)
    assert cost.disk == sum(path.stat().st_size for bundle in bundles for path in bundle.folder.iterdir())
    assert cost.working >= 32 * 32 * 4
