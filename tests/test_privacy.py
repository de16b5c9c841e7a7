"""Words planted in every field of a record are looked for wherever bytes can rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from multimodal.case import Case, ItemResult
from multimodal.formats import read_case
from multimodal.store import Review, Store, Verdict, corrections, inputs_of, worklist_csv
from tests import canaries
from tests.canaries import HIDDEN, NAMED, SAID, TOLD, within, within_folder
from tests.store.made import diagnosis, result

ROOT = Path(__file__).parents[1]
EVERY = (*HIDDEN, *NAMED, *TOLD, SAID)


@pytest.fixture(scope="module")
def case() -> Case:
    return read_case(list(canaries.files().items()), isolated=False)


def test_every_word_is_there_to_be_found() -> None:
    every = b"".join((*canaries.files().values(), canaries.archive()))

    assert within(every, EVERY) == [word for word in EVERY if word != NAMED[8]], "the last is the archive's own name"


def test_nothing_hidden_in_a_file_gets_past_the_reader(case: Case) -> None:
    assert (len(case.images), len(case.audios), len(case.texts), len(case.problems)) == (3, 2, 2, 1)

    everything = repr([vars(one) for one in (*case.items, case)]).encode() + b"".join(
        one.pixels.tobytes() for one in case.images
    )

    assert within(everything, HIDDEN) == []


def test_the_database_holds_no_word_of_a_file_that_was_not_kept_and_no_identifier_of_one_that_was(
    case: Case, tmp_path: Path
) -> None:
    items = tuple(ItemResult(one.name, one.sha256, one.modality, getattr(one, "site", None)) for one in case.items)
    answer = diagnosis(result("pneumonia", 0.8), items=items, warnings=case.problems, case_id=NAMED[0])
    store = Store(f"sqlite:///{tmp_path / 'data' / 'cases.db'}")
    mine = store.worklist("me")

    mine.save(answer, title="Bed 7")
    assert within_folder(tmp_path, EVERY) == {}
    kept = mine.save(answer, title="Bed 8", inputs=inputs_of(case))
    mine.review(kept, Review(Verdict.AGREE, {"pneumonia": 1}))

    assert within_folder(tmp_path, (*HIDDEN, *NAMED, *TOLD)) == {}
    exported = b"".join(data for _, data in corrections(mine)) + worklist_csv(mine).encode()
    assert within(exported, (*HIDDEN, *NAMED, *TOLD)) == []
    assert within(exported, (SAID,)) == [SAID], "the note itself is kept, since that was asked for"
    again = read_case([one.source for one in mine.inputs(kept)], isolated=False)
    assert len(again.items) == len(case.items)
    mine.delete(kept)
    assert within_folder(tmp_path, EVERY) == {}
    store.close()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from multimodal.zoo import DEFAULTS
    from tests.engine.tiny import ARCH, save_branch

    root = tmp_path_factory.mktemp("zoo")
    for kind in ARCH:
        save_branch(root, kind, f"tiny_{kind}")
    (root / DEFAULTS).write_text(json.dumps({kind: f"tiny_{kind}" for kind in ARCH}))
    return root


def test_the_command_line_leaves_names_in_its_answer_and_nothing_anywhere_else(zoo: Path, tmp_path: Path) -> None:
    given, rest = tmp_path / "given", tmp_path / "rest"
    given.mkdir()
    (rest / "tmp").mkdir(parents=True)
    record = given / f"{NAMED[8]}.zip"
    record.write_bytes(canaries.archive())
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"), str(rest))
    program = "import sys; sys.argv[0] = 'multimodal'; from multimodal.cli import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", program, "diagnose", str(record), "--json", "--report", str(given / "out.pdf")],
        cwd=rest,
        env={
            **os.environ,
            **homes,
            "TMPDIR": str(rest / "tmp"),
            "MULTIMODAL_MODELS": str(zoo),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert {item["name"].rsplit("/", 1)[-1].split(".")[0] for item in json.loads(done.stdout)["items"]} <= set(NAMED)
    assert within(done.stdout, (*HIDDEN, *TOLD, SAID)) == []
    assert within(done.stderr, EVERY) == []
    page = PdfReader(BytesIO((given / "out.pdf").read_bytes()))
    shown = "".join(each.extract_text() for each in page.pages) + repr(page.metadata)
    assert within(shown.encode() + (given / "out.pdf").read_bytes(), HIDDEN) == []
    assert within_folder(rest, EVERY) == {}
    assert [path.name for path in (rest / "tmp").iterdir()] == []
