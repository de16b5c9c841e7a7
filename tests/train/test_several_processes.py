"""One training shared by several processes, as torchrun and ``accelerate launch`` start them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from multimodal.zoo import at, verify

TRAIN = "import sys; from multimodal.cli import main; sys.exit(main())"


@pytest.mark.skipif(sys.platform == "win32", reason="gloo needs a loopback name there")
def test_two_processes_train_one_network_and_one_of_them_writes_it(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    rows = ["text,patient_id,split,pneumonia"]
    for number in range(56):
        finding = "crackles at the right base" if number % 2 else "clear lungs"
        rows.append(f"Patient {number} has {finding}.,p{number},{'train' if number < 40 else 'val'},{number % 2}")
    (notes / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    settings = ["--set", "epochs=2", "--set", "batch_size=4"]
    run = subprocess.run(
        [*command, "train", "text", "--arch", "small_transformer", "--data", "notes", *settings, "--out", "tiny"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = run.stdout + run.stderr
    assert told.count("text/tiny in tiny") == 1
    assert told.count("train_runtime") == 1  # two that know nothing of each other would both tell
    assert verify(at(tmp_path / "tiny")).arch == "small_transformer"
